package identity

import "time"

// Config is the part of the configuration that says whose tokens are believed and what is known of users beside them.
type Config struct {
	Issuers []IssuerConfig `yaml:"issuers"` // whose access tokens are believed
	Users   []UserConfig   `yaml:"users"`   // what is known of users beside their tokens
}

// The patterns of names that the configuration gives.
const (
	AgentName  = `[a-z0-9][a-z0-9._-]*`
	IssuerName = `[A-Za-z0-9][A-Za-z0-9._-]*`
)

// IssuerConfig is one OpenID provider.
type IssuerConfig struct {
	// Name is needed with several issuers: a user's id is then "name/sub" instead of "sub".
	Name string `yaml:"name"`
	// Kind is whose product it is, which sets the defaults of what follows: entra, okta, auth0, keycloak; default generic
	// (RFC 9068)
	Kind       IssuerKind   `yaml:"kind"`
	URL        string       `yaml:"url"`         // as in the iss claim; discovery happens below it
	Audience   string       `yaml:"audience"`    // default: the server's public URL with /mcp
	TokenTypes []string     `yaml:"token_types"` // JOSE typ values taken; default at+jwt (RFC 9068)
	Algorithms []string     `yaml:"algorithms"`  // default RS256, ES256, PS256, EdDSA; never none, never HS*
	Claims     ClaimsConfig `yaml:"claims"`      // where users, clients, scopes, groups and attributes are in the tokens
	// Scopes says what the scopes in a token (query, describe, request) are taken for: when_present (a ceiling when the
	// token names some), required (without them it may do nothing) or ignored; default when_present. They never grant
	// anything.
	Scopes ScopeRule `yaml:"scopes"`
	// ScopePrefix is what clients write before a scope when they ask this issuer for it: api://deputy/ at Entra; default
	// nothing
	ScopePrefix string `yaml:"scope_prefix"`
	// AllowUserinfo takes tokens that are also made out to this issuer's own userinfo, as those of Auth0 are that openid
	// was asked for.
	AllowUserinfo bool `yaml:"allow_userinfo"`
	// StewardClients are the client ids through which people decide about requests themselves; never an agent's.
	StewardClients []string `yaml:"steward_clients"`
	// Introspection has the issuer asked about tokens that are not JWTs; left out, no such token is taken. One issuer can
	// have it.
	Introspection *IntrospectionConfig `yaml:"introspection"`
	// when_bound (default): a token that is bound to a key needs a proof of it; required: every token has to be bound
	DPoP  DPoPMode    `yaml:"dpop"`
	Login LoginConfig `yaml:"login"` // how people sign in with deputy login; default: they do not
}

// IssuerKind is whose product an issuer is, and so where its tokens have what.
type IssuerKind string

const (
	Generic  IssuerKind = "generic" // as RFC 9068 says
	Entra    IssuerKind = "entra"
	Okta     IssuerKind = "okta"
	Auth0    IssuerKind = "auth0"
	Keycloak IssuerKind = "keycloak"
)

// LoginConfig is the client that deputy login is at an issuer: a native app with the redirect URI
// http://127.0.0.1/callback.
type LoginConfig struct {
	ClientID     string `yaml:"client_id"`     // as the issuer knows it; no agent's own
	ClientSecret Secret `yaml:"client_secret"` // for issuers that insist on one, though a native app cannot keep it
	// that are asked for; default openid, offline_access, query, describe, request, the last three with the scope_prefix
	// before them
	Scopes       []string `yaml:"scopes"`
	RedirectPort int      `yaml:"redirect_port"` // of the redirect URI, for issuers that compare it; default: any free one
	// AudienceParameter is how the issuer wants to be told which server a token is for: resource (RFC 8707), audience
	// (Auth0) or none (Entra: the scopes say it); default resource.
	AudienceParameter AudienceParameter `yaml:"audience_parameter"`
}

// AudienceParameter is the name of a parameter of OAuth requests, or none.
type AudienceParameter string

const (
	ByResource AudienceParameter = "resource"
	ByAudience AudienceParameter = "audience"
	ByNone     AudienceParameter = "none"
)

