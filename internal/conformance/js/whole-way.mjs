// A host that knows nothing but Deputy's address and its own client id, in the newest SDK: everything else it finds out.
//   node whole-way.mjs URL CLIENT_ID SQL
// It prints {"open": URL} for somebody's browser, reads the address to which the browser was sent back, and prints what it got and how.
import { createInterface } from "node:readline/promises";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

const [url, clientId, sql] = process.argv.slice(2);
const redirectUrl = "http://127.0.0.1:1/callback"; // the test's browser does not go there
const steps = [];
let tokens, verifier, opened, discovered;

const authProvider = {
  redirectUrl,
  clientMetadata: { redirect_uris: [redirectUrl], client_name: "A host", token_endpoint_auth_method: "none" },
  clientInformation: (ctx) => ({ client_id: clientId, issuer: ctx?.issuer }),
  tokens: () => tokens,
  saveTokens: (given) => { tokens = given; },
  saveCodeVerifier: (given) => { verifier = given; },
  codeVerifier: () => verifier,
  saveDiscoveryState: (given) => { discovered = given; },
  discoveryState: () => discovered,
  redirectToAuthorization: (address) => { opened = address; },
};

const watched = async (input, init) => {
  const response = await fetch(input, init);
  const at = new URL(input.url ?? input);
  steps.push(`${init?.method ?? "GET"} ${at.pathname} ${response.status}`);
  return response;
};
const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider, fetch: watched });
const client = new Client({ name: "whole-way", version: "1" }, { versionNegotiation: { mode: "auto" } });

const first = transport();
try {
  await client.connect(first);
  throw new Error("deputy answers without a token");
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
}
console.log(JSON.stringify({ open: opened.href }));
const input = createInterface({ input: process.stdin });
const [callback] = await new Promise((resolve) => input.once("line", (line) => resolve([new URL(line)])));
input.close();
await first.finishAuth(callback.searchParams);

const again = new Client({ name: "whole-way", version: "1" }, { versionNegotiation: { mode: "auto" } });
await again.connect(transport());
const { tools } = await again.listTools();
const result = await again.callTool({ name: "query", arguments: { sql } });
console.log(JSON.stringify({
  steps, revision: again.getNegotiatedProtocolVersion(), tools: tools.map((t) => t.name), isError: result.isError ?? false, rows: result.structuredContent?.rows,
}));
await again.close();
