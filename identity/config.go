package identity

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
	Login      LoginConfig  `yaml:"login"`       // how people sign in with deputy login; default: they do not
}

// LoginConfig is the client that deputy login is at an issuer: a native app with the redirect URI http://127.0.0.1/callback.
type LoginConfig struct {
	ClientID     string   `yaml:"client_id"`     // as the issuer knows it; no agent's own
	ClientSecret Secret   `yaml:"client_secret"` // for issuers that insist on one, though a native app cannot keep it
	Scopes       []string `yaml:"scopes"`        // that are asked for; default openid, offline_access
	RedirectPort int      `yaml:"redirect_port"` // of the redirect URI, for issuers that compare it; default: any free one
	// AudienceParameter is how the issuer wants to be told which server a token is for: resource (RFC 8707), audience (Auth0) or none
	// (Entra: the scopes say it); default resource.
	AudienceParameter AudienceParameter `yaml:"audience_parameter"`
}

// AudienceParameter is the name of a parameter of OAuth requests, or none.
type AudienceParameter string

const (
	ByResource AudienceParameter = "resource"
	ByAudience AudienceParameter = "audience"
	ByNone     AudienceParameter = "none"
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
