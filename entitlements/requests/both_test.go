package requests

import (
	"errors"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/identity"
)

func compiled(t *testing.T, text string) *Compiled {
	t.Helper()
	cfg := parse(t, text)
	cfg.Catalog = &entitlements.Catalog{
		Tables: []entitlements.Table{tableOf("crm.person", col("id", entitlements.Number), col("code", entitlements.Text))},
	}
	return compile(t, cfg)
}

// caller is a principal as both configurations know it.
func caller(inForce, waiting []string) identity.Principal {
	who := func(groups []string) identity.Principal {
		return identity.Principal{Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "bot"}},
			User: &identity.User{
				Issuer:   "i",
				Subject:  "ann",
				Identity: identity.Identity{Kind: identity.KindUser, ID: "ann", Groups: groups},
			}}
	}
	out, other := who(inForce), who(waiting)
	out.Waiting = &other
	return out
}

const readAll = "policies:\n  - {name: read, grant: crm.*, to: everyone}\n"

// What is asked for, and who approves it, is decided by both.
func TestBothAskAndApprove(t *testing.T) {
	with := func(rules string) *Compiled {
		return compiled(t, "discoverable: [crm.*]\nrules:\n"+rules)
	}
	stewards := with("  - {name: stewards, about: crm.*, approvers: group:Stewards, at_most: 8h}")
	shorter := with("  - {name: stewards, about: crm.*, approvers: group:Stewards, at_most: 1h}")
	two := with("  - {name: stewards, about: crm.*, stages: [{approvers: group:Stewards, need: '2'}], at_most: 8h}")
	none := compiled(t, "discoverable: [crm.*]\n")
	table := entitlements.TableName{Schema: "crm", Name: "person"}
	who := caller(nil, nil)

	if _, err := NewBoth(stewards, none).Ask(who, table, nil); !errors.Is(err, ErrNotAskable) {
		t.Errorf("without a rule in one, asking gives %v", err)
	}
	open := compiled(t, readAll)
	if _, err := NewBoth(stewards, open).Ask(who, table, nil); !errors.Is(err, ErrChanging) {
		t.Errorf("with the table open in one, asking gives %v", err)
	}
	ask, err := NewBoth(stewards, shorter).Ask(who, table, nil)
	if err != nil || ask.AtMost != time.Hour || !ask.Opens {
		t.Errorf("with a shorter time in one, asking gives %+v, %v", ask, err)
	}

	steward := func(inForce, waiting []string) identity.User {
		u := *caller(inForce, waiting).User
		w := *caller(inForce, waiting).Waiting.User
		u.ID, u.Subject, w.ID, w.Subject = "dana", "dana", "dana", "dana"
		u.Waiting = &w
		return u
	}
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	r := Request{
		ID:      "r",
		Asker:   AskerOf(who),
		Table:   table,
		Opens:   true,
		Wanted:  Duration(30 * time.Minute),
		Created: now,
		Lapses:  now.Add(time.Hour),
		Status:  StatusPending,
	}
	group := []string{"Stewards"}
	for name, tt := range map[string]struct {
		both Both
		by   identity.User
		want error
	}{
		"a steward of both":            {NewBoth(stewards, shorter), steward(group, group), nil},
		"a steward of one":             {NewBoth(stewards, shorter), steward(group, nil), ErrNotApprover},
		"a steward of the other":       {NewBoth(stewards, shorter), steward(nil, group), ErrNotApprover},
		"somebody is missing by one":   {NewBoth(stewards, two), steward(group, group), ErrChanging},
		"somebody is missing by other": {NewBoth(two, stewards), steward(group, group), ErrChanging},
	} {
		q, err := tt.both.Required(r)
		if err != nil {
			t.Fatal(err)
		}
		next, err := r.Approve(q, Step{ID: "s", By: tt.by, Now: now})
		if !errors.Is(err, tt.want) || (err == nil) != (next.Status == StatusApproved) {
			t.Errorf("%s: %v, %s", name, err, next.Status)
		}
		if _, err := r.Deny(q, Step{ID: "s", By: tt.by, Now: now}); tt.want != ErrChanging && !errors.Is(err, tt.want) {
			t.Errorf("%s denies: %v", name, err)
		}
	}
}