// IntrospectionConfig is how an issuer is asked about opaque tokens (RFC 7662). Its answer has to say active, iss, aud,
// exp and client_id.
type IntrospectionConfig struct {
	// default: the introspection_endpoint that the issuer's discovery document names
	URL          string `yaml:"url"`
	ClientID     string `yaml:"client_id"`     // of Deputy, at the issuer
	ClientSecret Secret `yaml:"client_secret"` // that goes with it, by HTTP Basic
	// how long a token that was active counts as active: 1s to 5m, default 30s
	Cache time.Duration `yaml:"cache"`
}

// DPoPMode says which of an issuer's tokens have to be bound to a key (RFC 9449).
type DPoPMode string

const (
	DPoPWhenBound DPoPMode = "when_bound"
	DPoPRequired  DPoPMode = "required"
)

// Secret is text that does not show when it is printed, logged or written as JSON. Convert it to a string to use it.
type Secret string

func (Secret) String() string               { return "(secret)" }
func (Secret) GoString() string             { return "(secret)" }
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// ClaimsConfig names the claims that parties, groups and attributes are read from. Nothing is read that is not named
// here or in the defaults, but act (RFC 8693), which always says who acts.
type ClaimsConfig struct {
	// that together say which user it is; default sub. Never an e-mail address: those change hands
	User []string `yaml:"user"`
	// that name the client, the first that is there; default client_id, azp, appid
	Client []string `yaml:"client"`
	Scopes []string `yaml:"scopes"` // that name the scopes, the first that is there; default scope, scp
	Groups string   `yaml:"groups"` // default "groups"
	Name   string   `yaml:"name"`   // for people to read; default "name"
	// that tells that two accounts are one person's, who then decides on neither's requests; default "email"
	Email      string            `yaml:"email"`
	Attributes map[string]string `yaml:"attributes"` // what policies call it: the claim it comes from
}

// UserConfig adds groups and attributes to those an issuer knows of a user.
type UserConfig struct {
	ID         string            `yaml:"id"`         // the sub of the user's tokens; with several issuers ISSUER/SUB
	Disabled   bool              `yaml:"disabled"`   // true: refused from the next call on, whatever token there is
	Groups     []string          `yaml:"groups"`     // beside those in the token
	Attributes map[string]Values `yaml:"attributes"` // beside those in the token: a name and its values
}

// AgentConfig registers an agent: what it is called, how it proves who it is, what it may do.
type AgentConfig struct {
	Name        string `yaml:"name"`        // as policies and records call it
	Description string `yaml:"description"` // for people
	// who answers for it: the id or e-mail address of a user, who does not decide on what it asks for
	Owner     string      `yaml:"owner"`
	Disabled  bool        `yaml:"disabled"`   // true: refused from the next call on, whatever it proves
	ClientIDs []string    `yaml:"client_ids"` // at the issuers above
	Keys      []KeyConfig `yaml:"keys"`       // its API keys, several while one replaces another
	// the same without expiry: the hashes alone; made by "deputy agent key NAME"
	KeySHA256 []string `yaml:"key_sha256"`
	Issuers   []string `yaml:"issuers"` // names or URLs of those whose tokens it may bring; default: all
	// user:ID, group:NAME or attribute:NAME=VALUE; the human must be one of them; default: anybody
	ActsFor    []string          `yaml:"acts_for"`
	Groups     []string          `yaml:"groups"`      // of the agent itself; never those of a human it acts for
	Attributes map[string]Values `yaml:"attributes"`  // of the agent itself: a name and its values
	Modes      []Mode            `yaml:"modes"`       // default: on_behalf_of only
	MayRequest bool              `yaml:"may_request"` // true: when it acts alone, it may ask for more access for itself
	Limits     AgentLimits       `yaml:"limits"`      // how much of the server it may take
}

// KeyConfig is one API key of an agent.
type KeyConfig struct {
	SHA256  string `yaml:"sha256"`  // hex; made by "deputy agent key NAME"
	Expires Expiry `yaml:"expires"` // 2027-02-23T10:00:00Z, or a date, on which it is no longer good; default: never
	Label   string `yaml:"label"`   // for people: where the key is used
}

// AgentLimits bounds one agent, whoever it acts for.
type AgentLimits struct {
	Calls     int `yaml:"calls"`      // at once; default: no more limited than others
	PerMinute int `yaml:"per_minute"` // calls that begin; default: no more limited than others
}

// Values is a list of attribute values; one alone may be written without brackets.
type Values []string
