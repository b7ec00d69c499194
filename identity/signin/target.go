package signin

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"golang.org/x/oauth2"

	"deputy/identity"
	"deputy/identity/oidc"
)

// Target is what somebody signs in for: a server, and the issuer whose tokens it takes.
type Target struct {
	Server   string               // the URL of its MCP endpoint, which the token may be sent to
	Issuer   string               // as in the tokens' iss claim
	Audience string               // of tokens for the server
	Login    identity.LoginConfig // the client that asks
	Command  string               // that signs in, for people to run: deputy login

	// Verify says whose a token is, if the server would take it.
	Verify func(ctx context.Context, token string) (identity.SignedIn, error)
}

// client is the OAuth client of the target at its issuer's endpoints.
func (t Target) client(at oidc.Endpoints) *oauth2.Config {
	style := oauth2.AuthStyleInParams // a public client says its name and no more
	if t.Login.ClientSecret != "" && !at.SecretInForm {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID:     t.Login.ClientID,
		ClientSecret: string(t.Login.ClientSecret),
		Scopes:       t.Login.Scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL:       at.Authorization,
			TokenURL:      at.Token,
			DeviceAuthURL: at.DeviceAuthorization,
			AuthStyle:     style,
		},
	}
}

// audience is the parameter that tells the issuer which server the token is for; nil: this issuer is not told, or could
// not be.
func (t Target) audience() url.Values {
	switch t.Login.AudienceParameter {
	case identity.ByNone:
		return nil
	case identity.ByAudience:
		return url.Values{"audience": {t.Audience}}
	}
	if u, err := url.Parse(t.Audience); err != nil || !u.IsAbs() || u.Fragment != "" {
		return nil // RFC 8707 has absolute URIs only
	}
	return url.Values{"resource": {t.Audience}}
}

func (t Target) options(more ...oauth2.AuthCodeOption) []oauth2.AuthCodeOption {
	for name, values := range t.audience() {
		more = append(more, oauth2.SetAuthURLParam(name, values[0]))
	}
	return more
}

// consent has the human asked, where that is what a refresh token takes: OpenID Connect Core, section 11. Entra, the
// one that is told of no audience, gives one without, and would turn away people whose administrator has agreed for
// them.
func (t Target) consent() []oauth2.AuthCodeOption {
	if t.Login.AudienceParameter == identity.ByNone || !slices.Contains(t.Login.Scopes, "offline_access") {
		return nil
	}
	return []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "consent")}
}

// accept verifies what an issuer gave: it must be a bearer token of this issuer, for this server and this client.
func (t Target) accept(ctx context.Context, got *oauth2.Token) (identity.SignedIn, error) {
	if got.Type() != "Bearer" {
		return identity.SignedIn{}, errors.New("the issuer gave a token that is not a bearer token")
	}
	who, err := t.Verify(ctx, got.AccessToken)
	if err != nil {
		return identity.SignedIn{}, err
	}
	if who.User.Issuer != t.Issuer {
		return identity.SignedIn{}, errors.New("the issuer gave a token of another issuer")
	}
	if who.Client != "" && who.Client != t.Login.ClientID {
		return identity.SignedIn{}, errors.New("the issuer gave a token of another client")
	}
	if who.Expires.IsZero() {
		who.Expires = got.Expiry
	}
	return who, nil
}
