package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
)

// Where a Deputy answers, below the URL that people know it by.
const (
	endpoint     = "/mcp"
	metadataPath = "/.well-known/oauth-protected-resource" // RFC 9728
)

// Wanted is what the human says of a sign-in at a server that they have no configuration of. The zero value leaves it
// to the server.
type Wanted struct {
	Issuer   string // its name or URL, where several issuers can sign people in
	ClientID string // instead of the one that the server offers
	// Audience is for a server whose tokens are not made out to its URL. The server cannot say so itself: it could name
	// another server, and use the token there.
	Audience string
}

// Remote asks a server how its people sign in.
func (s *Store) Remote(ctx context.Context, server string, wanted Wanted) (Target, error) {
	found, err := oidc.DiscoverResource(ctx, server, metadataPath, endpoint, s.Client)
	if err != nil {
		return Target{}, err
	}
	offer, err := choose(found, wanted)
	if err != nil {
		return Target{}, err
	}
	command := "deputy login --server " + strings.TrimSuffix(server, "/")
	t := Target{
		Server: found.URL, Issuer: offer.Issuer, Audience: found.URL, Command: command,
		Login: identity.LoginConfig{
			ClientID:          offer.ClientID,
			Scopes:            offer.Scopes,
			RedirectPort:      offer.RedirectPort,
			AudienceParameter: offer.AudienceParameter,
		}.Complete(),
	}
	if wanted.Audience != "" {
		t.Audience = wanted.Audience
	}
	t.Verify = s.verify(t)
	return t, nil
}

func choose(found oidc.Resource, wanted Wanted) (identity.Offer, error) {
	offers := found.Login
	if wanted.ClientID != "" {
		offers = nil
		for _, issuer := range found.Issuers {
			offer := identity.Offer{Issuer: issuer}
			for _, o := range found.Login {
				if o.Issuer == issuer {
					offer = o
				}
			}
			offer.ClientID = wanted.ClientID
			offers = append(offers, offer)
		}
	}
	var names []string
	var matching []identity.Offer
	for _, o := range offers {
		if wanted.Issuer == "" || wanted.Issuer == o.Issuer || wanted.Issuer == o.Name {
			matching = append(matching, o)
		}
		if o.Name == "" {
			o.Name = o.Issuer
		}
		names = append(names, o.Name)
	}
	switch {
	case len(matching) == 1:
		return matching[0], nil
	case len(offers) == 0:
		return identity.Offer{}, errors.New(
			"the server does not say how its people sign in: ask its administrator for a client id, and give it with --client-id",
		)
	case len(matching) == 0:
		return identity.Offer{}, fmt.Errorf(
			"the server has no such issuer: its people sign in at one of %s",
			strings.Join(names, ", "),
		)
	}
	return identity.Offer{}, fmt.Errorf(
		"the server's people sign in at one of %s: say which with --issuer",
		strings.Join(names, ", "),
	)
}

// verify is how a token is verified without the server's configuration: signed by the issuer, for the audience, not
// expired, of a human. What the server asks for beyond that, it says itself when the token comes.
func (s *Store) verify(t Target) func(context.Context, string) (identity.SignedIn, error) {
	return func(ctx context.Context, token string) (identity.SignedIn, error) {
		registry, err := identity.NewRegistry(nil)
		if err != nil {
			return identity.SignedIn{}, err
		}
		a, err := oidc.New(ctx, identity.Config{Issuers: []identity.IssuerConfig{{
			URL: t.Issuer, Audience: t.Audience, TokenTypes: []string{"at+jwt", "JWT"},
		}}}, registry, oidc.Options{HTTPClient: s.Client, Now: s.Now})
		if err != nil {
			return identity.SignedIn{}, err
		}
		return a.SignedIn(ctx, token)
	}
}

// Session is the sign-in at a server, for a command that sends its token there. The issuer need be said only when there
// are several.
func (s *Store) Session(server, issuer string) (Target, error) { return s.session(server, issuer, "") }

func (s *Store) session(server, issuer, flags string) (Target, error) {
	url := strings.TrimSuffix(server, "/")
	command := "deputy login --server " + url + flags
	all, err := s.At(url + endpoint)
	if err != nil {
		return Target{}, unreadable(Target{Command: command}, err)
	}
	var found []Target
	for _, t := range all {
		if issuer == "" || t.Issuer == issuer {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return Target{}, missing(command, "nobody is signed in at this server")
	case 1:
		found[0].Command, found[0].Verify = command, s.verify(found[0])
		return found[0], nil
	}
	return Target{}, errors.New("somebody is signed in at this server with several issuers: say which with --issuer")
}

// Token returns the token of whoever signed in at a server, by the URL that people know it by, for a request to that
// server. The scope is what it is for: who has to sign in is told to do it for that.
func Token(ctx context.Context, getenv func(string) string, server string, scope identity.Scope) (string, error) {
	folder, err := DefaultFolder(getenv)
	if err != nil {
		return "", err
	}
	s := &Store{Folder: folder, Client: &http.Client{Timeout: 10 * time.Second}}
	t, err := s.session(server, "", " --scope "+string(scope))
	if err != nil {
		return "", err
	}
	return s.Token(ctx, t)
}
