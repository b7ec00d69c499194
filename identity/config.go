package identity

import "time"

// Config is the part of the configuration that says whose tokens are believed and what is known of users beside them.
type Config struct {
	Issuers []IssuerConfig `yaml:"issuers"` // whose access tokens are believed
	Users   []UserConfig   `yaml:"users"`   // what is known of users beside their tokens
}

// IssuerConfig is one OpenID provider.
type IssuerConfig struct {
	// Name is needed with several issuers: a user's id is then "name/sub" instead of "sub".
	Name       string       `yaml:"name"`
	URL        string       `yaml:"url"`         // as in the iss claim; discovery happens below it
	Audience   string       `yaml:"audience"`    // default: the server's public URL with /mcp
	TokenTypes []string     `yaml:"token_types"` // JOSE typ values taken; default at+jwt (RFC 9068)
	Algorithms []string     `yaml:"algorithms"`  // default RS256, ES256, PS256, EdDSA; never none, never HS*
	Claims     ClaimsConfig `yaml:"claims"`      // where groups and attributes are in the tokens
	// Introspection has the issuer asked about tokens that are not JWTs; left out, no such token is taken. One issuer can have it.
	Introspection *IntrospectionConfig `yaml:"introspection"`
	DPoP          DPoPMode             `yaml:"dpop"` // when_bound (default): a token that is bound to a key needs a proof of it; required: every token has to be bound
}

// IntrospectionConfig is how an issuer is asked about opaque tokens (RFC 7662). Its answer has to say active, iss, aud, exp and client_id.
type IntrospectionConfig struct {
	URL          string        `yaml:"url"`           // default: the introspection_endpoint that the issuer's discovery document names
	ClientID     string        `yaml:"client_id"`     // of Deputy, at the issuer
	ClientSecret Secret        `yaml:"client_secret"` // that goes with it, by HTTP Basic
	Cache        time.Duration `yaml:"cache"`         // how long a token that was active counts as active: 1s to 5m, default 30s
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

// ClaimsConfig names the claims that groups and attributes are read from. Nothing is read that is not named, but groups.
type ClaimsConfig struct {
	Groups     string            `yaml:"groups"`     // default "groups"
	Name       string            `yaml:"name"`       // for people to read; default "name"
	Attributes map[string]string `yaml:"attributes"` // what policies call it: the claim it comes from
}

// UserConfig adds groups and attributes to those an issuer knows of a user.
type UserConfig struct {
	ID         string            `yaml:"id"`         // the sub of the user's tokens; with several issuers ISSUER/SUB
	Groups     []string          `yaml:"groups"`     // beside those in the token
	Attributes map[string]Values `yaml:"attributes"` // beside those in the token: a name and its values
}

// AgentConfig registers an agent: what it is called, how it proves who it is, what it may do.
type AgentConfig struct {
	Name        string            `yaml:"name"`        // as policies and records call it
	Description string            `yaml:"description"` // for people
	ClientIDs   []string          `yaml:"client_ids"`  // at the issuers above
	KeySHA256   []string          `yaml:"key_sha256"`  // of API keys, hex; made by "deputy agent key NAME"
	Groups      []string          `yaml:"groups"`      // of the agent itself; never those of a human it acts for
	Attributes  map[string]Values `yaml:"attributes"`  // of the agent itself: a name and its values
	Modes       []Mode            `yaml:"modes"`       // default: on_behalf_of only
}

// Values is a list of attribute values; one alone may be written without brackets.
type Values []string
