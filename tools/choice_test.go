package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
)

// manyPlatforms are shop, which Marketing reads, lobby, where anyone may ask for the payroll, case, which is for a
// purpose, and vault, which HR reads and which is left out without hidden.
func manyPlatforms(t *testing.T, log tools.Recorder, hidden bool) *tools.Tools {
	t.Helper()
	c := toolsConfig(t, onSQLite(t), log, "")
	c.Purposes = map[string]string{"fraud": "looking into a payment"}
	p := c.Platforms[0]
	p.Discoverable = nil
	named := func(name, to string, ask ...string) {
		one := p
		one.Name, one.Engine, one.Discoverable = name, onSQLite(t), entitlements.Selectors(ask)
		if err := form.Fragment("policies", "- {name: readers, grant: [sales.customer_orders], to: "+to+"}", &one.Policies); err != nil {
			t.Fatal(err)
		}
		c.Platforms = append(c.Platforms, one)
	}
	c.Platforms[0] = p
	named("lobby", "group:HR", "sales.payroll")
	named("case", "purpose:fraud")
	if hidden {
		named("vault", "group:HR")
	}
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestChoices(t *testing.T) {
	made := manyPlatforms(t, &memory{}, true)
	for _, tt := range []struct {
		who  tools.Call
		want []string
	}{
		{as("taylor", "Marketing"), []string{"shop", "lobby", "case"}},
		{as("eva", "HR"), []string{"lobby", "case", "vault"}},
		{as("nora"), []string{"lobby", "case"}},
	} {
		if got := made.Choices(t.Context(), tt.who); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s may choose from %q, want %q", tt.who.Principal.User.ID, got, tt.want)
		}
	}
}

// A platform on which the caller sees nothing is answered as one that is not there, by every tool and for every
// spelling.
func TestHiddenPlatformIsAbsent(t *testing.T) {
	said := func(made *tools.Tools, call tools.Call) (all []string) {
		note := func(answer any, err error) {
			text, _ := json.Marshal(answer)
			if err != nil {
				r := refusal(t, err)
				text, _ = json.Marshal([]any{r.Code, r.Message, r.Hint})
			}
			all = append(all, string(text))
		}
		for _, platform := range []string{"", "vault", "nowhere", "Vault", "shop", "lobby", strings.Repeat("v", 1000)} {
			for _, sql := range []string{"SELECT 1", "SELEC", "SELECT * FROM sales.hidden", "SELECT count(*) FROM sales.payroll"} {
				r, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: sql, Platform: platform})
				if r != nil {
					r.AuditID, r.Role = "", ""
				}
				note(r, err)
			}
			for _, table := range []string{"", "sales.hidden", "sales.payroll", "nothing"} {
				d, err := made.DescribeTable(t.Context(), call, tools.DescribeArgs{Table: table, Platform: platform})
				if d != nil {
					d.AuditID = ""
				}
				note(d, err)
			}
		}
		return append(all, fmt.Sprint(made.Choices(context.Background(), call)))
	}
	log := &memory{}
	with, without := manyPlatforms(t, log, true), manyPlatforms(t, &memory{}, false)
	for _, call := range []tools.Call{as("taylor", "Marketing"), as("nora")} {
		a, b := said(with, call), said(without, call)
		for i := range b {
			if a[i] != b[i] {
				t.Errorf("%s is told %s, and where there is no vault %s", call.Principal.User.ID, a[i], b[i])
			}
			if strings.Contains(a[i], "vault") {
				t.Errorf("%s is told of the vault: %s", call.Principal.User.ID, a[i])
			}
		}
	}
	for _, r := range log.records {
		if len(r.Platform) > 70 {
			t.Errorf("on the record stands a platform of %d characters", len(r.Platform))
		}
	}
	if _, err := with.Query(t.Context(), as("eva", "HR"), tools.QueryArgs{SQL: "SELECT count(*) FROM customer_orders", Platform: "vault"}); err != nil {
		t.Errorf("the vault is closed to who may read it: %v", err)
	}
	if _, err := with.Query(t.Context(), as("eva"), tools.QueryArgs{SQL: "SELECT count(*) FROM customer_orders", Platform: "case", Purpose: "fraud"}); err != nil {
		t.Errorf("a platform is closed to who reads it for a purpose: %v", err)
	}
}

// With one platform that the caller may know of, the name need not be said, however many others there are.
func TestOnlyChoiceNeedsNoName(t *testing.T) {
	c := toolsConfig(t, onSQLite(t), &memory{}, "")
	other := c.Platforms[0]
	other.Name, other.Engine, other.Discoverable, other.Policies = "vault", onSQLite(t), nil, nil
	c.Platforms = append(c.Platforms, other)
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	call := as("taylor", "Marketing")
	if _, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: "SELECT count(*) FROM customer_orders"}); err != nil {
		t.Errorf("without a name: %v", err)
	}
	c.Platforms[0].Discoverable = nil
	if made, err = tools.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	_, absent := made.DescribeTable(t.Context(), as("nora"), tools.DescribeArgs{Platform: "nowhere"})
	for _, name := range []string{"", "vault", "shop"} {
		if _, err := made.DescribeTable(t.Context(), as("nora"), tools.DescribeArgs{Platform: name}); err == nil ||
			refusal(t, err).Message != refusal(t, absent).Message {
			t.Errorf("who sees nothing anywhere is told of %q: %v", name, err)
		}
	}
}
