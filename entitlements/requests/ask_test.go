package requests

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/identity"

	"deputy/entitlements"
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
	e := compile(t, parse(t, askable))
	contractor := user("cora", []string{"Marketing", "Contractors"})
	for _, c := range []struct {
		name    string
		who     identity.Principal
		table   entitlements.TableName
		columns []string
		want    string // an error; or the rules, what opens, and the columns
		is      error
	}{
		{"a column that a mask with an except hides", on(taylor), orders, []string{"lastname"}, "[a privacy b stewards] [lastname]", nil},
		{"a column that is clear", on(taylor), orders, []string{"region"}, "", ErrHaveIt},
		{"what is clear is left out", on(taylor), orders, []string{"region", "lastname", "lastname"}, "[a privacy b stewards] [lastname]", nil},
		{"a column that a mask for somebody hides", on(contractor), orders, []string{"region"}, "", ErrNotAskable},
		{"one such column beside another", on(contractor), orders, []string{"region", "lastname"}, "", ErrNotAskable},
		{"a column that a mask for everyone hides", on(taylor), people, []string{"ssn"}, "", ErrNotAskable},
		{"a column that another mask would hide still", on(taylor), people, []string{"salary"}, "", ErrNotAskable},
		{"a column that no rule covers", on(taylor), orders, []string{"order_total"}, "", ErrNotAskable},
		{"one such column beside one that a rule covers", on(taylor), orders, []string{"lastname", "order_total"}, "", ErrNotAskable},
		{"a column that is not there", on(taylor), orders, []string{"lastname", "LASTNAME"}, "", ErrUnknownColumn},
		{"a table that is open", on(taylor), orders, nil, "", ErrHaveIt},
		{"a table that is closed and may be discovered", on(taylor), refunds, nil, "[b stewards] opens", nil},
		{"a table that is closed and may not", on(nobody), orders, nil, "", ErrUnknownTable},
		{"a column of it", on(nobody), orders, []string{"lastname"}, "", ErrUnknownTable},
		{"a column of it that is not there", on(nobody), orders, []string{"nothing"}, "", ErrUnknownTable},
		{"a table that is not there", on(taylor), entitlements.TableName{Schema: "sales", Name: "nothing"}, nil, "", ErrUnknownTable},
		{"a table that a guardrail closes, though it may be discovered", on(taylor), customers, nil, "", ErrUnknownTable},
		{"the same, for whom the guardrail holds", on(eva), customers, nil, "[b stewards] opens", nil},
		{"a table and a column of it at once", on(eva), customers, []string{"email"}, "[a privacy b stewards] opens [email]", nil},
		{"a table, and a column that is clear once it is open", on(eva), customers, []string{"id"}, "[b stewards] opens", nil},
		{"a table that no rule covers", on(taylor), entitlements.TableName{Schema: "ref", Name: "regions"}, nil, "", ErrNotAskable},
		{"a table of which a rule covers a column alone", on(eva), entitlements.TableName{Schema: "hr", Name: "wages"}, nil, "", ErrNotAskable},
		{"the same, and the column", on(eva), entitlements.TableName{Schema: "hr", Name: "wages"}, []string{"amount"}, "", ErrNotAskable},
		{"a table that the only rule about it excepts", on(taylor), entitlements.TableName{Schema: "ref", Name: "regions"}, nil, "", ErrNotAskable},
		{"by an agent on its own", identity.Principal{Agent: bot}, refunds, nil, "[b stewards] opens", nil},
		{"by nobody", identity.Principal{}, refunds, nil, "", ErrUnknownTable},
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
	e := compile(t, parse(t, askable))
	ask, err := e.Ask(on(taylor), orders, []string{"lastname"})
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
	again, err := e.Required(Request{Table: orders, Columns: ask.Columns})
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
	cora := user("cora", []string{"Marketing", "Contractors"})
	for _, c := range []struct {
		name  string
		rules string
		who   *identity.User
		want  string
	}{
		{"people decide", stewards, taylor, "group:Stewards, 720h0m0s at most"},
		{"a rule approves, and nobody could approve more", quick, taylor, "approved by quick for 2h0m0s, 2h0m0s at most"},
		{"not for somebody else, for whom nobody is left to ask", quick, nobody, "that cannot be asked for"},
		{"all rules have to approve by themselves", quick + stewards, taylor, "group:Stewards, 8h0m0s at most"},
		{"and the shortest of their times counts", quick + quicker, taylor, "group:Stewards approved by quick for 1h0m0s, 3h0m0s at most"},
		{"whichever rule it is in", strings.Replace(quicker, "quicker", "prompt", 1) + quick, taylor, "group:Stewards approved by prompt for 1h0m0s, 3h0m0s at most"},
		{"one that denies says so, though nobody could approve", contractors, cora, "denied by contractors, 8h0m0s at most"},
		{"one of them denies", quick + contractors + stewards, cora, "group:Stewards denied by contractors, 8h0m0s at most"},
		{"one that denies others alone leaves it to nobody", contractors, taylor, "that cannot be asked for"},
		{"one that denies others does not approve", quick + contractors, taylor, "that cannot be asked for"},
		{"one that is for others says no", ours + stewards, nobody, "that cannot be asked for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask, err := compile(t, parse(t, policies+c.rules)).Ask(on(c.who), orders, nil)
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
	e := compile(t, parse(t, `
discoverable: [sales]
policies: []
rules:
  - {name: agents have refunds, about: [sales.refunds], approve: {when: group:Agents}, approvers: group:Stewards}
  - {name: not for contractors' agents, about: [sales.customer_orders], approvers: group:Stewards, from: {not: agent:marketing-bot}}
`))
	if ask, err := e.Ask(on(nobody), refunds, nil); err != nil || ask.Approved != "" {
		t.Errorf("a group of the agent approved what its user asks: %+v, %v", ask, err)
	}
	if ask, err := e.Ask(identity.Principal{Agent: bot}, refunds, nil); err != nil || ask.Approved == "" {
		t.Errorf("what the agent asks for itself is not approved: %+v, %v", ask, err)
	}
	if _, err := e.Ask(on(nobody), orders, nil); !errors.Is(err, ErrNotAskable) {
		t.Errorf("a rule that is not for an agent lets it ask for its user: %v", err)
	}
}

func TestRequiredIsForATableWhenNoColumnIsNamed(t *testing.T) {
	q, err := compile(t, parse(t, askable)).Required(Request{Table: refunds})
	if err != nil || fmt.Sprint(q.Rules) != "[b stewards]" {
		t.Errorf("it takes %v: %v", q.Rules, err)
	}
}

func TestRequiredSaysNoWhenTheRulesAreGone(t *testing.T) {
	cfg := parse(t, askable)
	r := Request{Table: orders, Columns: []string{"lastname"}}
	cfg.Rules = slices.DeleteFunc(cfg.Rules, func(r Rule) bool { return r.Name != "c salaries" })
	e := compile(t, cfg)
	if _, err := e.Required(r); !errors.Is(err, ErrNotAskable) {
		t.Errorf("without a rule that covers it: %v", err)
	}
	if _, err := e.Required(Request{Table: entitlements.TableName{Schema: "a", Name: "b"}}); !errors.Is(
		err,
		ErrUnknownTable,
	) {
		t.Errorf("of a table that is gone: %v", err)
	}
	if _, err := e.Required(Request{Table: orders, Columns: []string{"gone"}}); !errors.Is(err, ErrUnknownColumn) {
		t.Errorf("of a column that is gone: %v", err)
	}
}
