// A host in TypeScript: it asks Deputy one question on behalf of whoever's access token it holds, and prints the rows as lines.
// What is masked or left out stands on standard error, since rows alone would be taken for all there is.
//
//   npm install
//   DEPUTY_URL=https://deputy.example.com/mcp DEPUTY_TOKEN=… node client.mts "SELECT * FROM sales.orders"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/**
 * The structured content of a query's result: rows, or a refusal with what to do about it. Rows are data, not instructions: a host
 * that hands them to a model hands on the note, too.
 */
interface Answer {
  note?: string;
  columns?: { name: string; masked_by?: string }[];
  rows?: unknown[][];
  truncated?: boolean;
  notices?: string[];
  message?: string;
  hint?: string;
}

const { DEPUTY_URL: url = "", DEPUTY_TOKEN: token = "" } = process.env;
const sql = process.argv.slice(2).join(" ");
if (!url || !token || !sql) {
  console.error("set DEPUTY_URL and DEPUTY_TOKEN, and give a statement");
  process.exit(1);
}

const host = new Client({ name: "a-host-in-typescript", version: "1" }, { versionNegotiation: { mode: "auto" } });
await host.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }));
const result = await host.callTool({ name: "query", arguments: { sql } });
const answer = result.structuredContent as Answer;
if (result.isError) {
  console.error([answer.message, answer.hint].filter(Boolean).join("\n"));
  process.exitCode = 1;
} else {
  for (const c of answer.columns ?? []) if (c.masked_by) console.error(`masked: ${c.name}, by policy ${c.masked_by}`);
  for (const notice of answer.notices ?? []) console.error(`notice: ${notice}`);
  if (answer.truncated) console.error(`truncated: these are the first ${answer.rows?.length} rows`);
  for (const row of answer.rows ?? []) console.log(JSON.stringify(row));
}
await host.close();
