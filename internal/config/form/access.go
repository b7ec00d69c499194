package form

import "deputy/identity"

// The sections about who calls. Package identity judges their values, and this table describes them.

const (
	plain     = `\S(.*\S)?` // without a space at its ends
	sha256Hex = `[0-9A-Fa-f]{64}`
)

var identitySection = &Section{
	Name: "Identity", Doc: "Whose tokens are believed, and what is known of users beside their tokens.",
	Keys: []Key{
		{Name: "issuers", Kind: sections(issuer), Doc: "The OpenID providers whose access tokens are believed."},
		{Name: "users", Kind: sections(user), Doc: "What is known of users beside their tokens."},
	},
}

var issuer = &Section{
	Name: "Issuer", Doc: "One OpenID provider.",
	Keys: []Key{
		{Name: "name", Kind: pattern("name", identity.IssuerName),
			Doc: `The name of the issuer. It is needed with several issuers: a user's id is then "name/sub" instead of "sub".`},
		{Name: "kind", Kind: among(identity.Generic, identity.Entra, identity.Okta, identity.Auth0, identity.Keycloak),
			Without: "generic (RFC 9068)", Doc: "Whose product the issuer is, which sets the defaults of what follows."},
		{Name: "url", Kind: pattern("URL", httpURL), Needed: true,
			Doc: "The URL of the issuer, as in the iss claim. Discovery happens below it."},
		{Name: "audience", Kind: text, Without: "the server's public URL with /mcp",
			Doc: "The audience that a token must be made out to."},
		{Name: "token_types", Kind: list(text), Without: "at+jwt (RFC 9068)", Doc: "The JOSE typ values that are taken."},
		{Name: "algorithms",
			Kind:    list(among("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")),
			Without: "RS256, ES256, PS256, EdDSA", Doc: "The signature algorithms that are taken. None and HS* never are."},
		{Name: "claims", Kind: section(claims),
			Doc: "Where users, clients, scopes, groups and attributes are in the tokens."},
		{Name: "scopes", Kind: among(identity.ScopesWhenPresent, identity.ScopesRequired, identity.ScopesIgnored),
			Without: "when_present",
			Doc:     "What the scopes in a token (query, describe, request) are taken for: when_present (a ceiling when the token names some), required (without them it may do nothing) or ignored. They never grant anything."},
		{Name: "scope_prefix", Kind: pattern("text", `[!#-\[\]-~]*`), Without: "nothing",
			Doc: "What clients write before a scope when they ask this issuer for it, such as api://deputy/ at Entra."},
		{Name: "allow_userinfo", Kind: yes, Default: "false",
			Doc: "With true, tokens are taken that are also made out to this issuer's own userinfo, as those of Auth0 are that openid was asked for."},
		{Name: "steward_clients", Kind: list(pattern("client id", `\S+`)),
			Doc: "The client ids through which people decide about requests themselves. They are never an agent's."},
		{Name: "introspection", Kind: section(introspection), Without: "no such token is taken",
			Doc: "How the issuer is asked about tokens that are not JWTs. One issuer can have it."},
		{Name: "dpop", Kind: among(identity.DPoPWhenBound, identity.DPoPRequired), Without: "when_bound",
			Doc: "when_bound: a token that is bound to a key needs a proof of it. required: every token has to be bound."},
		{Name: "login", Kind: section(login), Without: "people do not sign in", Doc: "How people sign in with deputy login."},
	},
}

var login = &Section{
	Name: "Login", Doc: "The client that deputy login is at an issuer: a native app with the redirect URI http://127.0.0.1/callback.",
	Keys: []Key{
		{Name: "client_id", Kind: text, Doc: "The client id as the issuer knows it. It is no agent's own."},
		{Name: "client_secret", Kind: secret(text),
			Doc: "The client's secret, for issuers that insist on one, though a native app cannot keep it."},
		{Name: "scopes", Kind: list(text),
			Without: "openid, offline_access, query, describe, request, the last three with the scope_prefix before them",
			Doc:     "The scopes that are asked for."},
		{Name: "redirect_port", Kind: number, Without: "any free one",
			Doc: "The port of the redirect URI, for issuers that compare it."},
		{Name: "audience_parameter", Kind: among(identity.ByResource, identity.ByAudience, identity.ByNone),
			Without: "resource",
			Doc:     "How the issuer wants to be told which server a token is for: resource (RFC 8707), audience (Auth0) or none (Entra: the scopes say it)."},
	},
}

var introspection = &Section{
	Name: "Introspection", Doc: "How an issuer is asked about opaque tokens (RFC 7662). Its answer has to say active, iss, aud, exp and client_id.",
	Keys: []Key{
		{Name: "url", Kind: pattern("URL", httpURL+`(\?[^#]*)?`),
			Without: "the introspection_endpoint that the issuer's discovery document names", Doc: "The URL that is asked."},
		{Name: "client_id", Kind: nonEmpty(""), Needed: true, Doc: "Deputy's client id at the issuer."},
		{Name: "client_secret", Kind: secret(nonEmpty("")), Needed: true,
			Doc: "The secret that goes with it, by HTTP Basic."},
		{Name: "cache", Kind: duration, Without: "30s", Doc: "How long a token that was active counts as active: 1s to 5m."},
	},
}

