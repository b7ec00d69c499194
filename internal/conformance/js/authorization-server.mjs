// A real authorization server for the tests: npm oidc-provider on loopback, set up as an administrator would set up theirs for Deputy.
//   node authorization-server.mjs DEPUTY_URL [SECONDS [jwt|opaque]]
// Access tokens live for so many seconds, or five minutes. Those for Deputy are JWTs, or have to be asked about.
// It prints {"issuer": …} when it listens, and ends with its standard input. Signing in asks for a name and takes any password; that is
// the package's own page for development, and the only thing here that is less than production.
import { createServer } from "node:http";
import { generateKeyPair, exportJWK, jwtVerify, createLocalJWKSet } from "jose";
import Provider, { errors } from "oidc-provider";

const [deputy, seconds = 300, format = "jwt"] = process.argv.slice(2);
const accessTokenTTL = Number(seconds);
const portal = "https://portal.example.com/api"; // what a host's own sign-in is for: not Deputy
const people = { taylor: ["Marketing"], priya: ["Marketing", "Privacy"], sam: [] };
const secret = "a secret of the tests, which nobody keeps"; // of the confidential clients
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const jwtType = "urn:ietf:params:oauth:token-type:access_token";

const resources = {
  [deputy]: { scope: "query describe request approve", audience: deputy, accessTokenFormat: format, accessTokenTTL, jwt: { sign: { alg: "ES256" } } },
  [portal]: { scope: "profile-api", audience: portal, accessTokenFormat: "jwt", accessTokenTTL, jwt: { sign: { alg: "ES256" } } },
};

const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const key = { ...(await exportJWK(privateKey)), kid: "conformance", alg: "ES256", use: "sig" };
const { d, ...publicKey } = key;
const ownKeys = createLocalJWKSet({ keys: [publicKey] });

const publicClient = { token_endpoint_auth_method: "none", application_type: "native", id_token_signed_response_alg: "ES256" };
const confidential = { client_secret: secret, redirect_uris: [], response_types: [], id_token_signed_response_alg: "ES256" };
const interactive = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"];
const clients = [
  { client_id: "chat", ...publicClient, grant_types: interactive, redirect_uris: ["http://127.0.0.1/callback"] },
  { client_id: "portal", ...publicClient, grant_types: interactive, redirect_uris: ["http://127.0.0.1/callback"] },
  { client_id: "deputy-cli", ...publicClient, grant_types: interactive, redirect_uris: ["http://127.0.0.1/callback"] },
  { client_id: "relay", ...confidential, grant_types: ["client_credentials", exchange] },
  { client_id: "gateway", ...confidential, grant_types: ["client_credentials", exchange] },
  { client_id: "nightly", ...confidential, grant_types: ["client_credentials"] },
  { client_id: "introspector", ...confidential, grant_types: ["client_credentials"] },
];

const acts = new WeakMap(); // the act claim of a token that was exchanged

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  clients,
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  scopes: ["openid", "offline_access"],
  claims: { openid: ["sub"] },
  cookies: { keys: ["keys of a server that is gone in a minute"] },
  pkce: { required: () => true },
  async findAccount(ctx, id) {
    return people[id] && { accountId: id, claims: async () => ({ sub: id }) };
  },
  async extraTokenClaims(ctx, token) {
    return { groups: people[token.accountId], act: acts.get(token) };
  },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo(ctx, resource) {
        if (!resources[resource]) throw new errors.InvalidTarget();
        return resources[resource];
      },
    },
  },
});

// Whose token may a client exchange, and for what? The only answer here: the portal's token of somebody, for Deputy. Who acts is the
// actor token's client, or the one that exchanges; who acted before stays inside.
provider.registerGrantType(exchange, async (ctx) => {
  const p = ctx.oidc.params;
  if (p.subject_token_type !== jwtType || p.resource !== deputy) throw new errors.InvalidTarget();
  const subject = await own(p.subject_token, portal);
  let actor = ctx.oidc.client.clientId;
  if (p.actor_token !== undefined) {
    const claims = await own(p.actor_token, deputy);
    if (p.actor_token_type !== jwtType || claims.sub !== claims.client_id) throw new errors.InvalidGrant("no token of an actor");
    actor = claims.client_id;
  }
  const scope = (p.scope ?? "query describe").split(" ").filter((s) => ["query", "describe", "request"].includes(s)).join(" ");
  const token = new provider.AccessToken({ accountId: subject.sub, client: ctx.oidc.client, gty: "token_exchange", scope });
  token.resourceServer = new provider.ResourceServer(deputy, resources[deputy]);
  acts.set(token, { sub: actor, ...(subject.act && { act: subject.act }) });
  ctx.oidc.entity("AccessToken", token);
  const value = await token.save();
  ctx.body = { access_token: value, issued_token_type: jwtType, token_type: "Bearer", expires_in: token.expiration, scope };
}, ["subject_token", "subject_token_type", "actor_token", "actor_token_type", "resource", "scope"]);

async function own(token, audience) {
  try {
    return (await jwtVerify(token, ownKeys, { issuer, audience, typ: "at+jwt" })).payload;
  } catch {
    throw new errors.InvalidGrant("the token cannot be exchanged");
  }
}

// What was asked of this server since somebody last wanted to know, for the test that looks for tokens on their way.
let asked = [];
const callback = provider.callback();
server.on("request", (req, res) => {
  if (req.url === "/-/asked") {
    res.end(JSON.stringify(asked));
    asked = [];
    return;
  }
  asked.push({ method: req.method, path: req.url, authorization: req.headers.authorization ?? "" });
  callback(req, res);
});
provider.on("server_error", (ctx, err) => console.error(err));
console.log(JSON.stringify({ issuer, secret }));
process.stdin.resume().on("end", () => process.exit(0));
