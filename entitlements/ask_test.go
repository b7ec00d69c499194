package entitlements_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

const askable = `
tags:
  PII: [sales.customer_orders.lastname, eu.customers.email, hr.people.name]
  PII.SSN: [hr.people.ssn]
  EU: [eu.customers]
discoverable: [eu, sales.refunds, ref.regions, hr.wages]
policies:
  - {name: marketing reads sales, grant: [sales.customer_orders], to: group:Marketing}
  - {name: people, grant: [hr.people], to: group:Marketing}
  - {name: EU data stays in the EU, guardrail: [tag:EU], require: attribute:residency=EU}
  - {name: hide personal data, mask: [tag:PII], with: hash, except: group:Privacy}
  - {name: hide totals, mask: [sales.customer_orders.order_total], with: null, except: group:Finance}
  - {name: no contractor sees regions, mask: [sales.customer_orders.region], with: null, for: group:Contractors}
  - {name: social security numbers, mask: [tag:PII.SSN], with: null}
  - {name: salaries, mask: [hr.people.salary, hr.wages.amount], with: null, except: group:HR}
  - {name: salaries are rounded for all, mask: ["hr.*.salary"], with: {round: 1000}}
rules:
  - name: b stewards
    about: [sales, eu, tag:PII]
    except_about: [sales.customer_orders.order_total]
    approvers: group:Stewards
    at_most: 30d
    questions: [{name: ticket, ask: The ticket}]
  - name: a privacy
    about: [tag:PII]
    stages:
      - {approvers: [group:Privacy, [user:dpo, user:deputy]], need: all}
      - {approvers: group:Stewards, need: 2}
    at_most: 4h
    questions: [{name: ticket, ask: The ticket}, {name: purpose, ask: What for}]
    only_through_agent: true
  - name: c salaries
    about: [hr.people.salary, hr.wages.amount]
    approvers: group:HR
  - {name: d lookups, about: [ref, ref.regions.code], except_about: [ref.regions], approvers: group:Stewards}
  - {name: e elsewhere, platform: another, about: [ref], approvers: group:Stewards}
`

func TestWhatCanBeAskedFor(t *testing.T) {
	e := world.Compile(t, world.Parse(t, askable))
	contractor := world.User("cora", []string{"Marketing", "Contractors"})
	for _, c := range []struct {
		name    string
		who     identity.Principal
		table   entitlements.TableName
		columns []string
		want    string // an error; or the rules, what opens, and the columns
		is      error
	}{
		{"a column that a mask with an except hides", world.On(world.Taylor), world.Orders, []string{"lastname"}, "[a privacy b stewards] [lastname]", nil},
		{"a column that is clear", world.On(world.Taylor), world.Orders, []string{"region"}, "", entitlements.ErrHaveIt},
		{"what is clear is left out", world.On(world.Taylor), world.Orders, []string{"region", "lastname", "lastname"}, "[a privacy b stewards] [lastname]", nil},
		{"a column that a mask for somebody hides", world.On(contractor), world.Orders, []string{"region"}, "", entitlements.ErrNotAskable},
		{"one such column beside another", world.On(contractor), world.Orders, []string{"region", "lastname"}, "", entitlements.ErrNotAskable},
		{"a column that a mask for everyone hides", world.On(world.Taylor), world.People, []string{"ssn"}, "", entitlements.ErrNotAskable},
		{"a column that another mask would hide still", world.On(world.Taylor), world.People, []string{"salary"}, "", entitlements.ErrNotAskable},
		{"a column that no rule covers", world.On(world.Taylor), world.Orders, []string{"order_total"}, "", entitlements.ErrNotAskable},
		{"one such column beside one that a rule covers", world.On(world.Taylor), world.Orders, []string{"lastname", "order_total"}, "", entitlements.ErrNotAskable},
		{"a column that is not there", world.On(world.Taylor), world.Orders, []string{"lastname", "LASTNAME"}, "", entitlements.ErrUnknownColumn},
		{"a table that is open", world.On(world.Taylor), world.Orders, nil, "", entitlements.ErrHaveIt},
		{"a table that is closed and may be discovered", world.On(world.Taylor), world.Refunds, nil, "[b stewards] opens", nil},
		{"a table that is closed and may not", world.On(world.Nobody), world.Orders, nil, "", entitlements.ErrUnknownTable},
		{"a column of it", world.On(world.Nobody), world.Orders, []string{"lastname"}, "", entitlements.ErrUnknownTable},
		{"a column of it that is not there", world.On(world.Nobody), world.Orders, []string{"nothing"}, "", entitlements.ErrUnknownTable},
		{"a table that is not there", world.On(world.Taylor), entitlements.TableName{Schema: "sales", Name: "nothing"}, nil, "", entitlements.ErrUnknownTable},
		{"a table that a guardrail closes, though it may be discovered", world.On(world.Taylor), world.Customers, nil, "", entitlements.ErrUnknownTable},
		{"the same, for whom the guardrail holds", world.On(world.Eva), world.Customers, nil, "[b stewards] opens", nil},
		{"a table and a column of it at once", world.On(world.Eva), world.Customers, []string{"email"}, "[a privacy b stewards] opens [email]", nil},
		{"a table, and a column that is clear once it is open", world.On(world.Eva), world.Customers, []string{"id"}, "[b stewards] opens", nil},
		{"a table that no rule covers", world.On(world.Taylor), entitlements.TableName{Schema: "ref", Name: "regions"}, nil, "", entitlements.ErrNotAskable},
		{"a table of which a rule covers a column alone", world.On(world.Eva), entitlements.TableName{Schema: "hr", Name: "wages"}, nil, "", entitlements.ErrNotAskable},
		{"the same, and the column", world.On(world.Eva), entitlements.TableName{Schema: "hr", Name: "wages"}, []string{"amount"}, "", entitlements.ErrNotAskable},
		{"a table that the only rule about it excepts", world.On(world.Taylor), entitlements.TableName{Schema: "ref", Name: "regions"}, nil, "", entitlements.ErrNotAskable},
		{"by an agent on its own", identity.Principal{Agent: world.Bot}, world.Refunds, nil, "[b stewards] opens", nil},
		{"by nobody", identity.Principal{}, world.Refunds, nil, "", entitlements.ErrUnknownTable},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask, err := e.Ask(c.who, c.table, c.columns)
			if !errors.Is(err, c.is) {
				t.Fatalf("the answer is %v, not %v", err, c.is)
			}
			got := ""
			if err == nil {
				got = fmt.Sprint(ask.Rules)
				if ask.Opens {
					got += " opens"
				}
				if ask.Columns != nil {
					got += fmt.Sprint(" ", ask.Columns)
				}
			}
			if got != c.want {
				t.Errorf("asking takes %q, not %q", got, c.want)
			}
		})
	}
}

