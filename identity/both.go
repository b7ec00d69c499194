package identity

import (
	"context"
	"errors"
)

// Both accepts callers by two configurations: the one in force, and a newer one of which some part cannot be in force
// yet. Who is taken out of either is refused. The principal is that of the one in force; its Waiting is what the newer
// one makes of the same credentials, for the policies of that one to judge.
type Both struct {
	InForce *Authenticator
	Waiting *Authenticator // made beside it; nil: there is none, and the one in force accepts alone
}

// Authenticate is Authenticator.Authenticate by both. Errors are *AuthError, of the first that refuses.
func (b Both) Authenticate(ctx context.Context, c Credentials) (Principal, error) {
	p, err := b.InForce.Authenticate(ctx, c)
	_, alone := errors.AsType[*AgentOnly](err)
	if b.Waiting == nil || err != nil && !alone {
		return p, err
	}
	w, otherwise := b.Waiting.Authenticate(ctx, c)
	if _, too := errors.AsType[*AgentOnly](otherwise); otherwise != nil && !(alone && too) {
		return Principal{}, otherwise
	}
	if alone {
		return Principal{}, err
	}
	return p.and(w), nil
}

// Person is Authenticator.Person by both. Errors are *AuthError.
func (b Both) Person(ctx context.Context, c Credentials) (User, error) {
	u, err := b.InForce.Person(ctx, c)
	if err != nil || b.Waiting == nil {
		return u, err
	}
	w, err := b.Waiting.Person(ctx, c)
	if err != nil {
		return User{}, err
	}
	u.Waiting = &w
	return u, nil
}

// SignedIn is Authenticator.SignedIn by both. Errors are *AuthError.
func (b Both) SignedIn(ctx context.Context, raw string) (SignedIn, error) {
	who, err := b.InForce.SignedIn(ctx, raw)
	if err != nil || b.Waiting == nil {
		return who, err
	}
	if _, err := b.Waiting.SignedIn(ctx, raw); err != nil {
		return SignedIn{}, err
	}
	return who, nil
}

// and is the principal, limited to what both registrations and both ceilings leave it.
func (p Principal) and(w Principal) Principal {
	p.Agent.MayRequest = p.Agent.MayRequest && w.Agent.MayRequest
	p.Agent.NamedOnly = p.Agent.NamedOnly || w.Agent.NamedOnly
	p.Agent.Limits.Concurrent = lower(p.Agent.Limits.Concurrent, w.Agent.Limits.Concurrent)
	p.Agent.Limits.PerMinute = lower(p.Agent.Limits.PerMinute, w.Agent.Limits.PerMinute)
	p.Agent.Limits.Rows = lower(p.Agent.Limits.Rows, w.Agent.Limits.Rows)
	p.Agent.Limits.Answer = lower(p.Agent.Limits.Answer, w.Agent.Limits.Answer)
	if p.Limited || w.Limited {
		var scopes []Scope
		for _, s := range AgentScopes() {
			if p.Allows(s) && w.Allows(s) {
				scopes = append(scopes, s)
			}
		}
		p.Scopes, p.Limited = scopes, true
	}
	p.Waiting = &w
	return p
}

// lower is the lower of two limits. Zero is none.
func lower(a, b int) int {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
