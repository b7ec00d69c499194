// A host of the first generation: @modelcontextprotocol/sdk 1.x.
//   node sdk1.mjs http URL TOKEN SQL
//   node sdk1.mjs stdio COMMAND SQL      with the command's variables as JSON in SERVER_ENV
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [kind, target, ...rest] = process.argv.slice(2);
const sql = rest.pop();
const transport = kind === "http"
  ? new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } } })
  : new StdioClientTransport({ command: target, args: ["stdio"], env: JSON.parse(process.env.SERVER_ENV) });

let revision;
transport.setProtocolVersion = ((set) => (version) => { revision = version; set?.call(transport, version); })(transport.setProtocolVersion);
const client = new Client({ name: "sdk-1", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
const result = await client.callTool({ name: "query", arguments: { sql } });
console.log(JSON.stringify({ revision, tools: tools.map((t) => t.name), isError: result.isError ?? false, rows: result.structuredContent?.rows }));
await client.close();