func TestAllRulesThatCoverARequestHaveTheirSay(t *testing.T) {
	e := world.Compile(t, world.Parse(t, askable))
	ask, err := e.Ask(world.On(world.Taylor), world.Orders, []string{"lastname"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ask.Approvers(), "one each of group:Privacy, [user:dpo, user:deputy]; then 2 of group:Stewards; then group:Stewards"; got != want {
		t.Errorf("approvers: %s, not %s", got, want)
	}
	if ask.AtMost != 4*time.Hour || !ask.OnlyThrough {
		t.Errorf("for %s, only through the agent: %v", ask.AtMost, ask.OnlyThrough)
	}
	if fmt.Sprint(ask.Questions) != "[{ticket The ticket} {purpose What for}]" {
		t.Errorf("questions: %v", ask.Questions)
	}
	again, err := e.Required(entitlements.Request{Table: world.Orders, Columns: ask.Columns})
	if err != nil ||
		fmt.Sprint(again.Rules, again.Approvers(), again.AtMost) != fmt.Sprint(ask.Rules, ask.Approvers(), ask.AtMost) {
		t.Errorf("whoever decides needs %v (%v), and whoever asked was told %v", again, err, ask.Requirement)
	}
}

func TestWhatRulesDecideByThemselves(t *testing.T) {
	const policies = `
discoverable: [sales]
policies:
  - {name: hide names, mask: [sales.customer_orders.lastname], with: hash, except: group:Privacy}
rules:
`
	stewards := "  - {name: stewards, about: [sales], approvers: group:Stewards, at_most: 30d}\n"
	quick := "  - {name: quick, about: [sales], approve: {when: group:Marketing, up_to: 2h}}\n"
	quicker := "  - {name: quicker, about: [sales], approvers: group:Stewards, at_most: 3h, approve: {when: everyone, up_to: 1h}}\n"
	contractors := "  - {name: contractors, about: [sales], deny: {when: group:Contractors}}\n"
	ours := "  - {name: ours, about: [sales], from: group:Marketing, approvers: group:Stewards}\n"
	cora := world.User("cora", []string{"Marketing", "Contractors"})
	for _, c := range []struct {
		name  string
		rules string
		who   *identity.User
		want  string
	}{
		{"people decide", stewards, world.Taylor, "group:Stewards, 720h0m0s at most"},
		{"a rule approves, and nobody could approve more", quick, world.Taylor, "approved by quick for 2h0m0s, 2h0m0s at most"},
		{"not for somebody else, for whom nobody is left to ask", quick, world.Nobody, "that cannot be asked for"},
		{"all rules have to approve by themselves", quick + stewards, world.Taylor, "group:Stewards, 8h0m0s at most"},
		{"and the shortest of their times counts", quick + quicker, world.Taylor, "group:Stewards approved by quick for 1h0m0s, 3h0m0s at most"},
		{"whichever rule it is in", strings.Replace(quicker, "quicker", "prompt", 1) + quick, world.Taylor, "group:Stewards approved by prompt for 1h0m0s, 3h0m0s at most"},
		{"one that denies says so, though nobody could approve", contractors, cora, "denied by contractors, 8h0m0s at most"},
		{"one of them denies", quick + contractors + stewards, cora, "group:Stewards denied by contractors, 8h0m0s at most"},
		{"one that denies others alone leaves it to nobody", contractors, world.Taylor, "that cannot be asked for"},
		{"one that denies others does not approve", quick + contractors, world.Taylor, "that cannot be asked for"},
		{"one that is for others says no", ours + stewards, world.Nobody, "that cannot be asked for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask, err := world.Compile(t, world.Parse(t, policies+c.rules)).Ask(world.On(c.who), world.Orders, nil)
			got := ask.Approvers()
			switch {
			case err != nil:
				got = err.Error()
			case ask.Denied != "":
				got = strings.TrimSpace(got + " denied by " + ask.Denied)
			case ask.Approved != "":
				got = strings.TrimSpace(got + " approved by " + ask.Approved + " for " + ask.Unasked.String())
			}
			if err == nil {
				got += ", " + ask.AtMost.String() + " at most"
			}
			if got != c.want {
				t.Errorf("asking takes %q, not %q", got, c.want)
			}
		})
	}
}

// Whoever asks is one of the two, never a mixture: the groups of the agent do not help its user to an automatic
// approval.
func TestRulesJudgeTheOneWhoAsks(t *testing.T) {
	e := world.Compile(t, world.Parse(t, `
discoverable: [sales]
policies: []
rules:
  - {name: agents have refunds, about: [sales.refunds], approve: {when: group:Agents}, approvers: group:Stewards}
  - {name: not for contractors' agents, about: [sales.customer_orders], approvers: group:Stewards, from: {not: agent:marketing-bot}}
`))
	if ask, err := e.Ask(world.On(world.Nobody), world.Refunds, nil); err != nil || ask.Approved != "" {
		t.Errorf("a group of the agent approved what its user asks: %+v, %v", ask, err)
	}
	if ask, err := e.Ask(identity.Principal{Agent: world.Bot}, world.Refunds, nil); err != nil || ask.Approved == "" {
		t.Errorf("what the agent asks for itself is not approved: %+v, %v", ask, err)
	}
	if _, err := e.Ask(world.On(world.Nobody), world.Orders, nil); !errors.Is(err, entitlements.ErrNotAskable) {
		t.Errorf("a rule that is not for an agent lets it ask for its user: %v", err)
	}
}

func TestRequiredIsForATableWhenNoColumnIsNamed(t *testing.T) {
	q, err := world.Compile(t, world.Parse(t, askable)).Required(entitlements.Request{Table: world.Refunds})
	if err != nil || fmt.Sprint(q.Rules) != "[b stewards]" {
		t.Errorf("it takes %v: %v", q.Rules, err)
	}
}

func TestRequiredSaysNoWhenTheRulesAreGone(t *testing.T) {
	cfg := world.Parse(t, askable)
	r := entitlements.Request{Table: world.Orders, Columns: []string{"lastname"}}
	cfg.Rules = slices.DeleteFunc(cfg.Rules, func(r entitlements.RequestRule) bool { return r.Name != "c salaries" })
	e := world.Compile(t, cfg)
	if _, err := e.Required(r); !errors.Is(err, entitlements.ErrNotAskable) {
		t.Errorf("without a rule that covers it: %v", err)
	}
	if _, err := e.Required(entitlements.Request{Table: entitlements.TableName{Schema: "a", Name: "b"}}); !errors.Is(
		err,
		entitlements.ErrUnknownTable,
	) {
		t.Errorf("of a table that is gone: %v", err)
	}
	if _, err := e.Required(entitlements.Request{Table: world.Orders, Columns: []string{"gone"}}); !errors.Is(
		err,
		entitlements.ErrUnknownColumn,
	) {
		t.Errorf("of a column that is gone: %v", err)
	}
}
