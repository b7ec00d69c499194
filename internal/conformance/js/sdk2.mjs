// A host of the second generation: @modelcontextprotocol/client 2.x, held to the newest revision.
//   node sdk2.mjs http URL TOKEN SQL
//   node sdk2.mjs stdio COMMAND SQL      with the command's variables as JSON in SERVER_ENV
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [kind, target, ...rest] = process.argv.slice(2);
const sql = rest.pop();
const transport = kind === "http"
  ? new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } } })
  : new StdioClientTransport({ command: target, args: ["stdio"], env: JSON.parse(process.env.SERVER_ENV) });

const client = new Client({ name: "sdk-2", version: "1" }, { versionNegotiation: { mode: "auto" } });
await client.connect(transport);
const { tools } = await client.listTools();
const result = await client.callTool({ name: "query", arguments: { sql } });
console.log(JSON.stringify({
  revision: client.getNegotiatedProtocolVersion(), tools: tools.map((t) => t.name), isError: result.isError ?? false, rows: result.structuredContent?.rows,
}));
await client.close();
