package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"deputy/identity/oidc"
)

// Ended is what a logout did.
type Ended struct {
	Was     bool      // somebody was signed in
	Revoked bool      // the issuer has taken the tokens back
	Why     error     // it has not, and why
	Expires time.Time // until when a copy of the access token would be good, if not revoked
}

// ErrNoRevocation says that an issuer takes no tokens back.
var ErrNoRevocation = errors.New("the issuer takes no tokens back")

// Logout has the issuer take the tokens back (RFC 7009), and forgets them whether it did or not.
func (s *Store) Logout(ctx context.Context, t Target) (Ended, error) {
	path := s.path(t.Issuer, t.Audience)
	if !s.Has(t) {
		return Ended{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	unlock, err := lock(ctx, path)
	if err != nil {
		return Ended{}, err
	}
	defer unlock()
	done := Ended{Was: true}
	e, err := s.read(t.Issuer, t.Audience)
	if err == nil {
		done.Expires = e.Expires
		err = s.revoke(ctx, e)
	}
	done.Revoked, done.Why = err == nil, err
	if err := os.Remove(path); err != nil {
		return done, fmt.Errorf("forget the sign-in: %w", err)
	}
	return done, nil
}

// revoke gives back the refresh token first: it is what others are made of.
func (s *Store) revoke(ctx context.Context, e entry) error {
	at, err := oidc.Discover(ctx, e.Issuer, s.Client)
	if err != nil {
		return err
	}
	if at.Revocation == "" {
		return ErrNoRevocation
	}
	for _, token := range []struct{ value, kind string }{{e.RefreshToken, "refresh_token"}, {e.AccessToken, "access_token"}} {
		if token.value == "" {
			continue
		}
		if err := giveBack(ctx, e, at, url.Values{"token": {token.value}, "token_type_hint": {token.kind}}); err != nil {
			return err
		}
	}
	return nil
}

func giveBack(ctx context.Context, e entry, at oidc.Endpoints, form url.Values) error {
	inHeader := e.ClientSecret != "" && !at.SecretInForm
	if !inHeader {
		form.Set("client_id", e.ClientID)
		if e.ClientSecret != "" {
			form.Set("client_secret", e.ClientSecret)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("the issuer's revocation endpoint is not a URL")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if inHeader {
		request.SetBasicAuth(url.QueryEscape(e.ClientID), url.QueryEscape(e.ClientSecret)) // RFC 6749, section 2.3.1
	}
	response, err := at.Client.Do(request)
	if err != nil {
		return answered(err)
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, maxFile)) // nothing in it is looked at
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the issuer's answer was status %d", response.StatusCode)
	}
	return nil
}
