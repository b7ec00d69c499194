package entitlements_test

import (
	"reflect"
	"testing"

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
