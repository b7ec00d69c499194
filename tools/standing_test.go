package tools_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/identity"
	"deputy/tools"
	"deputy/vending"
)

// moving is an engine on which a table changes under the first call of each statement.
type moving struct {
	vending.Engine
	on   bool
	runs int
}

func (m *moving) Run(ctx context.Context, lease vending.Lease) (vending.Result, error) {
	if m.on {
		m.runs++
	}
	if m.runs == 1 {
		return vending.Result{}, &vending.Error{
			Code:    vending.Unavailable,
			Message: "changed",
			Cause:   vending.ErrChanged,
		}
	}
	return m.Engine.Run(ctx, lease)
}

// What is odd about a caller's claims is on the record and in the log, by the claim's name, also when the statement is
// decided anew or is found to mean something else.
func TestOddClaimsStay(t *testing.T) {
	const odd = `the claim "country" of the access token has an element that is no value`
	for name, sql := range map[string]string{
		"decided anew": "SELECT count(*) FROM sales.customer_orders", "refused": "SELECT * FROM sales.nothing",
	} {
		log, said := &memory{}, &bytes.Buffer{}
		engine := &moving{Engine: onSQLite(t)}
		config := toolsConfig(t, engine, log, "")
		config.Log = zerolog.New(said)
		made, err := tools.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		engine.on = true
		call := seller()
		user := *call.Principal.User
		user.Odd, call.Principal.User = []string{odd}, &user
		if _, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: sql}); err != nil && name != "refused" {
			t.Fatal(name, err)
		}
		r := log.last(t)
		if n := len(slices.DeleteFunc(slices.Clone(r.Reasons), func(s string) bool { return s != odd })); n != 1 {
			t.Errorf("%s: the record has it %d times: %q", name, n, r.Reasons)
		}
		if !strings.Contains(said.String(), `\"country\"`) || !strings.Contains(said.String(), r.ID) {
			t.Errorf("%s: the log says %s", name, said)
		}
	}
}

// A value that does not fit is on the record, in the log and in the answer by the attribute's name, and nowhere itself.
func TestUnfitValueIsNamed(t *testing.T) {
	for engine, e := range map[string]vending.Engine{"sqlite": onSQLite(t), "postgres": onPostgres(t)} {
		log, said := &memory{}, &bytes.Buffer{}
		config := toolsConfig(t, e, log, `
- {name: own totals, filter: [sales.customer_orders], where: "order_total = any(:attribute.limit)", for: everyone}
`)
		config.Log = zerolog.New(said)
		made, err := tools.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		call := seller()
		user := *call.Principal.User
		user.Attributes, call.Principal.User = map[string][]string{"limit": {"zyxwv"}}, &user
		got, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: "SELECT count(*) FROM sales.customer_orders"})
		if err != nil || rows(got) != "0" {
			t.Fatalf("on %s it gives %v, %v", engine, got, err)
		}
		content, err := audit.Native(log.last(t))
		if err != nil {
			t.Fatal(err)
		}
		for place, text := range map[string]string{
			"record": string(content), "log": said.String(), "answer": strings.Join(got.Notices, "\n"),
		} {
			if !strings.Contains(text, "limit counted as none") || strings.Contains(text, "zyxwv") {
				t.Errorf("on %s the %s has %s", engine, place, text)
			}
		}
	}
}

// The client of a token that is no registered agent is on the record, so that an administrator can find
// out who it is.
func TestUnknownClientIsNamed(t *testing.T) {
	log := &memory{}
	made, err := tools.New(t.Context(), toolsConfig(t, onSQLite(t), log, ""))
	if err != nil {
		t.Fatal(err)
	}
	made.TurnAway(t.Context(), "192.0.2.1", &identity.AuthError{
		Code: identity.InsufficientAccess, Message: "no agent", Client: "rogue-chat",
	})
	r := log.last(t)
	if !slices.Contains(r.Reasons, `the token's client is "rogue-chat"`) {
		t.Errorf("the record says %q", r.Reasons)
	}
}
