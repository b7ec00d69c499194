package identity

import "time"

// Config is the part of the configuration that says whose tokens are believed and what is known of users beside them.
// What each field means, and its default, stands at the key of the same name in package internal/config/form.
type Config struct {
	Issuers []IssuerConfig
	Users   []UserConfig
}

// The patterns of names that the configuration gives.
const (
	AgentName  = `[a-z0-9][a-z0-9._-]*`
	IssuerName = `[A-Za-z0-9][A-Za-z0-9._-]*`
)

// IssuerConfig is one OpenID provider.
type IssuerConfig struct {
	Name           string
	Kind           IssuerKind
	URL            string
	Audience       string
	TokenTypes     []string
	Algorithms     []string
	Claims         ClaimsConfig
	Scopes         ScopeRule
	ScopePrefix    string
	AllowUserinfo  bool
	StewardClients []string
	Introspection  *IntrospectionConfig
	DPoP           DPoPMode
	Login          LoginConfig
}

// IssuerKind is whose product an issuer is, and so where its tokens have what.
type IssuerKind string

// The kinds of issuers whose tokens are known.
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
	ClientID          string
	ClientSecret      Secret
	Scopes            []string
	RedirectPort      int
	AudienceParameter AudienceParameter
}

// AudienceParameter is the name of a parameter of OAuth requests, or none.
type AudienceParameter string

// The parameters that issuers take.
const (
	ByResource AudienceParameter = "resource"
	ByAudience AudienceParameter = "audience"
	ByNone     AudienceParameter = "none"
)

// IntrospectionConfig is how an issuer is asked about opaque tokens (RFC 7662). Its answer has to say active, iss, aud,
// exp and client_id.
type IntrospectionConfig struct {
	URL          string
	ClientID     string
	ClientSecret Secret
	Cache        time.Duration
}

// DPoPMode says which of an issuer's tokens have to be bound to a key (RFC 9449).
type DPoPMode string

// The modes, as the file has them.
const (
	DPoPWhenBound DPoPMode = "when_bound"
	DPoPRequired  DPoPMode = "required"
)

// Secret is text that does not show when it is printed, logged or written as JSON. Convert it to a string to use it.
type Secret string

func (Secret) String() string { return "(secret)" }

// GoString hides the text from %#v as well.
func (Secret) GoString() string { return "(secret)" }

// MarshalText hides the text from JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// ClaimsConfig names the claims that parties, groups and attributes are read from. Nothing is read that is not named
// here or in the defaults, but act (RFC 8693), which always says who acts.
type ClaimsConfig struct {
	User       []string
	Client     []string
	Scopes     []string
	Groups     string
	Name       string
	Email      string
	Attributes map[string]string
}

// UserConfig adds groups and attributes to those an issuer knows of a user.
type UserConfig struct {
	ID         string
	Disabled   bool
	Groups     []string
	Attributes map[string]Values
}

// AgentConfig registers an agent: what it is called, how it proves who it is, what it may do.
type AgentConfig struct {
	Name        string
	Description string
	Owner       string
	Disabled    bool
	ClientIDs   []string
	Keys        []KeyConfig
	KeySHA256   []string
	Issuers     []string
	ActsFor     []string
	Groups      []string          // of the agent itself; never those of a human it acts for
	Attributes  map[string]Values // of the agent itself: a name and its values
	Modes       []Mode
	MayRequest  bool
	Limits      AgentLimits
	Statements  StatementRule
}

// KeyConfig is one API key of an agent.
type KeyConfig struct {
	SHA256  string
	Expires Expiry
	Label   string
}

// StatementRule is what statements an agent may run.
type StatementRule string

// The rules, as the file has them.
const (
	AnyStatement    StatementRule = "any"
	NamedStatements StatementRule = "named" // the queries of the configuration
)

// AgentLimits bounds one agent, whoever it acts for.
type AgentLimits struct {
	Calls     int
	PerMinute int
	MaxRows   int
	Answer    int
}

// Values is a list of attribute values; one alone may be written without brackets.
type Values []string
