package tools_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
)

// file is what is drawn of one configuration: what decides, and what it makes of the caller.
type file struct {
	policies []string
	tags     string
	purposes map[string]string
	limits   int // rows of an answer
	absent   bool
	who      identity.Principal
}

var forPurposes = []string{
	"guardrail: w.u, require: purpose:support", "mask: w.t.a, with: hash, except: purpose:support", "grant: w.v, to: purpose:support",
	"filter: w.t, where: b < 1300, except: purpose:support",
}

func drawFile(t *rapid.T, who identity.Principal) file {
	f := file{
		policies: drawPolicies(t, true),
		tags: drawn(
			t,
			"tags",
			worldTags,
			strings.Replace(worldTags, "w.t.a", "w.t.c", 1),
			strings.Replace(worldTags, "[w.u.d]", "[w.u.d, w.t.b]", 1),
		),
		limits: drawn(t, "limit", 100, 100, 100, 2),
		absent: drawn(t, "absent", 9, 9, 9, 9, 9, 9, 9, 0) == 0,
	}
	if rapid.Bool().Draw(t, "purposes") {
		f.purposes = map[string]string{"support": "answering a customer"}
		f.policies = append(f.policies, drawn(t, "for a purpose", forPurposes...))
	}
	f.who = identity.Principal{Agent: drawAgent(t)}
	f.who.Agent.ID = who.Agent.ID
	if who.User != nil {
		f.who.User = &identity.User{Identity: drawParty(t, identity.KindUser, who.User.ID)}
	}
	return f
}

// alike is the other file with one thing changed, as people change files.
func (f file) alike(t *rapid.T, other file) file {
	switch drawn(t, "changed", "a policy less", "a policy more", "the caller", "tags", "nothing") {
	case "a policy less":
		i := rapid.IntRange(0, len(f.policies)-1).Draw(t, "less")
		f.policies = slices.Delete(slices.Clone(f.policies), i, i+1)
	case "a policy more":
		f.policies = append(slices.Clone(f.policies), other.policies[0])
	case "the caller":
		f.who = other.who
	case "tags":
		f.tags = other.tags
	}
	return f
}

