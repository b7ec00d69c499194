// Package console is the side of the server for the people who decide on access requests: the stewards. It is no part
// of the protocol that agents speak: what is decided here needs a human in person, with a token that says so, and no
// tool leads to it.
package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/tools"
	"deputy/tools/desk"
)

const (
	apiPath         = "/api/requests"
	descriptionPath = "/api/openapi.json"
)

// Desk is what this package needs of the use cases for people who decide. Errors are *tools.Refusal.
type Desk interface {
	Concerning(context.Context, tools.Steward, requests.Filter) ([]desk.View, error)
	Show(ctx context.Context, s tools.Steward, id string) (*desk.View, error)
	Rule(ctx context.Context, s tools.Steward, id string, ruling desk.Ruling) (*desk.View, error)
	// Misread and NoDecision put on the record that nothing came of it.
	Misread(ctx context.Context, s tools.Steward, v requests.Verdict, why string) error
	NoDecision(ctx context.Context, client string, why *identity.AuthError)
}

// People turns a credential into a human who acts in person, or says no. Errors are *identity.AuthError.
type People interface {
	Person(context.Context, identity.Credentials) (identity.User, error)
}

// Config is what the console needs. Every field is needed.
type Config struct {
	// Desk is the desk of a generation.
	Desk func(mcp.Generation) Desk
	// People are those that a generation knows.
	People func(mcp.Generation) People
	Logger zerolog.Logger
}

// openAPI describes what is served here, in OpenAPI 3.1. A test holds every answer against it.
//
//go:embed openapi.json
var openAPI []byte

// api answers stewards.
type api struct{ config Config }

// API is the route at /api/requests. It takes questions, which may have no body, and decisions from a person, and
// passes the guards of the protocol otherwise.
func API(cfg Config) httpd.Route {
	a := &api{cfg}
	return httpd.Route{
		Patterns: []string{apiPath, apiPath + "/"},
		Takes:    takes,
		Prove:    a.person,
		TurnAway: a.turnAway,
		Serve:    a.serve,
	}
}

// Description is served at the path without a credential: it says how to sign in.
func Description() (path string, handler http.Handler) {
	return descriptionPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(openAPI) // a client that has gone cannot be told
	})
}

// takes takes questions, and decisions in JSON.
func takes(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		httpd.Refuse(w, http.StatusMethodNotAllowed, "method_not_allowed",
			"requests are read with GET and decided on with POST")
	case r.Method == http.MethodPost && (r.URL.RawQuery != "" || r.URL.ForceQuery):
		httpd.Refuse(w, http.StatusBadRequest, "query_not_allowed", "a decision takes no query")
	default:
		return r.Method != http.MethodPost || r.ContentLength == 0 || httpd.PlainJSON(w, r)
	}
	return false
}

// person lets people in, and no agent that speaks for them. The limits count what they do as calls of theirs.
func (a *api) person(ctx context.Context, g mcp.Generation, c identity.Credentials) (identity.Principal, error) {
	user, err := a.config.People(g).Person(ctx, c)
	if err != nil {
		return identity.Principal{}, err
	}
	return identity.Principal{User: &user}, nil
}

func (a *api) turnAway(ctx context.Context, g mcp.Generation, r *http.Request, refused httpd.Refused) {
	if r.Method == http.MethodPost {
		a.config.Desk(g).NoDecision(ctx, refused.Client, refused.Why)
		return
	}
	g.Tools().TurnAway(ctx, refused.Client, refused.Why)
}

// visit is one request of a steward, and the desk that answers it.
type visit struct {
	*httpd.Request
	desk    Desk
	steward tools.Steward
}

func (a *api) serve(w http.ResponseWriter, r *httpd.Request) {
	v := &visit{r, a.config.Desk(r.Generation), tools.Steward{User: *r.Principal.User, Client: r.Client}}
	id, verdict, ok := target(r.URL)
	switch {
	case ok && id == "" && r.Method == http.MethodGet:
		a.list(w, v)
	case ok && id != "" && verdict == "" && r.Method == http.MethodGet:
		a.show(w, v, id)
	case ok && slices.Contains(verdicts, verdict) && r.Method == http.MethodPost:
		a.rule(w, v, id, verdict)
	default:
		httpd.Refuse(w, http.StatusNotFound, "not_found",
			"there is nothing at this address for this method: "+descriptionPath+" says what there is")
	}
}

var verdicts = []requests.Verdict{
	requests.VerdictApprove,
	requests.VerdictDeny,
	requests.VerdictRevoke,
	requests.VerdictConfirm,
}

