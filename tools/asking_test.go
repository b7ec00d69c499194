package tools_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/tools"
)

// object finds the arguments in a sentence.
var object = regexp.MustCompile(`call request_access with (\{.*\}) and a reason`)

// argumentsIn reads them as a model would send them; false: there are none.
func argumentsIn(t *testing.T, text string) (args tools.RequestArgs, there bool) {
	t.Helper()
	m := object.FindStringSubmatch(text)
	if m == nil {
		return args, false
	}
	var given struct {
		Platform, Table string
		Columns         []string
	}
	d := json.NewDecoder(strings.NewReader(m[1]))
	d.DisallowUnknownFields()
	if err := d.Decode(&given); err != nil {
		t.Fatalf("%s: %v", m[1], err)
	}
	return tools.RequestArgs{Platform: given.Platform, Table: given.Table, Columns: given.Columns}, true
}

// hint is what a refused query, or a description, says about asking.
func (o *office) hint(call tools.Call, table string) (hint, described string) {
	o.t.Helper()
	_, err := o.Query(o.t.Context(), call, tools.QueryArgs{SQL: "SELECT * FROM " + table, Platform: "shop"})
	hint = refusal(o.t, err).Hint
	if d, err := o.DescribeTable(o.t.Context(), call, tools.DescribeArgs{Table: table, Platform: "shop"}); err == nil {
		described = d.HowToAsk
	}
	return hint, described
}

func TestARefusalCarriesTheArgumentsToAskWith(t *testing.T) {
	o := newOffice(t)
	hint, described := o.hint(seller(), "payroll")
	if want := `sales.payroll is there but not open to you; to ask for it, call request_access with {"table":"sales.payroll"} and a reason`; hint != want ||
		described != want {
		t.Fatalf("the hint is %q, the description says %q", hint, described)
	}
	args, _ := argumentsIn(t, hint)
	if r := o.refused(seller(), args); !strings.Contains(r.Message, "the argument reason") {
		t.Errorf("sent as it stands, without a reason, it is answered with %+v", r)
	}
	args.Reason = why
	if a := o.ask(seller(), args); a.Status != "pending" || a.Table != "sales.payroll" {
		t.Errorf("asked with it, the answer is %+v", a)
	}
}

func TestANoticeCarriesTheArgumentsToSeeMaskedColumns(t *testing.T) {
	o := newOffice(t)
	notices := func(sql string) string {
		t.Helper()
		r, err := o.Query(t.Context(), seller(), tools.QueryArgs{SQL: sql})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(r.Notices, "\n")
	}
	for sql, want := range map[string]string{
		"SELECT * FROM orders":                 "[lastname email]", // the card is masked for everyone
		"SELECT email FROM orders":             "[email]",
		"SELECT email, card, id FROM orders":   "[email]",
		"SELECT card FROM orders":              "",
		"SELECT id FROM orders":                "",
		"SELECT count(*) FROM orders":          "",
		"SELECT lastname || 'x' FROM orders o": "[lastname]",
	} {
		args, there := argumentsIn(t, notices(sql))
		if got := fmt.Sprint(args.Columns); there != (want != "") || there && (got != want || args.Table != "sales.orders") {
			t.Errorf("%s: %s", sql, notices(sql))
		}
	}
	args, _ := argumentsIn(t, notices("SELECT * FROM orders"))
	args.Reason = why
	a := o.ask(seller(), args)
	o.rule(a.ID, requests.VerdictApprove, "")
	if text := notices("SELECT * FROM orders"); object.MatchString(text) || !strings.Contains(text, "card is masked") {
		t.Errorf("once they are clear, the notices are %s", text)
	}
	d, err := newOffice(t).DescribeTable(t.Context(), seller(), tools.DescribeArgs{Table: "orders"})
	if err != nil ||
		d.HowToAsk != `to see lastname, email of sales.orders in the clear, call request_access with {"table":"sales.orders","columns":["lastname","email"]} and a reason` ||
		d.Requestable {
		t.Errorf("the description is %+v, %v", d, err)
	}
}

