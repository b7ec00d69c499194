package mcp

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/tools"
)

// apiPath is where people who decide on access requests find them. It is no part of the protocol that agents speak:
// what is decided there needs a human in person, with a token that says so, and no tool leads to it.
const (
	apiPath         = "/api/requests"
	descriptionPath = "/api/openapi.json"
)

// Desk is what this package needs of the use cases for people who decide. Errors are *tools.Refusal.
type Desk interface {
	Concerning(context.Context, tools.Steward, tools.RequestFilter) ([]tools.RequestView, error)
	Show(ctx context.Context, s tools.Steward, id string) (*tools.RequestView, error)
	Rule(ctx context.Context, s tools.Steward, id string, ruling tools.Ruling) (*tools.RequestView, error)
	// Misread and NoDecision put on the record that nothing came of it.
	Misread(ctx context.Context, s tools.Steward, v entitlements.Verdict, why string) error
	NoDecision(ctx context.Context, client string, why *identity.AuthError)
}

// People turns a credential into a human who acts in person, or says no. Errors are *identity.AuthError.
type People interface {
	Person(context.Context, identity.Credentials) (identity.User, error)
}

// openAPI describes what is served here, in OpenAPI 3.1. A test holds every answer against it.
//
//go:embed openapi.json
var openAPI []byte

// stewards is the side of the server for people who decide.
type stewards struct {
	desk  Desk
	auth  *authentication
	stops Stops
}

func (a *stewards) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiPath, a.list)
	mux.HandleFunc("GET "+apiPath+"/{id}", a.show)
	for _, verdict := range []entitlements.Verdict{entitlements.VerdictApprove, entitlements.VerdictDeny, entitlements.VerdictRevoke} {
		mux.HandleFunc("POST "+apiPath+"/{id}/"+string(verdict), a.rule(verdict))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(
			w,
			http.StatusNotFound,
			"not_found",
			"there is nothing at this address for this method: "+descriptionPath+" says what there is",
		)
	})
	return mux
}

// chained lets a request pass what one to the endpoint passes, in the same order: it is taken from a person instead of
// an agent, and may be a question without a body.
func (a *stewards) chained(cfg Config, limits *limiter) http.Handler {
	return chain(a.handler(),
		apiGuard,
		limits.byAddress,
		a.auth.begins,
		a.guard(cfg.People),
		limits.byCaller,
		func(next http.Handler) http.Handler { return bodyGuard(cfg.MaxMessage, limits.arriving, next) },
		a.latest(cfg.People),
		limits.byPlace,
		a.running,
	)
}

// apiGuard takes questions, and decisions in JSON.
func apiGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodPost:
			w.Header().Set("Allow", "GET, POST")
			answer(w, http.StatusMethodNotAllowed, "method_not_allowed", "requests are read with GET and decided on with POST")
		case r.Method == http.MethodPost && (r.URL.RawQuery != "" || r.URL.ForceQuery):
			answer(w, http.StatusBadRequest, "query_not_allowed", "a decision takes no query")
		case r.Method == http.MethodPost && r.ContentLength != 0 && !plainJSON(w, r):
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// describeAPI needs nobody to sign in: it says how to.
func describeAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(openAPI) // the client has gone; there is nobody to tell
}

type stewardKey struct{}

func stewardOf(r *http.Request) tools.Steward {
	s, _ := r.Context().Value(stewardKey{}).(tools.Steward)
	return s
}

