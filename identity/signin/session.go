package signin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/oauth2"

	"deputy/identity"
	"deputy/identity/oidc"
)

// refreshTime bounds one refresh. It is not ended earlier: the issuer may have replaced the refresh token by then.
const refreshTime = 30 * time.Second

// Token returns a token of whoever signed in, which is good for a while. One that is about to expire is renewed first,
// by one process for all. Errors are *identity.AuthError; the cause of those that signing in mends is ErrSignIn.
func (s *Store) Token(ctx context.Context, t Target) (string, error) {
	e, err := s.read(t.Issuer, t.Audience)
	if err != nil {
		return "", unreadable(t, err)
	}
	if e.fresh(s.now()) {
		return e.AccessToken, nil
	}
	return s.renew(context.WithoutCancel(ctx), t)
}

func (s *Store) renew(ctx context.Context, t Target) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	path := s.path(t.Issuer, t.Audience)
	unlock, err := lock(ctx, path)
	if err != nil {
		return "", unavailable(err)
	}
	defer unlock()
	e, err := s.read(t.Issuer, t.Audience) // another process may have been faster
	if err != nil {
		return "", unreadable(t, err)
	}
	if e.fresh(s.now()) {
		return e.AccessToken, nil
	}
	if e.RefreshToken == "" {
		return s.stillGood(e, missing(t.Command, "the sign-in has expired"))
	}
	was := e.target() // the client that the refresh token belongs to
	was.Verify = t.Verify
	at, err := oidc.Discover(ctx, was.Issuer, s.Client)
	if err != nil {
		return s.stillGood(e, unavailable(err))
	}
	got, err := was.refresh(ctx, at, e.RefreshToken)
	if rejected(err) {
		if err := os.Remove(path); err != nil {
			return "", unavailable(err)
		}
		return "", missing(t.Command, "the issuer does not accept the sign-in any more")
	}
	if err != nil {
		return s.stillGood(e, unavailable(answered(err)))
	}
	who, err := was.accept(ctx, got)
	if err == nil && who.User.Subject != e.Subject {
		err = errors.New("the issuer gave another human's token")
	}
	if err != nil {
		return "", notKept(path, e, got, err)
	}
	next := newEntry(was, got, who, s.now())
	if err := write(path, next); err != nil {
		return "", unavailable(err)
	}
	return next.AccessToken, nil
}

// stillGood goes on with a token that could not be renewed, as long as it lasts.
func (s *Store) stillGood(e entry, otherwise error) (string, error) {
	if s.now().Before(e.Expires) {
		return e.AccessToken, nil
	}
	return "", otherwise
}

// notKept is about a token that is not believed. The refresh token before it is spent. The one that came with it is
// kept only when nothing speaks against it but that the issuer's keys are not to be had now.
func notKept(path string, e entry, got *oauth2.Token, why error) error {
	out := error(
		&identity.AuthError{
			Code:    identity.Missing,
			Message: "what the issuer gave for the sign-in is not accepted: run \"" + e.Command + "\"",
			Cause:   mended{why},
		},
	)
	e.RefreshToken = ""
	if refused, ok := errors.AsType[*identity.AuthError](why); ok && refused.Code == identity.Unavailable {
		e.RefreshToken, out = got.RefreshToken, unavailable(why)
	}
	if err := write(path, e); err != nil {
		return unavailable(err)
	}
	return out
}

func (t Target) refresh(ctx context.Context, at oidc.Endpoints, refreshToken string) (*oauth2.Token, error) {
	client := *at.Client
	client.Transport = &withParameter{next: client.Transport, parameter: t.audience()}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &client)
	return t.client(at).TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
}

// withParameter adds a parameter to a form, since package oauth2 lets a refresh have none of its own.
type withParameter struct {
	next      http.RoundTripper
	parameter url.Values
}

func (w *withParameter) RoundTrip(r *http.Request) (*http.Response, error) {
	next := w.next
	if next == nil {
		next = http.DefaultTransport
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	if len(w.parameter) > 0 {
		body = append(body, "&"+w.parameter.Encode()...)
	}
	r = r.Clone(r.Context())
	r.Body, r.GetBody, r.ContentLength = io.NopCloser(bytes.NewReader(body)), nil, int64(len(body))
	return next.RoundTrip(r)
}

func unreadable(t Target, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return missing(t.Command, "nobody is signed in on this machine")
	}
	return &identity.AuthError{
		Code:    identity.Missing,
		Message: "the sign-in cannot be used: run \"deputy logout\" and then \"" + t.Command + "\"",
		Cause:   mended{err},
	}
}

func unavailable(err error) error {
	return &identity.AuthError{
		Code:    identity.Unavailable,
		Message: "the sign-in cannot be renewed now: try again later",
		Cause:   err,
	}
}