// Nothing is offered to those who may not ask, nor what nobody can approve, and nothing at all of what may not be known
// of.
func TestOnlyWhatCanBeAskedForIsOffered(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct {
		name, table string
		call        tools.Call
		offered     bool
	}{
		{"by a human", "payroll", seller(), true},
		{"by an agent that may ask for itself", "payroll", alone("scanner", true), true},
		{"by an agent that may not", "payroll", alone("scanner", false), false},
		{"with a token that names request", "payroll", limited("query", "describe", "request"), true},
		{"with a token that does not", "payroll", limited("query", "describe"), false},
		{"that no rule covers", "bonus", seller(), false},
		{"that a rule says no to", "board", seller(), false},
	} {
		hint, described := o.hint(tt.call, tt.table)
		if hint != described || object.MatchString(hint) != tt.offered ||
			!strings.HasPrefix(hint, "sales."+tt.table+" is there but not open to you") {
			t.Errorf("%s %s: the hint is %q, the description %q", tt.table, tt.name, hint, described)
		}
		if !tt.offered && !strings.Contains(hint, "ask an administrator of Deputy") {
			t.Errorf("%s %s: the hint is %q", tt.table, tt.name, hint)
		}
	}
	none, _ := o.hint(seller(), "absent")
	for _, table := range []string{"hidden", "guarded"} {
		if hint, described := o.hint(seller(), table); hint != none || described != "" {
			t.Errorf("%s: the hint is %q, and of a table that is not there %q", table, hint, none)
		}
	}
	for name, call := range map[string]tools.Call{"a token without the scope": limited("query"), "an agent that may not": alone("scanner", false)} {
		r, err := o.Query(t.Context(), call, tools.QueryArgs{SQL: "SELECT * FROM orders"})
		if err != nil || strings.Contains(strings.Join(r.Notices, "\n"), "request_access") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	o = newOffice(t, func(c *tools.Config) { c.Requests = nil })
	if hint, described := o.hint(seller(), "payroll"); hint != described || object.MatchString(hint) {
		t.Errorf("where access cannot be asked for: %q", hint)
	}
}

func TestWithSeveralPlatformsTheArgumentsNameTheirs(t *testing.T) {
	o := newOffice(t, func(c *tools.Config) {
		lake := c.Platforms[0]
		lake.Name, lake.Engine = "lake", sqliteWith(t, "sales", askableData)
		c.Platforms = append(c.Platforms, lake)
	})
	hint, described := o.hint(seller(), "payroll")
	args, _ := argumentsIn(t, hint)
	if args.Platform != "shop" || hint != described {
		t.Errorf("the hint is %q, the description says %q", hint, described)
	}
	args.Reason = why
	shop := o.ask(seller(), args)
	args.Platform = "lake"
	lake := o.ask(seller(), args)
	if lake.ID == shop.ID {
		t.Error("the same on another platform is the same request")
	}
	o.rule(shop.ID, requests.VerdictApprove, "")
	for platform, open := range map[string]bool{"shop": true, "lake": false} {
		if _, err := o.Query(t.Context(), seller(), tools.QueryArgs{SQL: "SELECT salary FROM payroll", Platform: platform}); (err == nil) != open {
			t.Errorf("approved on shop, %s gives %v", platform, err)
		}
	}
	args.Platform = ""
	if r := o.refused(seller(), args); !strings.Contains(r.Message, `["shop" "lake"]`) {
		t.Errorf("without a platform: %+v", r)
	}
	// looked up, it needs none
	if a := o.ask(seller(), tools.RequestArgs{RequestID: lake.ID}); a.ID != lake.ID {
		t.Errorf("looked up: %+v", a)
	}
}

// What is open, or in the clear, for a purpose alone is not asked for in its name: request_access knows none.
func TestWhatAPurposeHidesIsNotOffered(t *testing.T) {
	purposes := map[string]string{"support": "To answer a customer"}
	o := newOffice(t, func(c *tools.Config) {
		c.Purposes = purposes
		p := &c.Platforms[0]
		p.Rules = append(
			p.Rules,
			requests.Rule{
				Name:      "the words",
				About:     entitlements.Selectors{"sales.events.what"},
				Approvers: match(t, "group:Stewards"),
			},
		)
		p.Policies = append(
			p.Policies,
			entitlements.Policy{
				Name:  "support sees events",
				Grant: entitlements.Selectors{"sales.events"},
				To:    match(t, "purpose:support"),
			},
			entitlements.Policy{
				Name:   "not the words, but for privacy",
				Mask:   entitlements.Selectors{"sales.events.what"},
				With:   &entitlements.Mask{Kind: entitlements.MaskNull},
				Except: match(t, "group:Privacy"),
			},
		)
	})
	r, err := o.Query(t.Context(), seller(), tools.QueryArgs{SQL: "SELECT what FROM events", Purpose: "support"})
	if err != nil || object.MatchString(strings.Join(r.Notices, "\n")) {
		t.Errorf("%+v, %v", r, err)
	}
}