func (f file) config(t *rapid.T, e vending.Engine) tools.Config {
	text := ""
	for i, p := range slices.Compact(slices.Sorted(slices.Values(f.policies))) {
		text += fmt.Sprintf("- {name: p%d, %s}\n", i, p)
	}
	p := platforms.Config{Name: "world", Engine: e}
	if f.absent {
		p.Name = "elsewhere"
	}
	if err := errors.Join(form.Fragment("policies", text, &p.Policies), form.Fragment("tags", f.tags, &p.Tags)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return tools.Config{Platforms: []platforms.Config{p}, Purposes: f.purposes, Audit: &memory{},
		Limits: tools.Limits{MaxRows: f.limits, MaxBytes: 1 << 20, Timeout: 20e9, Concurrency: 4}}
}

// cells are what a caller gets to see: the values of each column that are not NULL, and how many rows there are of each
// table.
type cells map[string][]string

func seen(t *rapid.T, made *tools.Tools, who identity.Principal, purpose string) cells {
	out := cells{}
	for _, table := range worldTables {
		args := tools.QueryArgs{SQL: "SELECT * FROM w." + table, Platform: "world", Purpose: purpose}
		r, err := made.Query(t.Context(), tools.Call{Principal: who, Client: "test"}, args)
		if err != nil {
			var refusal *tools.Refusal
			if !errors.As(err, &refusal) || refusal.Code != tools.NotPermitted && refusal.Code != tools.InvalidArgument {
				t.Fatalf("%s is not answered: %v", table, err)
			}
			continue
		}
		for _, row := range r.Rows {
			out[table] = append(out[table], "a row")
			for i, cell := range row {
				if cell != nil {
					out[table+"."+r.Columns[i].Name] = append(out[table+"."+r.Columns[i].Name], fmt.Sprint(cell))
				}
			}
		}
		described, err := made.DescribeTable(
			t.Context(),
			tools.Call{Principal: who},
			tools.DescribeArgs{Table: "w." + table, Platform: "world", Purpose: purpose},
		)
		if err != nil {
			t.Fatalf("%s is answered, and not described: %v", table, err)
		}
		for _, c := range described.Columns {
			if c.Access == "clear" {
				out["clear"] = append(out["clear"], table+"."+c.Name)
			}
		}
	}
	return out
}

// beyond names what is in c and not in other, as often as it is in c.
func (c cells) beyond(other cells) string {
	for where, values := range c {
		left := slices.Clone(other[where])
		for _, v := range values {
			i := slices.Index(left, v)
			if i < 0 {
				return fmt.Sprintf("%q of %s", v, where)
			}
			left = slices.Delete(left, i, i+1)
		}
	}
	return ""
}

// What a call under both files gives is compared with what each of them gives alone, cell by cell and row by row, on
// real data.
func TestBothNeverGiveMoreThanEither(t *testing.T) {
	e := sqliteWith(t, "w", worldSeed)
	pairs, some, less := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		who := drawPrincipal(t)
		one, other := drawFile(t, who), drawFile(t, who)
		one.absent = false
		if rapid.Bool().Draw(t, "alike") {
			other = one.alike(t, other)
		}
		purpose := drawn(t, "purpose", "", "support")
		inForce, waiting := one.inForce(t, e), other.config(t, e)
		both := inForce.Both(waiting)
		pair := one.who
		pair.Waiting = &other.who
		got := seen(t, both, pair, purpose)
		for _, table := range worldTables {
			if n, most := len(got[table]), min(one.limits, other.limits); n > most {
				t.Fatalf("both show %d rows of %s, where %d is the lower limit", n, table, most)
			}
		}
		one.limits, other.limits = 100, 100 // no engine promises which rows a limit leaves
		inForce, waiting = one.inForce(t, e), other.config(t, e)
		first := seen(t, inForce, one.who, purpose)
		second := cells{}
		if !other.absent {
			alone, err := tools.New(t.Context(), waiting)
			if err != nil {
				t.Fatal(err)
			}
			second = seen(t, alone, other.who, purpose)
		}
		if more := got.beyond(first); more != "" {
			t.Fatalf("both show %s, and the one in force does not:\n%+v\n%+v", more, one, other)
		}
		if more := got.beyond(second); more != "" {
			t.Fatalf("both show %s, and the one that waits does not:\n%+v\n%+v", more, one, other)
		}
		if alone := seen(t, both, one.who, purpose); len(alone) > 0 {
			t.Fatalf("a caller whom the waiting file does not know sees %v", alone)
		}
		pairs++
		if len(got) > 0 {
			some++
		}
		if first.beyond(got) != "" {
			less++
		}
	})
	if some*5 < pairs || less*5 < pairs {
		t.Errorf("of %d pairs only %d show anything, and %d less than the one in force", pairs, some, less)
	}
}

func (f file) inForce(t *rapid.T, e vending.Engine) *tools.Tools {
	made, err := tools.New(t.Context(), f.config(t, e))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Two files that say the same show the same: nothing is lost without a reason.
func TestBothOfTheSameGiveTheSame(t *testing.T) {
	e := sqliteWith(t, "w", worldSeed)
	rapid.Check(t, func(t *rapid.T) {
		f := drawFile(t, drawPrincipal(t))
		f.absent = false
		alone := f.inForce(t, e)
		pair := f.who
		pair.Waiting = &f.who
		if a, b := fmt.Sprint(seen(t, alone, f.who, "")), fmt.Sprint(seen(t, alone.Both(f.config(t, e)), pair, "")); a != b {
			t.Fatalf("alone %s\nand twice %s\n%+v", a, b, f)
		}
	})
}
