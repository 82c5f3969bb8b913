// Prints how a client starts the server of an unpacked bundle, with what its user has filled in:
//   node as_a_client.mjs FOLDER USER_CONFIG_JSON
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";

const [folder, filledIn] = process.argv.slice(2);
const config = await getMcpConfigForManifest({
  manifest: JSON.parse(readFileSync(`${folder}/manifest.json`, "utf8")),
  extensionPath: folder,
  systemDirs: { HOME: homedir() },
  userConfig: JSON.parse(filledIn),
  pathSeparator: "/",
});
console.log(JSON.stringify(config ?? null));
