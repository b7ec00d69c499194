package identity

import (
	"context"
	"time"
)

const (
	// MaxToken is the size of the longest credential that is looked at, in bytes.
	MaxToken = 16 << 10
	// MaxID is the size of the longest identifier, in bytes; OpenID Connect allows a sub 255.
	MaxID = 256
)

// Tokens verifies access tokens. Package oidc implements it for OpenID providers.
type Tokens interface {
	// Verify checks one access token that came from a network address, and the proof that came with it; a relayed token
	// has none. Errors are *AuthError.
	Verify(ctx context.Context, raw, address string, proof *Proof) (*Token, error)
	// Ready says which issuers' tokens cannot be verified now.
	Ready(ctx context.Context) error
}

// Token is what a verified access token says of who is there. An Authenticator decides which agent that is, and whether
// it may call.
type Token struct {
	Issuer      string // the issuer's URL
	IssuerName  string // the issuer's name in the configuration; may be empty
	ScopePrefix string // what clients write before a scope when they ask this issuer for it

	User        User     // built as for a human; means nothing when the token stands for an application
	Client      string   // the client that uses the token now; "" when the token names none
	Clients     []string // all that are named, the one that uses it now first
	Actors      []string // all who act (RFC 8693), the one that acts now first
	Subject     string   // the client id behind the subject when the token stands for an application
	Delegated   bool     // Client is an actor and not just the client that the token was issued to
	Application bool     // the issuer says in so many words that no human is there
	SelfIssued  bool     // the subject is one of the clients that the token names
	ForPeople   bool     // people act themselves through Client, as the issuer's configuration says

	Scopes  []Scope
	Limited bool // Scopes are all that the token may be used for

	Expires time.Time // as a signed token says it; zero: its issuer was asked about it
}
