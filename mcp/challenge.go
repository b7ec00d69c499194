package mcp

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/tools"
)

// headerUserToken carries the human's token when the Authorization header is the agent's own.
const headerUserToken = "Deputy-User-Token"

// authentication proves who is calling, for every request anew. Nobody passes otherwise.
type authentication struct {
	authenticator Authenticator
	tools         Tools
	begin         func(context.Context) (context.Context, func())
	challenge     string // made at the start, so that nothing of a request can get into it
	log           zerolog.Logger
	watch         *watch
}

// begins holds the whole of a call to one configuration.
func (a *authentication) begins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := a.begin(r.Context())
		defer end()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// latest comes when the body has: a configuration that is newer than the one the caller was proved by counts, and proves the caller
// anew. Whoever opens a request and holds its body back would else keep what has been taken from them.
func (a *authentication) latest(next http.Handler) http.Handler {
	again := a.guard(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := a.begin(r.Context())
		defer end()
		if ctx == r.Context() {
			next.ServeHTTP(w, r)
			return
		}
		again.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *authentication) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials, ok := readCredentials(r)
		if !ok {
			answer(w, http.StatusBadRequest, "bad_request", "Authorization and "+headerUserToken+" may stand once each in a request")
			return
		}
		began := time.Now()
		principal, err := a.authenticator.Authenticate(r.Context(), credentials)
		if err != nil {
			a.watch.refuse(r.Context(), err)
			a.refuse(r.Context(), w, credentials, err)
			return
		}
		before, _ := r.Context().Value(callKey{}).(httpCall)
		call := httpCall{tools.Call{Principal: principal, Client: credentials.ClientAddress}, r.Context(), append(slices.Clip(before.proofs), proof{began, time.Now()})}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, call)))
	})
}

// readCredentials looks into two headers and nowhere else. It is not ok when there is a choice between several.
func readCredentials(r *http.Request) (identity.Credentials, bool) {
	credentials := identity.Credentials{UserToken: r.Header.Get(headerUserToken), ClientAddress: clientOf(r).text}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		credentials.Bearer = strings.TrimSpace(token)
	}
	return credentials, len(r.Header.Values("Authorization")) <= 1 && len(r.Header.Values(headerUserToken)) <= 1
}

// refuse says no in the words of RFC 6750, so that a host knows whether another token would help. An error that is not
// understood counts as one of ours.
func (a *authentication) refuse(ctx context.Context, w http.ResponseWriter, credentials identity.Credentials, err error) {
	a.log.Info().Err(err).Str("client", credentials.ClientAddress).Msg("caller refused")
	refusal, ok := errors.AsType[*identity.AuthError](err)
	if !ok || refusal == nil {
		refusal = &identity.AuthError{Code: identity.Unavailable, Message: "callers cannot be verified now"}
	}
	a.tools.TurnAway(ctx, credentials.ClientAddress, refusal)
	status := http.StatusServiceUnavailable
	switch refusal.Code {
	case identity.Missing:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", a.challenge)
	case identity.InvalidToken:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", a.challenge+`, error="invalid_token", error_description="the credential was not accepted"`)
	case identity.InsufficientScope:
		status = http.StatusForbidden
		w.Header().Set("WWW-Authenticate", a.challenge+`, error="insufficient_scope"`)
	case identity.InsufficientAccess:
		status = http.StatusForbidden // another token of the same issuer may do: RFC 6750, section 3
		w.Header().Set("WWW-Authenticate", a.challenge)
	default:
		w.Header().Set("Retry-After", "5")
	}
	answer(w, status, string(refusal.Code), refusal.Message)
}
