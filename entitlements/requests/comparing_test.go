package requests

import (
	"fmt"
	"testing"
	"time"

	"deputy/identity"

	"deputy/entitlements"
)

// What gives compares names byte by byte, what takes away in every spelling. Each place that compares names of people
// or groups is here.
func TestNamesGiveExactly(t *testing.T) {
	const rules = "rules: [{name: r, about: hr.people, approvers: user:dpo, %s: {when: %s}}]"
	open := func(policy string) func(*testing.T, identity.Principal) bool {
		return func(t *testing.T, who identity.Principal) bool {
			e := compile(t, parse(t, "policies:\n- {name: g, grant: ref.*, to: everyone}\n- "+policy))
			_, denial := e.Decide(who, people)
			return denial == nil
		}
	}
	plain := func(policy string) func(*testing.T, identity.Principal) bool {
		return func(t *testing.T, who identity.Principal) bool {
			e := compile(t, parse(t, "policies:\n- {name: g, grant: hr.*, to: everyone}\n- "+policy))
			access, denial := e.Decide(who, people)
			if denial != nil {
				t.Fatal(denial)
			}
			return len(access.Columns[0].Masks)+len(access.Filters) == 0
		}
	}
	rule := func(text string) func(*testing.T, identity.Principal) Requirement {
		return func(t *testing.T, who identity.Principal) Requirement {
			e := compile(t, parse(t, "discoverable: hr\npolicies: [{name: g, grant: ref.*, to: everyone}]\n"+text))
			ask, err := e.Ask(who, people, nil)
			if err != nil {
				return Requirement{Denied: err.Error()}
			}
			return ask.Requirement
		}
	}
	for _, place := range []struct {
		name   string
		gives  bool // what is named gets more
		spared func(t *testing.T, term string, who identity.Principal) bool
	}{
		{"grant to", true, func(t *testing.T, m string, who identity.Principal) bool {
			return open("{name: p, grant: hr.*, to: "+m+"}")(t, who)
		}},
		{"grant to all but", false, func(t *testing.T, m string, who identity.Principal) bool {
			return open("{name: p, grant: hr.*, to: {all: [group:all-users, {not: "+m+"}]}}")(t, who)
		}},
		{"grant to not not", true, func(t *testing.T, m string, who identity.Principal) bool {
			return open("{name: p, grant: hr.*, to: {not: {all: [everyone, {not: "+m+"}]}}}")(t, who)
		}},
		{"guardrail require", true, func(t *testing.T, m string, who identity.Principal) bool {
			return open("{name: o, grant: hr.*, to: everyone}\n- {name: p, guardrail: hr.*, require: "+m+"}")(t, who)
		}},
		{"guardrail require not", false, func(t *testing.T, m string, who identity.Principal) bool {
			return open("{name: o, grant: hr.*, to: everyone}\n- {name: p, guardrail: hr.*, require: {not: "+m+"}}")(t, who)
		}},
		{"mask except", true, func(t *testing.T, m string, who identity.Principal) bool {
			return plain("{name: p, mask: hr.*.*, with: null, except: "+m+"}")(t, who)
		}},
		{"mask for", false, func(t *testing.T, m string, who identity.Principal) bool {
			return plain("{name: p, mask: hr.*.*, with: null, for: "+m+"}")(t, who)
		}},
		{"filter except", true, func(t *testing.T, m string, who identity.Principal) bool {
			return plain("{name: p, filter: hr.people, where: 'false', except: "+m+"}")(t, who)
		}},
		{"filter for", false, func(t *testing.T, m string, who identity.Principal) bool {
			return plain("{name: p, filter: hr.people, where: 'false', for: "+m+"}")(t, who)
		}},
		{"a rule's from", true, func(t *testing.T, m string, who identity.Principal) bool {
			return rule("rules: [{name: r, about: hr.people, approvers: user:dpo, from: "+m+"}]")(t, who).Denied == ""
		}},
		{"a rule's deny", false, func(t *testing.T, m string, who identity.Principal) bool {
			return rule(fmt.Sprintf(rules, "deny", m))(t, who).Denied == ""
		}},
		{"a rule's approve", true, func(t *testing.T, m string, who identity.Principal) bool {
			return rule(fmt.Sprintf(rules, "approve", m))(t, who).Approved != ""
		}},
		{"a rule's approvers", true, func(t *testing.T, m string, who identity.Principal) bool {
			q := rule("rules: [{name: r, about: hr.people, approvers: "+m+"}]")(t, on(taylor))
			return q.Mine(Request{Asker: Asker{Agent: "bot"}}, *who.User) == nil
		}},
	} {
		for _, named := range []struct{ term, is, spelled string }{
			{"user:kim@example.com", "kim@example.com", "Kim@example。com"},
			{"group:Human Resources", "Human Resources", "human resources"},
			{"group:Café", "Café", "Cafe\u0301"},
			{"attribute:team=Audit", "Audit", "ＡＵＤＩＴ"},
		} {
			who := func(name string) identity.Principal {
				switch named.term[0] {
				case 'u':
					return on(user(name, nil))
				case 'g':
					return on(user("u", []string{"X", name}))
				}
				return on(user("u", nil, "team", name))
			}
			for name, spared := range map[string]bool{named.is: place.gives, named.spelled: false, "another": !place.gives} {
				if got := place.spared(t, named.term, who(name)); got != spared {
					t.Errorf("%s: %s, and the caller has %q: given %t", place.name, named.term, name, got)
				}
			}
		}
	}
}

// One human with two accounts approves once, and not what either account asked for.
func TestOneHumanDecidesOnce(t *testing.T) {
	person := func(id, email string) identity.User {
		u := *user(id, []string{"Stewards"})
		u.Issuer, u.Subject, u.Email = "https://"+id+".example", id, email
		return u
	}
	need := Requirement{
		AtMost: time.Hour,
		Stages: []Stage{{Rule: "r", Number: 1, Need: 2, Approvers: []*entitlements.Matcher{matcher(t, "group:Stewards")}}},
	}
	asked := Request{
		Asker:   AskerOf(on(taylor)),
		Status:  StatusPending,
		Wanted:  Duration(time.Hour),
		Created: noon,
		Lapses:  noon.Add(time.Hour),
	}
	first, err := asked.Approve(need, Step{By: person("a", "kim@münchen.example"), Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{"KIM@xn--mnchen-3ya.example", "kim@münchen｡example.", "Kim <kim@MÜNCHEN.example>"} {
		if _, err := first.Approve(need, Step{By: person("b", again), Now: noon}); err != ErrTwice {
			t.Errorf("%q approves once more: %v", again, err)
		}
		own := asked
		own.Asker = Asker{Agent: "bot", Owner: again}
		if _, err := own.Approve(need, Step{By: person("a", "kim@münchen.example"), Now: noon}); err != ErrOwnRequest {
			t.Errorf("the owner %q approves their agent's request: %v", again, err)
		}
	}
	if done, err := first.Approve(need, Step{By: person("b", "kim@munchen.example"), Now: noon}); err != nil ||
		done.Status != StatusApproved {
		t.Errorf("another human's approval does not count: %v", err)
	}
}