// guard lets people in, and nobody who speaks for them.
func (a *stewards) guard(people People) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			before, again := r.Context().Value(callKey{}).(httpCall)
			credentials, ok := before.credentials, again // the proof of a request that is proved anew is no replay of itself
			if !again {
				credentials, ok = readCredentials(r, strings.TrimSuffix(a.auth.resource, endpoint)+r.URL.EscapedPath())
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
			user, err := people.Person(r.Context(), credentials)
			if err != nil {
				turnAway := a.auth.tools.TurnAway
				if r.Method == http.MethodPost {
					turnAway = a.desk.NoDecision
				}
				a.auth.refuseAnd(r.Context(), w, credentials, err, turnAway)
				return
			}
			steward := tools.Steward{User: user, Client: credentials.ClientAddress}
			counted := httpCall{
				call:        tools.Call{Principal: identity.Principal{User: &user}, Client: credentials.ClientAddress},
				credentials: credentials,
			}
			// the limits count it as a call of theirs
			ctx := context.WithValue(context.WithValue(r.Context(), stewardKey{}, steward), callKey{}, counted)
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// latest is that of the endpoint: a newer configuration proves the person anew.
func (a *stewards) latest(people People) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		again := a.guard(people)(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, end := a.auth.begin(r.Context())
			defer end()
			if ctx == r.Context() {
				next.ServeHTTP(w, r)
				return
			}
			again.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// running ends what the person does when they are stopped.
func (a *stewards) running(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := stewardOf(r).User
		ctx, ended := a.stops.Running(r.Context(), identity.Principal{User: &user})
		defer ended()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *stewards) list(w http.ResponseWriter, r *http.Request) {
	filter, err := readFilter(r)
	if err != nil {
		a.refuse(w, a.desk.Misread(r.Context(), stewardOf(r), "", err.Error()))
		return
	}
	all, err := a.desk.Concerning(r.Context(), stewardOf(r), filter)
	if err != nil {
		a.refuse(w, err)
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"requests": listed(all)})
}

func readFilter(r *http.Request) (f tools.RequestFilter, err error) {
	for name, values := range r.URL.Query() {
		if len(values) != 1 {
			return f, fmt.Errorf("%s is there twice", clip(name))
		}
		value := values[0]
		switch name {
		case "status":
			for _, s := range strings.Split(value, ",") {
				if !slices.Contains(entitlements.Statuses, entitlements.Status(s)) {
					return f, errors.New(
						"status is one of pending, approved, denied, expired, revoked, cancelled, or several with commas",
					)
				}
				f.Status = append(f.Status, entitlements.Status(s))
			}
		case "platform":
			f.Platform = value
		case "since":
			if f.Since, err = time.Parse(time.RFC3339, value); err != nil {
				return f, errors.New("since is a time such as 2026-11-25T08:00:00Z")
			}
		case "limit":
			if f.Most, err = strconv.Atoi(value); err != nil || f.Most < 1 || f.Most > 1000 {
				return f, errors.New("limit is a number from 1 to 1000")
			}
		default:
			return f, fmt.Errorf("there is no parameter %s, only status, platform, since, limit", clip(name))
		}
	}
	return f, nil
}

func (a *stewards) show(w http.ResponseWriter, r *http.Request) {
	view, err := a.desk.Show(r.Context(), stewardOf(r), r.PathValue("id"))
	if err != nil {
		a.refuse(w, err)
		return
	}
	answerJSON(w, http.StatusOK, view)
}

func (a *stewards) rule(verdict entitlements.Verdict) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ruling, err := readRuling(r.Body, verdict)
		if err != nil {
			a.refuse(w, a.desk.Misread(r.Context(), stewardOf(r), verdict, err.Error()))
			return
		}
		view, err := a.desk.Rule(r.Context(), stewardOf(r), r.PathValue("id"), ruling)
		if err != nil {
			a.refuse(w, err)
			return
		}
		answerJSON(w, http.StatusOK, view)
	}
}

// readRuling reads the body as strictly as a tool's arguments.
func readRuling(body io.Reader, verdict entitlements.Verdict) (tools.Ruling, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return tools.Ruling{}, errors.New("the request could not be read")
	}
	ruling, duration := tools.Ruling{Verdict: verdict}, ""
	fields := map[string]any{"note": &ruling.Note}
	if verdict == entitlements.VerdictApprove {
		fields["duration"] = &duration
	}
	given, err := readArguments(json.RawMessage(strings.TrimSpace(string(raw))), fields)
	if err != nil {
		return tools.Ruling{}, err
	}
	if given["duration"] {
		length, err := entitlements.ParsePeriod(duration)
		if err != nil {
			return tools.Ruling{}, fmt.Errorf("duration is %w", err)
		}
		ruling.For = time.Duration(length)
	}
	return ruling, nil
}

// statuses are the HTTP statuses of refusals.
var statuses = map[tools.Code]int{
	tools.NoSuchRequest: http.StatusNotFound,
	tools.OwnRequest:    http.StatusForbidden,
	tools.NotApprover:   http.StatusForbidden,
	tools.Settled:       http.StatusConflict,
	tools.TooLong:       http.StatusUnprocessableEntity,
	tools.Stopped:       http.StatusForbidden,
	tools.BadRequest:    http.StatusBadRequest,
	tools.TooBusy:       http.StatusTooManyRequests,
}

// refuse shows a refusal, and of any other error nothing at all.
func (a *stewards) refuse(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*tools.Refusal](err)
	if !ok || refusal == nil {
		a.auth.log.Error().Err(err).Msg("a request about access requests failed")
		none := unavailable()
		refusal = &none
	}
	status, known := statuses[refusal.Code]
	if !known {
		status = http.StatusServiceUnavailable
	}
	answerJSON(w, status, map[string]string{
		"error": string(refusal.Code), "message": refusal.Message, "audit_id": refusal.AuditID,
	})
}
