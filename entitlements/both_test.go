package entitlements_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

func compiled(t *testing.T, text string) *entitlements.Entitlements {
	t.Helper()
	cfg := world.Parse(t, text)
	cfg.Catalog = &entitlements.Catalog{
		Tables: []entitlements.Table{
			world.TableOf("crm.person", world.Col("id", entitlements.Number), world.Col("code", entitlements.Text)),
		},
	}
	return world.Compile(t, cfg)
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
	null := []entitlements.AppliedMask{{Mask: entitlements.Mask{Kind: entitlements.MaskNull}, Policy: "hide"}}
	for name, tt := range map[string]struct {
		inForce, waiting string
		want             []entitlements.AppliedMask // nil: the first one's
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
		b := entitlements.Both{compiled(t, tt.inForce), compiled(t, tt.waiting)}
		who := caller([]string{"A"}, []string{"B"})
		access, denial := b.Decide(who, entitlements.TableName{Schema: "crm", Name: "person"})
		if denial != nil {
			t.Fatalf("%s: %v", name, denial)
		}
		want := tt.want
		if want == nil {
			alone, _ := b.InForce.Decide(who, entitlements.TableName{Schema: "crm", Name: "person"})
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
		if _, denial := (entitlements.Both{a, a}).Decide(tt.who, entitlements.TableName{Schema: "crm", Name: "person"}); (denial == nil) != tt.open {
			t.Errorf("%s: %v", name, denial)
		}
		if visible := (entitlements.Both{a, a}).Visible(tt.who); (len(visible) == 1) != tt.open {
			t.Errorf("%s: %v may be known of", name, visible)
		}
	}
}

// What is asked for, and who approves it, is decided by both.
func TestBothAskAndApprove(t *testing.T) {
	with := func(rules string) *entitlements.Entitlements {
		return compiled(t, "discoverable: [crm.*]\nrules:\n"+rules)
	}
	stewards := with("  - {name: stewards, about: crm.*, approvers: group:Stewards, at_most: 8h}")
	shorter := with("  - {name: stewards, about: crm.*, approvers: group:Stewards, at_most: 1h}")
	two := with("  - {name: stewards, about: crm.*, stages: [{approvers: group:Stewards, need: '2'}], at_most: 8h}")
	none := compiled(t, "discoverable: [crm.*]\n")
	table := entitlements.TableName{Schema: "crm", Name: "person"}
	who := caller(nil, nil)

	if _, err := (entitlements.Both{stewards, none}).Ask(who, table, nil); !errors.Is(err, entitlements.ErrNotAskable) {
		t.Errorf("without a rule in one, asking gives %v", err)
	}
	open := compiled(t, readAll)
	if _, err := (entitlements.Both{stewards, open}).Ask(who, table, nil); !errors.Is(err, entitlements.ErrChanging) {
		t.Errorf("with the table open in one, asking gives %v", err)
	}
	ask, err := (entitlements.Both{stewards, shorter}).Ask(who, table, nil)
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
	r := entitlements.Request{
		ID:      "r",
		Asker:   entitlements.AskerOf(who),
		Table:   table,
		Opens:   true,
		Wanted:  30 * time.Minute,
		Created: now,
		Lapses:  now.Add(time.Hour),
		Status:  entitlements.StatusPending,
	}
	group := []string{"Stewards"}
	for name, tt := range map[string]struct {
		both entitlements.Both
		by   identity.User
		want error
	}{
		"a steward of both":            {entitlements.Both{stewards, shorter}, steward(group, group), nil},
		"a steward of one":             {entitlements.Both{stewards, shorter}, steward(group, nil), entitlements.ErrNotApprover},
		"a steward of the other":       {entitlements.Both{stewards, shorter}, steward(nil, group), entitlements.ErrNotApprover},
		"somebody is missing by one":   {entitlements.Both{stewards, two}, steward(group, group), entitlements.ErrChanging},
		"somebody is missing by other": {entitlements.Both{two, stewards}, steward(group, group), entitlements.ErrChanging},
	} {
		q, err := tt.both.Required(r)
		if err != nil {
			t.Fatal(err)
		}
		next, err := r.Approve(q, entitlements.Step{ID: "s", By: tt.by, Now: now})
		if !errors.Is(err, tt.want) || (err == nil) != (next.Status == entitlements.StatusApproved) {
			t.Errorf("%s: %v, %s", name, err, next.Status)
		}
		if _, err := r.Deny(q, entitlements.Step{ID: "s", By: tt.by, Now: now}); tt.want != entitlements.ErrChanging &&
			!errors.Is(err, tt.want) {
			t.Errorf("%s denies: %v", name, err)
		}
	}
}