// target is the request and the verdict that an address names: /api/requests, /api/requests/{id} or
// /api/requests/{id}/{verdict}. It is not ok when it names anything else.
func target(u *url.URL) (id string, verdict requests.Verdict, ok bool) {
	rest, below := strings.CutPrefix(strings.TrimPrefix(u.EscapedPath(), apiPath), "/")
	if !below {
		return "", "", rest == ""
	}
	first, second, more := strings.Cut(rest, "/")
	id, err := url.PathUnescape(first)
	if err != nil || id == "" || more && second == "" {
		return "", "", false
	}
	return id, requests.Verdict(second), true
}

func (a *api) list(w http.ResponseWriter, v *visit) {
	filter, err := readFilter(v.URL.Query())
	if err != nil {
		a.refuse(w, v.desk.Misread(v.Context(), v.steward, "", err.Error()))
		return
	}
	all, err := v.desk.Concerning(v.Context(), v.steward, filter)
	if err != nil {
		a.refuse(w, err)
		return
	}
	httpd.Answer(w, http.StatusOK, map[string]any{"requests": append([]desk.View{}, all...)})
}

func readFilter(given url.Values) (f requests.Filter, err error) {
	for name, values := range given {
		if len(values) != 1 {
			return f, fmt.Errorf("%s is there twice", mcp.Clip(name))
		}
		value := values[0]
		switch name {
		case "status":
			for _, s := range strings.Split(value, ",") {
				if !slices.Contains(requests.Statuses, requests.Status(s)) {
					return f, errors.New(
						"status is one of pending, approved, denied, expired, revoked, cancelled, or several with commas",
					)
				}
				f.Status = append(f.Status, requests.Status(s))
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
			return f, fmt.Errorf("there is no parameter %s, only status, platform, since, limit", mcp.Clip(name))
		}
	}
	return f, nil
}

func (a *api) show(w http.ResponseWriter, v *visit, id string) {
	view, err := v.desk.Show(v.Context(), v.steward, id)
	if err != nil {
		a.refuse(w, err)
		return
	}
	httpd.Answer(w, http.StatusOK, view)
}

func (a *api) rule(w http.ResponseWriter, v *visit, id string, verdict requests.Verdict) {
	ruling, err := readRuling(v.Body, verdict)
	if err != nil {
		a.refuse(w, v.desk.Misread(v.Context(), v.steward, verdict, err.Error()))
		return
	}
	view, err := v.desk.Rule(v.Context(), v.steward, id, ruling)
	if err != nil {
		a.refuse(w, err)
		return
	}
	httpd.Answer(w, http.StatusOK, view)
}

// readRuling reads the body as strictly as a tool's arguments.
func readRuling(body []byte, verdict requests.Verdict) (desk.Ruling, error) {
	ruling, duration := desk.Ruling{Verdict: verdict}, ""
	fields := map[string]any{"note": &ruling.Note}
	if verdict == requests.VerdictApprove {
		fields["duration"] = &duration
	}
	given, err := mcp.ReadArguments(json.RawMessage(strings.TrimSpace(string(body))), fields)
	if err != nil {
		return desk.Ruling{}, err
	}
	if given["duration"] {
		length, err := requests.ParsePeriod(duration)
		if err != nil {
			return desk.Ruling{}, fmt.Errorf("duration is %w", err)
		}
		ruling.For = time.Duration(length)
	}
	return ruling, nil
}

// statuses are the HTTP statuses of refusals.
var statuses = map[tools.Code]int{
	tools.NoSuchRequest:   http.StatusNotFound,
	tools.OwnRequest:      http.StatusForbidden,
	tools.NotApprover:     http.StatusForbidden,
	tools.Settled:         http.StatusConflict,
	tools.TooLong:         http.StatusUnprocessableEntity,
	tools.Stopped:         http.StatusForbidden,
	tools.BadRequest:      http.StatusBadRequest,
	tools.InvalidArgument: http.StatusBadRequest,
	tools.TooBusy:         http.StatusTooManyRequests,
}

// refuse shows a refusal, and of any other error nothing at all.
func (a *api) refuse(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*tools.Refusal](err)
	if !ok || refusal == nil {
		a.config.Logger.Error().Err(err).Msg("a request about access requests failed")
		none := mcp.Unavailable()
		refusal = &none
	}
	status, known := statuses[refusal.Code]
	if !known {
		status = http.StatusServiceUnavailable
	}
	httpd.Answer(w, status, map[string]string{
		"error": string(refusal.Code), "message": refusal.Message, "audit_id": refusal.AuditID,
	})
}
