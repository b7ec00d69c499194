package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/tools"
)

const (
	headerUserToken = "Deputy-User-Token" // carries the human's token when the Authorization header is the agent's own
	headerProof     = "DPoP"              // carries the proof of the key that the token is bound to (RFC 9449)
)

// authentication proves who is calling, for every request anew. Nobody passes otherwise.
type authentication struct {
	authenticator Authenticator
	tools         Tools
	begin         func(context.Context) (context.Context, func())
	resource      string // what proofs are made for: the endpoint by its public name, whatever a request says of its host
	challenge     string // this and the next are made at the start, so that nothing of a request can get into them
	proving       string // the challenge for tokens that are bound to a key
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

// latest comes when the body has: a configuration that is newer than the one the caller was proved by counts, and
// proves the caller anew. Whoever opens a request and holds its body back would else keep what has been taken from
// them.
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
		before, again := r.Context().Value(callKey{}).(httpCall)
		credentials, ok := before.credentials, again // the proof of a request that is proved anew is no replay of itself
		if !again {
			credentials, ok = readCredentials(r, a.resource)
		}
		if !ok {
			answer(
				w,
				http.StatusBadRequest,
				"bad_request",
				"Authorization, "+headerProof+" and "+headerUserToken+" may stand once each in a request",
			)
			return
		}
		began := time.Now()
		principal, err := a.authenticator.Authenticate(r.Context(), credentials)
		call := httpCall{credentials: credentials, request: r.Context()}
		only, proved := errors.AsType[*identity.AgentOnly](err)
		switch {
		case err == nil:
			call.call = tools.Call{Principal: principal, Client: credentials.ClientAddress}
		case proved && only != nil:
			call.only = only
		default:
			a.refuse(r.Context(), w, credentials, err)
			return
		}
		call.proofs = append(slices.Clip(before.proofs), proof{began, time.Now()})
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, call)))
	})
}

// told are the methods that say what there is, and run nothing.
var told = []string{
	string(mcp.MethodInitialize),
	string(mcp.MethodServerDiscover),
	string(mcp.MethodPing),
	string(mcp.MethodToolsList),
	string(mcp.MethodResourcesList),
	string(mcp.MethodResourcesTemplatesList),
	string(mcp.MethodPromptsList),
}

// listing keeps an agent without its human to the methods that say what there is: hosts look at the tools before
// anybody has signed in. It comes when the method is known. Whatever else such an agent asks is refused as it would
// have been at the door.
func (a *authentication) listing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, _ := r.Context().Value(callKey{}).(httpCall)
		m, _ := r.Context().Value(messageKey{}).(message)
		if call.only != nil && !slices.Contains(told, m.method) {
			a.refuse(r.Context(), w, call.credentials, call.only)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// readCredentials looks into three headers and nowhere else. It is not ok when there is a choice between several.
func readCredentials(r *http.Request, resource string) (identity.Credentials, bool) {
	credentials := identity.Credentials{UserToken: r.Header.Get(headerUserToken), ClientAddress: clientOf(r).text}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		credentials.Bearer = strings.TrimSpace(token)
	case strings.EqualFold(scheme, "DPoP"):
		credentials.Bearer = strings.TrimSpace(token)
		credentials.Proof = &identity.Proof{JWT: r.Header.Get(headerProof), Method: r.Method, URL: resource}
	}
	for _, once := range []string{"Authorization", headerUserToken, headerProof} {
		if len(r.Header.Values(once)) > 1 {
			return credentials, false
		}
	}
	return credentials, true
}

// refuse says no in the words of RFC 6750, so that a host knows whether another token would help. An error that is not
// understood counts as one of ours.
func (a *authentication) refuse(
	ctx context.Context,
	w http.ResponseWriter,
	credentials identity.Credentials,
	err error,
) {
	a.refuseAnd(ctx, w, credentials, err, a.tools.TurnAway)
}

func (a *authentication) refuseAnd(
	ctx context.Context,
	w http.ResponseWriter,
	credentials identity.Credentials,
	err error,
	record func(context.Context, string, *identity.AuthError),
) {
	taken(ctx)
	a.watch.refuse(ctx, err)
	a.log.Info().Err(err).Str("client", credentials.ClientAddress).Msg("caller refused")
	refusal, ok := errors.AsType[*identity.AuthError](err)
	if !ok || refusal == nil {
		refusal = &identity.AuthError{Code: identity.Unavailable, Message: "callers cannot be verified now"}
	}
	record(ctx, credentials.ClientAddress, refusal)
	status := http.StatusServiceUnavailable
	switch refusal.Code {
	case identity.Missing:
		status = http.StatusUnauthorized
		a.challenges(w, credentials, "")
	case identity.InvalidToken, identity.InvalidProof:
		status = http.StatusUnauthorized
		a.challenges(
			w,
			credentials,
			fmt.Sprintf(`, error=%q, error_description="the credential was not accepted"`, refusal.Code),
		)
	case identity.InsufficientScope:
		status = http.StatusForbidden
		wrong := `, error="insufficient_scope"`
		if refusal.Who != nil { // a person's; what agents may do, ceiling asks
			wrong += `, scope="` + refusal.Who.Asks(identity.ScopeApprove) + `"`
		}
		a.challenges(w, credentials, wrong)
	case identity.InsufficientAccess:
		status = http.StatusForbidden // another token of the same issuer may do: RFC 6750, section 3
		a.challenges(w, credentials, "")
	default:
		w.Header().Set("Retry-After", "5")
	}
	answer(w, status, string(refusal.Code), refusal.Message)
}

// challenges names both schemes, and says what is wrong with the one that was used. Bearer comes first: many clients
// read one only.
func (a *authentication) challenges(w http.ResponseWriter, credentials identity.Credentials, wrong string) {
	bearer, proving := a.challenge+wrong, a.proving
	if credentials.Proof != nil {
		bearer, proving = a.challenge, a.proving+wrong
	}
	w.Header().Set("WWW-Authenticate", bearer)
	w.Header().Add("WWW-Authenticate", proving)
}
