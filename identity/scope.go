package identity

import (
	"slices"
	"strings"
)

// Scope is something that an access token may be limited to. It is a ceiling and never a grant: what policies do not
// give, no scope does.
type Scope string

// The scopes, as tokens name them.
const (
	ScopeQuery    Scope = "query"    // read rows
	ScopeDescribe Scope = "describe" // see which tables there are, and what is in them
	ScopeRequest  Scope = "request"  // ask for access
	ScopeApprove  Scope = "approve"  // decide about what others asked for; for people, never for agents
)

// AgentScopes are those that a client asks for whose calls an agent makes. ScopeApprove is not among them.
func AgentScopes() []Scope { return []Scope{ScopeQuery, ScopeDescribe, ScopeRequest} }

// Allows reports whether the principal's credential lets it do that. A credential that names no scopes has no ceiling,
// but for ScopeApprove: that needs to be there in so many words.
func (p Principal) Allows(s Scope) bool {
	if !p.Limited && s != ScopeApprove {
		return true
	}
	return slices.Contains(p.Scopes, s)
}

// Asks are the scopes that a client asks its issuer for to be allowed s too, beside what it is allowed now: RFC 6750,
// section 3.
func (p Principal) Asks(s Scope) string {
	var words []string
	for _, scope := range AgentScopes() {
		if scope == s || slices.Contains(p.Scopes, scope) {
			words = append(words, p.prefix+string(scope))
		}
	}
	if s == ScopeApprove { // a person's, which no agent is told of
		words = []string{p.prefix + string(s)}
	}
	return strings.Join(words, " ")
}

// Scopes are those that clients may ask the issuers for, as they write them: RFC 9728's scopes_supported.
func (c Config) Scopes() (all []string) {
	for _, iss := range c.Issuers {
		if iss.Scopes == ScopesIgnored {
			continue
		}
		for _, scope := range AgentScopes() {
			all = union(all, []string{iss.ScopePrefix + string(scope)})
		}
	}
	return all
}

// ScopeRule says what the scopes in an issuer's tokens are taken for.
type ScopeRule string

// The rules, as the file has them.
const (
	// ScopesWhenPresent: a token that names scopes may do no more than those; one that names none has no ceiling.
	ScopesWhenPresent ScopeRule = "when_present"
	// ScopesRequired: a token that names no scopes may do nothing.
	ScopesRequired ScopeRule = "required"
	// ScopesIgnored: scopes are no ceiling. ScopeApprove is needed all the same.
	ScopesIgnored ScopeRule = "ignored"
)
