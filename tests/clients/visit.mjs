// What tests/clients/visit.py does, with the TypeScript SDKs.
//
//     node visit.mjs sdk|client legacy|auto URL TEXTS_JSON

const [made, mode, url, given] = process.argv.slice(2);
const texts = JSON.parse(given);
const question = "How many litres does the pump hold?";

/** Returns a connected client with one `call` of tools for both SDKs. */
async function connect() {
  if (made === "sdk") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client({ name: "visit", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    return [client, (params, options) => client.callTool(params, undefined, options)];
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const client = new Client({ name: "visit", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return [client, (params, options) => client.callTool(params, options)];
}

const [client, callTool] = await connect();
const call = async (name, args, options) => (await callTool({ name, arguments: args }, options)).structuredContent;
const answer = async () => (await call("ask", { question, documents: [texts.short] })).claims[0].text;

async function poll() {
  const statuses = [];
  while (!statuses.length || statuses.at(-1) === "running") {
    const args = { document: texts.long, wait_seconds: statuses.length ? 1 : 0 };
    statuses.push((await call("analyze_document", args)).status);
  }
  return statuses;
}

async function readInParts() {
  const parts = [];
  let cursor = null;
  while (cursor || !parts.length) {
    const read = await call("read_document", { document: texts.long, ...(cursor && { cursor }) });
    parts.push(read.spans.map((span) => span.text).join(""));
    cursor = read.next_cursor;
  }
  return parts;
}

async function follow() {
  const args = { document: texts.long, mode: "extraction", focus: "every engine" };
  let part = await call("analyze_document", args);
  while (part.status === "running") part = await call("analyze_document", args);
  const results = [part.claims.map((claim) => claim.text)];
  while (part.next_cursor) {
    part = await call("analyze_document", { ...args, cursor: part.next_cursor });
    results.push(part.claims.map((claim) => claim.text));
  }
  return { results, claims: part.part.total };
}

async function cancel() {
  const given_up = new AbortController();
  const args = { document: texts.longest, mode: "detailed", wait_seconds: 300 };
  try {
    await call("analyze_document", args, { signal: given_up.signal, onprogress: () => given_up.abort("enough") });
  } catch (error) {
    return given_up.signal.aborted;
  }
  return false;
}

const tools = (await client.listTools()).tools.map((tool) => tool.name);
const report = {
  tools,
  answer: await answer(),
  polls: await poll(),
  parts: await readInParts(),
  ...(await follow()),
  cancelled: await cancel(),
  afterwards: await answer(),
};
console.log(JSON.stringify(report));
await client.close();
