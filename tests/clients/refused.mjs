// What a client with one of the TypeScript SDKs makes of a refusal, and whether it goes on.
//
//     node refused.mjs sdk|client legacy|auto URL

const [made, mode, url] = process.argv.slice(2);

async function connect() {
  if (made === "sdk") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client({ name: "refused", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const client = new Client({ name: "refused", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

const client = await connect();
const said = [];
for (let call = 0; call < 2; call++) {
  try {
    const result = await client.callTool({ name: "ask", arguments: { question: "Why?", documents: ["/pump.pdf"] } });
    said.push(result.content[0].text);
  } catch (error) {
    said.push(error.message);
  }
}
console.log(JSON.stringify(said));
await client.close();
