package identity

import (
	"slices"
	"strings"
	"unicode"

	"deputy/internal/mistake"
)

var audienceParameters = []AudienceParameter{ByResource, ByAudience, ByNone}

// SignIn is how people sign in at the issuer. Where no scopes are written they are asked for those of the tools, as
// this issuer writes them: what it gives for a token's scopes is a ceiling, and openid alone would be one under which
// nothing can be done. ScopeApprove is never among them: who decides about what others asked for says so.
func (c IssuerConfig) SignIn() LoginConfig {
	login := c.Login
	if login.Scopes == nil {
		login.Scopes = slices.Clone(signInScopes)
		if c.Scopes != ScopesIgnored { // an issuer may not know them then
			for _, scope := range AgentScopes() {
				login.Scopes = append(login.Scopes, c.ScopePrefix+string(scope))
			}
		}
	}
	return login.Complete()
}

var signInScopes = []string{"openid", "offline_access"}

// Complete says what is not written, and what does not depend on the issuer.
func (c LoginConfig) Complete() LoginConfig {
	if c.Scopes == nil {
		c.Scopes = slices.Clone(signInScopes)
	}
	if c.AudienceParameter == "" {
		c.AudienceParameter = ByResource
	}
	return c
}

// Offered reports whether people sign in at the issuer with deputy login.
func (c LoginConfig) Offered() bool { return c.ClientID != "" }

// Offer is how people of a server sign in at one issuer: the member deputy_login of its metadata.
type Offer struct {
	Name              string            `json:"name,omitempty"`
	Issuer            string            `json:"issuer"`
	ClientID          string            `json:"client_id"`
	Scopes            []string          `json:"scopes"`
	RedirectPort      int               `json:"redirect_port,omitempty"`
	AudienceParameter AudienceParameter `json:"audience_parameter"`
}

// Offers are the issuers that people sign in at with deputy login. What is secret is not in them.
func (c Config) Offers() []Offer {
	offers := []Offer{}
	for _, i := range c.Issuers {
		if login := i.SignIn(); login.Offered() {
			offers = append(
				offers,
				Offer{
					Name:              i.Name,
					Issuer:            i.URL,
					ClientID:          login.ClientID,
					Scopes:            login.Scopes,
					RedirectPort:      login.RedirectPort,
					AudienceParameter: login.AudienceParameter,
				},
			)
		}
	}
	return offers
}

// Check says what is wrong with it, where it stands at a key.
func (c LoginConfig) Check(key string, wrong *Problems) {
	if c.ClientID == "" && (c.ClientSecret != "" || c.Scopes != nil || c.RedirectPort != 0 || c.AudienceParameter != "") {
		wrong.Add(
			key+".client_id",
			"missing: register deputy login at the issuer as a native app, and write the client id that it gives",
		)
	}
	if strings.ContainsFunc(c.ClientID, unicode.IsSpace) {
		wrong.Add(key+".client_id", "%q has a space in it: write the client id as the issuer gave it", c.ClientID)
	}
	for i, scope := range c.Scopes {
		if !IsScope(scope) {
			wrong.Add(mistake.At(key+".scopes", i), "%q is not a scope: one word each", scope)
		}
	}
	if c.RedirectPort < 0 || c.RedirectPort > 65535 {
		wrong.Add(key+".redirect_port", "out of range: a port is from 1 to 65535; leave it out for any free one")
	}
	if c.AudienceParameter != "" && !slices.Contains(audienceParameters, c.AudienceParameter) {
		known := []string{string(ByResource), string(ByAudience), string(ByNone)}
		wrong.Add(
			key+".audience_parameter",
			"%q is not one of %s%s",
			c.AudienceParameter,
			strings.Join(known, ", "),
			mistake.Hint(string(c.AudienceParameter), known),
		)
	}
}

// IsScope reports whether the text is one scope as RFC 6749 writes them, so that it cannot become two.
func IsScope(text string) bool {
	return text != "" && len(text) <= MaxID &&
		!strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' })
}
