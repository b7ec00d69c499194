package entitlements

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"deputy/identity"
)

func compiled(t *testing.T, text string) *Entitlements {
	t.Helper()
	cfg := parse(t, text)
	cfg.Catalog = &Catalog{Tables: []Table{tableOf("crm.person", col("id", Number), col("code", Text))}}
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

func TestBothMasks(t *testing.T) {
	mask := func(rest string) string { return readAll + "  - {name: hide, mask: crm.person.code, " + rest + "}\n" }
	null := []AppliedMask{{Mask: Mask{Kind: MaskNull}, Policy: "hide"}}
	for name, tt := range map[string]struct {
		inForce, waiting string
		want             []AppliedMask // nil: the first one's
	}{
		"the same":           {mask("with: hash"), mask("with: hash"), nil},
		"another name":       {mask("with: hash"), readAll + "  - {name: other, mask: crm.person.code, with: hash}\n", nil},
		"another kind":       {mask("with: hash"), mask("with: {constant: x}"), null},
		"another argument":   {mask("with: {constant: y}"), mask("with: {constant: x}"), null},
		"added":              {readAll, mask("with: hash"), null},
		"taken out":          {mask("with: hash"), readAll, null},
		"for other rows":     {mask("with: hash, when: id = 1"), mask("with: hash, when: id = 2"), null},
		"for some rows only": {mask("with: hash"), mask("with: hash, when: id = 2"), null},
		"by the caller's own": {mask("with: hash, when: code = any(:user.groups)"), mask("with: hash, when: code = any(:user.groups)"),
			null}, // the groups are not the same
	} {
		b := Both{compiled(t, tt.inForce), compiled(t, tt.waiting)}
		who := caller([]string{"A"}, []string{"B"})
		access, denial := b.Decide(who, TableName{"crm", "person"})
		if denial != nil {
			t.Fatalf("%s: %v", name, denial)
		}
		want := tt.want
		if want == nil {
			alone, _ := b.InForce.Decide(who, TableName{"crm", "person"})
			want = alone.Columns[1].Masks
		}
		if got := access.Columns[1].Masks; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A group counts for the policies of the configuration that gives it, and for no others.
func TestBothJudgeApart(t *testing.T) {
	a := compiled(t, "policies:\n  - {name: read, grant: crm.*, to: group:A}\n")
	for name, tt := range map[string]struct {
		who  identity.Principal
		open bool
	}{
		"in both":            {caller([]string{"A"}, []string{"A"}), true},
		"in one":             {caller([]string{"A"}, nil), false},
		"in the other":       {caller(nil, []string{"A"}), false},
		"unknown to the one": {identity.Principal{Agent: caller(nil, nil).Agent, User: caller([]string{"A"}, nil).User}, false},
	} {
		if _, denial := (Both{a, a}).Decide(tt.who, TableName{"crm", "person"}); (denial == nil) != tt.open {
			t.Errorf("%s: %v", name, denial)
		}
		if visible := (Both{a, a}).Visible(tt.who); (len(visible) == 1) != tt.open {
			t.Errorf("%s: %v may be known of", name, visible)
		}
	}
}

// What is asked for, and who approves it, is decided by both.
func TestBothAskAndApprove(t *testing.T) {
	with := func(rules string) *Entitlements {
		return compiled(t, "discoverable: [crm.*]\nrules:\n"+rules)
	}
	stewards := with("  - {name: stewards, about: crm.*, approvers: group:Stewards, at_most: 8h}")
	shorter := with("  - {name: stewards, about: crm.*, approvers: group:Stewards, at_most: 1h}")
	two := with("  - {name: stewards, about: crm.*, stages: [{approvers: group:Stewards, need: '2'}], at_most: 8h}")
	none := compiled(t, "discoverable: [crm.*]\n")
	table := TableName{"crm", "person"}
	who := caller(nil, nil)

	if _, err := (Both{stewards, none}).Ask(who, table, nil); !errors.Is(err, ErrNotAskable) {
		t.Errorf("without a rule in one, asking gives %v", err)
	}
	open := compiled(t, readAll)
	if _, err := (Both{stewards, open}).Ask(who, table, nil); !errors.Is(err, ErrChanging) {
		t.Errorf("with the table open in one, asking gives %v", err)
	}
	ask, err := (Both{stewards, shorter}).Ask(who, table, nil)
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
		Wanted:  30 * time.Minute,
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
		"a steward of both":            {Both{stewards, shorter}, steward(group, group), nil},
		"a steward of one":             {Both{stewards, shorter}, steward(group, nil), ErrNotApprover},
		"a steward of the other":       {Both{stewards, shorter}, steward(nil, group), ErrNotApprover},
		"somebody is missing by one":   {Both{stewards, two}, steward(group, group), ErrChanging},
		"somebody is missing by other": {Both{two, stewards}, steward(group, group), ErrChanging},
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
