package identity

import (
	"context"
	"time"
)

// SignedIn is what a verified access token says of the human who signed in. Which agent acts for them is not in it.
type SignedIn struct {
	User    User
	Client  string    // that the token was issued to; empty: it does not say
	Expires time.Time // the token's; zero: it does not say
}

// SignedIn verifies a token that a human got for themself, as a call with it would be, and says whose it is. Errors are
// *AuthError.
func (a *Authenticator) SignedIn(ctx context.Context, raw string) (SignedIn, error) {
	t, err := a.tokens.Verify(ctx, raw, "", nil)
	if err != nil {
		return SignedIn{}, err
	}
	if a.application(t) || len(t.Actors) > 0 {
		return SignedIn{}, insufficient("the access token does not stand for a human who signed in")
	}
	who := SignedIn{User: a.complete(t.User), Client: t.Client, Expires: t.Expires}
	if why := a.stopped(Principal{User: &who.User}); why != nil {
		return SignedIn{}, why
	}
	return who, nil
}
