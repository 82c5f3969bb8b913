// A host of MCP Apps, as small as it can be: the SDK's bridge around a sandboxed frame. Tools are called by the page's
// `callServer`, which the test provides.

import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

/** Shows an app with the result of the tool that it belongs to. */
window.showApp = async ({ html, input, result, theme }) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style.width = "100%";
  document.body.replaceChildren(frame);
  const capabilities = { serverTools: {} };
  const context = { theme, displayMode: "inline", availableDisplayModes: ["inline", "fullscreen"] };
  const bridge = new AppBridge(null, { name: "test-host", version: "1" }, capabilities, { hostContext: context });
  bridge.oncalltool = (params) => window.callServer(params);
  bridge.onsizechange = ({ height }) => { frame.style.height = `${height}px`; };
  bridge.onrequestdisplaymode = async ({ mode }) => ({ mode: (window.displayMode = mode) });
  const initialized = new Promise((resolve) => { bridge.oninitialized = resolve; });
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.srcdoc = html;
  await initialized;
  window.appCapabilities = bridge.getAppCapabilities();
  await bridge.sendToolInput({ arguments: input });
  await bridge.sendToolResult(result);
};
