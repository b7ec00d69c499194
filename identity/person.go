package identity

import (
	"context"
	"slices"
)

// Person verifies a human who acts themself, and not through an agent: a steward who decides about requests. Errors are
// *AuthError.
//
// An agent may hold a human's token, so a token alone proves no human. It must have been issued to a client for people,
// by an issuer that says in so many words that it may be used to approve; none of those it names may be an agent, and
// nobody may act in it.
func (a *Authenticator) Person(ctx context.Context, c Credentials) (User, error) {
	switch {
	case c.AgentKey != "" || isKey(c.Bearer) || c.UserToken != "":
		return User{}, insufficient(
			"an agent cannot do this, nor bring a human's token for it: a human signs in through a client for people",
		)
	case c.Bearer == "":
		return User{}, &AuthError{Code: Missing, Message: "no credential: send the access token of a client for people"}
	}
	t, err := a.tokens.Verify(ctx, c.Bearer, c.ClientAddress, c.Proof)
	if err != nil {
		return User{}, err
	}
	who := a.describe(Principal{}, t)
	stopped := a.stopped(who)
	isAgent := func(client string) bool { return a.registry.clients[client] != nil }
	switch {
	case a.application(t):
		return User{}, insufficient("the access token does not stand for a human").of(who)
	case len(t.Actors) > 0:
		return User{}, insufficient(
			"somebody acts for the human whom the access token names: only the human can do this",
		).of(who)
	case slices.ContainsFunc(t.Clients, isAgent):
		return User{}, insufficient("the access token is an agent's: a human signs in through a client for people").of(who)
	case !t.ForPeople:
		return User{}, insufficient("the access token is not of a client for people").of(who)
	case stopped != nil:
		return User{}, stopped
	case !who.Allows(ScopeApprove):
		return User{}, (&AuthError{Code: InsufficientScope, Message: "the access token does not have the scope approve"}).of(
			who,
		)
	}
	return *who.User, nil
}
