package httpd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"deputy/identity"
	"deputy/mcp"
)

const (
	headerUserToken = "Deputy-User-Token" // carries the human's token when the Authorization header is the agent's own
	headerProof     = "DPoP"              // carries the proof of the key that the token is bound to (RFC 9449)
)

// begins holds the whole of a call to one configuration.
func (s *server) begins(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		g, end := s.config.Generations.Begin(r.Context())
		defer end()
		c.Generation = g
		next(w, r, c)
	}
}

// latest comes when the body has: a configuration that is newer than the one the caller was proved by counts, and
// proves the caller anew. A caller who opens a request and holds its body back would else keep what has been taken from
// them.
func (s *server) latest(p *part) guard {
	return func(next handler) handler {
		again := s.proving(p)(next)
		return func(w http.ResponseWriter, r *http.Request, c *call) {
			g, end := s.config.Generations.Begin(r.Context())
			defer end()
			if g == c.Generation {
				next(w, r, c)
				return
			}
			c.Generation = g
			again(w, r, c)
		}
	}
}

// proving proves who is calling, for every request anew. No caller passes otherwise.
func (s *server) proving(p *part) guard {
	return func(next handler) handler {
		return func(w http.ResponseWriter, r *http.Request, c *call) {
			if !c.proved { // the proof of a request that is proved anew is no replay of itself
				var ok bool
				if c.credentials, ok = readCredentials(r, c.client.text, p.proves(r)); !ok {
					Refuse(w, http.StatusBadRequest, "bad_request",
						"Authorization, "+headerProof+" and "+headerUserToken+" may stand once each in a request")
					return
				}
			}
			began := time.Now()
			principal, err := p.Prove(r.Context(), c.Generation, c.credentials)
			only, alone := errors.AsType[*identity.AgentOnly](err)
			switch {
			case err == nil:
				c.principal, c.only = principal, nil
			case p.protocol && alone && only != nil:
				c.principal, c.only = identity.Principal{}, only
			default:
				s.refuse(p, w, r, c, err)
				return
			}
			c.proved = true
			c.proofs = append(c.proofs, mcp.Proof{Began: began, Ended: time.Now()})
			next(w, r, c)
		}
	}
}

func proveAgent(ctx context.Context, g mcp.Generation, c identity.Credentials) (identity.Principal, error) {
	return g.Authenticator().Authenticate(ctx, c)
}

func turnAwayAgent(ctx context.Context, g mcp.Generation, _ *http.Request, refused Refused) {
	g.Tools().TurnAway(ctx, refused.Client, refused.Why)
}

// listing keeps an agent without its human to the methods that say what there is: hosts look at the tools before their
// human has signed in. It comes when the method is known. Whatever else such an agent asks is refused as it would have
// been when it was proved.
func (s *server) listing(next handler) handler {
	p := s.protocolPart()
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if c.only != nil && !c.Message.Tells() {
			s.refuse(p, w, r, c, c.only)
			return
		}
		next(w, r, c)
	}
}

// records comes when the caller is proved and before the body is read.
func (s *server) records(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		use, counted := c.Generation.Tools(), c.counted() // a newer generation ends before this does
		next(w, r, c)
		c.Record(context.WithoutCancel(r.Context()), use, counted)
	}
}

// readCredentials looks into three headers and nowhere else. It is not ok when there is a choice between several.
func readCredentials(r *http.Request, client, proves string) (identity.Credentials, bool) {
	credentials := identity.Credentials{UserToken: r.Header.Get(headerUserToken), ClientAddress: client}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		credentials.Bearer = strings.TrimSpace(token)
	case strings.EqualFold(scheme, "DPoP"):
		credentials.Bearer = strings.TrimSpace(token)
		credentials.Proof = &identity.Proof{JWT: r.Header.Get(headerProof), Method: r.Method, URL: proves}
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
func (s *server) refuse(p *part, w http.ResponseWriter, r *http.Request, c *call, err error) {
	c.Taken()
	s.watch.Refuse(r.Context(), err)
	s.config.Logger.Info().Err(err).Str("client", c.client.text).
		Str("client_id", identity.UnknownClient(err)).Msg("caller refused")
	refusal, ok := errors.AsType[*identity.AuthError](err)
	if !ok || refusal == nil {
		refusal = &identity.AuthError{Code: identity.Unavailable, Message: "callers cannot be verified now"}
	}
	p.TurnAway(r.Context(), c.Generation, r, Refused{c.client.text, refusal})
	status := http.StatusServiceUnavailable
	switch refusal.Code {
	case identity.Missing:
		status = http.StatusUnauthorized
		s.challenges(w, c.credentials, "")
	case identity.InvalidToken, identity.InvalidProof:
		status = http.StatusUnauthorized
		s.challenges(
			w,
			c.credentials,
			fmt.Sprintf(`, error=%q, error_description="the credential was not accepted"`, refusal.Code),
		)
	case identity.InsufficientScope:
		status = http.StatusForbidden
		wrong := `, error="insufficient_scope"`
		if refusal.Who != nil { // a person's; what agents may do, scope asks
			wrong += `, scope="` + refusal.Who.Asks(identity.ScopeApprove) + `"`
		}
		s.challenges(w, c.credentials, wrong)
	case identity.InsufficientAccess:
		status = http.StatusForbidden // another token of the same issuer may do: RFC 6750, section 3
		s.challenges(w, c.credentials, "")
	default:
		w.Header().Set("Retry-After", "5")
	}
	Refuse(w, status, string(refusal.Code), refusal.Message)
}

// challenges names both schemes, and says what is wrong with the one that was used. Bearer comes first: many clients
// read one only.
func (s *server) challenges(w http.ResponseWriter, credentials identity.Credentials, wrong string) {
	bearer, proving := s.challenge+wrong, s.proof
	if credentials.Proof != nil {
		bearer, proving = s.challenge, s.proof+wrong
	}
	w.Header().Set("WWW-Authenticate", bearer)
	w.Header().Add("WWW-Authenticate", proving)
}
