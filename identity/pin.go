package identity

import (
	"context"
	"errors"
	"sync"
)

// ErrAnotherHuman is the cause of a refusal by Pin.
var ErrAnotherHuman = errors.New("the process began with another human's token")

// Verifier is what Pin stands in front of: an Authenticator, or what follows the configuration.
type Verifier interface {
	Authenticate(context.Context, Credentials) (Principal, error)
}

// Pin keeps a process that serves one human to the first whose call it verified. A host that has shown one human's
// answers to a model must not go on with another's, because a token file was replaced or somebody else signed in.
type Pin struct {
	verifier Verifier

	mu              sync.Mutex
	issuer, subject string // empty: there was none yet
}

// NewPin makes a Pin that has seen no human. The verifier may be nil when only With is used.
func NewPin(v Verifier) *Pin { return &Pin{verifier: v} }

// With is the same pin in front of another verifier, as when the configuration has changed.
func (p *Pin) With(v Verifier) Verifier { return pinned{p, v} }

type pinned struct {
	pin      *Pin
	verifier Verifier
}

func (p pinned) Authenticate(ctx context.Context, c Credentials) (Principal, error) {
	return p.pin.authenticate(ctx, p.verifier, c)
}

// Authenticate verifies the credentials and refuses another human. A human is (iss, sub), and nothing else of a token.
func (p *Pin) Authenticate(ctx context.Context, c Credentials) (Principal, error) {
	return p.authenticate(ctx, p.verifier, c)
}

func (p *Pin) authenticate(ctx context.Context, v Verifier, c Credentials) (Principal, error) {
	principal, err := v.Authenticate(ctx, c)
	if err != nil {
		return principal, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if principal.User == nil {
		if p.subject != "" {
			return Principal{}, &AuthError{
				Code:    InsufficientAccess,
				Message: "the human that this server serves has signed out: restart it to go on without them",
				Cause:   ErrAnotherHuman,
			}
		}
		return principal, nil
	}
	if p.subject == "" {
		p.issuer, p.subject = principal.User.Issuer, principal.User.Subject
	}
	if principal.User.Issuer != p.issuer || principal.User.Subject != p.subject {
		return Principal{}, &AuthError{
			Code:    InsufficientAccess,
			Message: "another human has signed in since this server started: restart it to go on as them",
			Cause:   ErrAnotherHuman,
		}
	}
	return principal, nil
}