var claims = &Section{
	Name: "Claims",
	Doc:  "The claims that parties, groups and attributes are read from. No claim is read that is named neither here nor in the defaults, but act (RFC 8693), which always says who acts.",
	Keys: []Key{
		{Name: "user", Kind: list(text), Without: "sub",
			Doc: "The claims that together say which user it is. An e-mail address is never taken: those change hands."},
		{Name: "client", Kind: list(text), Without: "client_id, azp, appid",
			Doc: "The claims that name the client. The first that is there counts."},
		{Name: "scopes", Kind: list(text), Without: "scope, scp",
			Doc: "The claims that name the scopes. The first that is there counts."},
		{Name: "groups", Kind: text, Without: "groups",
			Doc: "The claim that names the user's groups, or the path to it: realm_access.roles."},
		{Name: "name", Kind: text, Without: "name", Doc: "The claim with a name for people to read."},
		{Name: "email", Kind: text, Without: "email",
			Doc: "The claim that tells that two accounts are one person's, who then decides on neither's requests."},
		{Name: "attributes", Kind: mapping(text, "", ""),
			Doc: "What policies call an attribute, and the claim that it comes from."},
	},
}

var user = &Section{
	Name: "User", Doc: "Groups and attributes of a user, beside those that an issuer knows.",
	Keys: []Key{
		{Name: "id", Kind: nonEmpty(""), Needed: true,
			Doc: "The sub of the user's tokens. With several issuers it is ISSUER/SUB."},
		{Name: "disabled", Kind: yes, Default: "false",
			Doc: "With true, the user is refused from the next call on, whatever token there is."},
		{Name: "groups", Kind: list(text), Doc: "The user's groups beside those in the token."},
		{Name: "attributes", Kind: mapping(values, "", ""),
			Doc: "The user's attributes beside those in the token: a name and its values."},
	},
}

var agent = &Section{
	Name: "Agent", Doc: "An agent: what it is called, how it proves who it is, what it may do.", OneOf: []string{"client_ids", "keys", "key_sha256"},
	Keys: []Key{
		{Name: "name", Kind: pattern("name", identity.AgentName), Needed: true,
			Doc: "The name that policies and records call the agent."},
		{Name: "description", Kind: text, Doc: "What the agent is, for people."},
		{Name: "owner", Kind: text,
			Doc: "The id or e-mail address of the user who answers for the agent, and does not decide on what it asks for."},
		{Name: "disabled", Kind: yes, Default: "false",
			Doc: "With true, the agent is refused from the next call on, whatever it proves."},
		{Name: "client_ids", Kind: list(pattern("client id", `\S+`)), Doc: "The agent's client ids at the issuers."},
		{Name: "keys", Kind: sections(apiKey), Doc: "The agent's API keys: several while one replaces another."},
		{Name: "key_sha256", Kind: list(pattern("SHA-256", sha256Hex)),
			Doc: `API keys without expiry: the hashes alone, made by "deputy agent key NAME".`},
		{Name: "issuers", Kind: atLeastOne(list(nonEmpty(""))), Without: "all",
			Doc: "The names or URLs of the issuers whose tokens the agent may bring."},
		{Name: "acts_for", Kind: atLeastOne(list(pattern("person", `(user|group):`+plain+`|`+valued("attribute")))),
			Without: "all users",
			Doc:     "The people that the agent may act for, each written user:ID, group:NAME or attribute:NAME=VALUE."},
		{Name: "groups", Kind: list(text), Doc: "Groups of the agent itself. They are never those of a human it acts for."},
		{Name: "attributes", Kind: mapping(values, "", ""), Doc: "Attributes of the agent itself: a name and its values."},
		{Name: "modes", Kind: list(among(identity.OnBehalfOf, identity.Autonomous)), Without: "on_behalf_of",
			Doc: "How the agent may act."},
		{Name: "may_request", Kind: yes, Default: "false",
			Doc: "With true, the agent may ask for more access for itself when it acts alone."},
		{Name: "limits", Kind: section(agentLimits), Doc: "How much of the server the agent may take."},
		{Name: "statements", Kind: among(identity.AnyStatement, identity.NamedStatements), Without: "any",
			Doc: "Which statements the agent may run: any, or named, which are those of queries alone."},
	},
}

var apiKey = &Section{
	Name: "Key", Doc: "One API key of an agent.",
	Keys: []Key{
		{Name: "sha256", Kind: pattern("SHA-256", sha256Hex), Needed: true,
			Doc: `The key's hash in hex, made by "deputy agent key NAME".`},
		{Name: "expires", Kind: expiry, Without: "never",
			Doc: "When the key is no longer good: 2027-02-23T10:00:00Z, or a date, on which it is no longer good."},
		{Name: "label", Kind: text, Doc: "Where the key is used, for people."},
	},
}

var agentLimits = &Section{
	Name: "AgentLimits", Doc: "The bounds of one agent, whoever it acts for.",
	Keys: []Key{
		{Name: "calls", Kind: number.within(0, 1_000_000), Without: "no more limited than others", Doc: "Calls at once."},
		{Name: "per_minute", Kind: number.within(0, 1_000_000), Without: "no more limited than others",
			Doc: "Calls that begin in a minute."},
		{Name: "max_rows", Kind: number.within(0, 1_000_000), Without: "limits.max_rows",
			Doc: "The most rows in an answer."},
		{Name: "answer", Kind: number.within(0, mostAnswer), Without: "limits.answer",
			Doc: "The most tokens in a copy of an answer."},
	},
}
