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
}

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
