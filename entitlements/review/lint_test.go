package review

import (
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// chat acts for humans, cron on its own.
var lintAgents = []identity.Agent{
	{
		Identity: world.Party(identity.KindAgent, "chat", []string{"Agents"}, nil),
		Modes:    []identity.Mode{identity.OnBehalfOf},
	},
	{
		Identity: world.Party(identity.KindAgent, "cron", []string{"Jobs"}, nil),
		Modes:    []identity.Mode{identity.Autonomous},
	},
}

var lintUsers = []identity.UserConfig{
	{ID: "taylor", Groups: []string{"Marketing"}, Attributes: map[string]identity.Values{"region": {"EU"}}},
}

func lint(t *testing.T, text string) []entitlements.Problem {
	t.Helper()
	return review(t, text).Lint()
}

func review(t *testing.T, text string) Review {
	t.Helper()
	cfg := world.Parse(t, text)
	cfg.Purposes = []string{"billing"}
	r := Review{Policies: cfg.Policies, Agents: lintAgents, Users: lintUsers, Claims: []string{"residency"}}
	r.Platforms = map[string]*entitlements.Entitlements{"warehouse": world.Compile(t, cfg)}
	return r
}

// Each lint fires on the first list of policies, and on nothing in the second, which says the same in the way that is
// right.
func TestLint(t *testing.T) {
	const tags = "tags: {PII: [hr.people.name, hr.people.ssn], PII.SSN: hr.people.ssn, Gone: 'gone.*'}\npolicies:\n"
	tests := []struct{ name, fires, want, silent string }{
		{
			"a policy that reaches nothing",
			`- {name: p, grant: tag:Gone, to: group:A}`, `policies[0].grant: policy "p": it reaches nothing that is there`,
			`- {name: p, grant: hr.wages, to: group:A}`,
		},
		{
			"a mask that waits for what is new",
			`- {name: p, mask: tag:Gone, with: null}`, "it reaches nothing",
			`- {name: p, mask: tag:New, with: null}`,
		},
		{
			"an agent that is not registered",
			`- {name: p, grant: hr.wages, to: [group:A, agent:chta]}`, `policies[0].to: policy "p": no registered agent is agent:chta: those there are agent:chat, agent:cron`,
			`- {name: p, grant: hr.wages, to: [group:A, agent:cron]}`,
		},
		{
			"a group that no agent is in",
			`- {name: p, mask: hr.people.ssn, with: null, except: {not: {all: [group:A, agent-group:Agnets]}}}`, "no registered agent is agent-group:Agnets: those there are agent-group:Agents, agent-group:Jobs",
			`- {name: p, mask: hr.people.ssn, with: null, except: {not: {all: [group:A, agent-group:all-agents]}}}`,
		},
		{
			"an attribute that nobody can have",
			`- {name: p, grant: hr.wages, to: attribute:regoin=EU}`, `policies[0].to: policy "p": nobody has an attribute regoin: no claim, user or agent in the configuration gives it; did you mean "region"?`,
			`- {name: p, grant: hr.wages, to: [attribute:region=EU, attribute:residency=EU]}`,
		},
		{
			"an attribute in a condition",
			`- {name: p, filter: hr.people, where: 'name = any(:attribute.team)'}`, `policies[0].where: policy "p": nobody has an attribute team: no claim, user or agent in the configuration gives it (known: region, residency)`,
			`- {name: p, filter: hr.people, where: 'name = any(:attribute.region)'}`,
		},
		{
			"an attribute to match",
			`- {name: p, filter: hr.people, match: {column: name, attribute: regions}}`, `policies[0].match: policy "p": nobody has an attribute regions`,
			`- {name: p, filter: hr.people, match: {column: name, attribute: region}}`,
		},
		{
			"a group that is nearly one",
			`- {name: p, mask: hr.people.ssn, with: null, for: {not: group:Marketting}}`, `policies[0].for: policy "p": nothing else is said of group:Marketting; did you mean "group:Marketing"?`,
			`- {name: p, mask: hr.people.ssn, with: null, for: {not: [group:Marketing, group:Marketing2, group:Sales]}}`,
		},
		{
			"a group that is nearly built in",
			`- {name: p, grant: hr.wages, to: group:all_users}`, `did you mean "group:all-users"?`,
			`- {name: p, grant: hr.wages, to: group:all-users}`,
		},
		{
			"a user that is nearly one",
			`- {name: p, grant: hr.wages, to: user:tailor}`, `did you mean "user:taylor"?`,
			`- {name: p, grant: hr.wages, to: [user:taylor, user:eva]}`,
		},
		{
			"a grant to nobody",
			`- {name: p, grant: hr.wages, to: {not: everyone}}`, `policies[0].to: policy "p": it opens nothing to anybody`,
			`- {name: p, grant: hr.wages, to: group:A}`,
		},
		{
			"new columns that a guardrail lets through",
			`- {name: p, guardrail: tag:New, require: group:A}`, `policies[0].guardrail: policy "p": it closes new tables; a new column of an accepted table is open: add a policy with mask: [tag:New]`,
			"- {name: p, guardrail: tag:New, require: group:A}\n- {name: q, mask: tag:New, with: null}",
		},
		{
			"a purpose alone opens a table",
			`- {name: p, grant: hr.wages, to: [group:A, purpose:billing]}`, "policies[0].to: policy \"p\": purpose:billing alone decides here",
			`- {name: p, grant: hr.wages, to: [group:A, {all: [purpose:billing, group:B]}]}`,
		},
		{
			"a purpose alone lifts a mask",
			`- {name: p, mask: hr.people.ssn, with: null, except: {all: [purpose:billing, everyone]}}`, "policies[0].except: policy \"p\": {all: [purpose:billing, everyone]} alone decides here",
			`- {name: p, mask: hr.people.ssn, with: null, except: {all: [purpose:billing, group:B]}}`,
		},
		{
			"a grant against a guardrail",
			"- {name: p, grant: [hr.wages, ref.*], to: {all: [group:A, mode:autonomous]}}\n- {name: g, guardrail: [hr.wages, ref.*], require: {not: mode:autonomous}}", `policies[0].to: policy "p": it opens nothing: the guardrail "g" asks for the opposite on all its tables`,
			"- {name: p, grant: [hr.wages, ref.*], to: {all: [group:A, mode:autonomous]}}\n- {name: g, guardrail: hr.wages, require: {not: mode:autonomous}}",
		},
		{
			"a grant to somebody and a guardrail against them",
			"- {name: p, grant: hr.wages, to: [user:eva, user:ada]}\n- {name: g, guardrail: hr.wages, require: {not: [user:eva, user:ada]}}", "it opens nothing",
			"- {name: p, grant: hr.wages, to: [user:eva, user:ada]}\n- {name: g, guardrail: hr.wages, require: {not: [user:eva]}}",
		},
		{
			"a group of agents opens a table to every human",
			`- {name: p, grant: [hr.wages, ref.*], to: [group:Agents, group:A]}`, `policies[0].to: policy "p": through agent chat it opens hr.wages, ref.regions to every human: add group:all-users`,
			`- {name: p, grant: [hr.wages, ref.*], to: [group:Jobs, group:A]}`,
		},
		{
			"an agent by its name",
			`- {name: p, grant: ref.*, to: agent:chat}`, "through agent chat it opens ref.regions to every human",
			`- {name: p, grant: ref.*, to: {all: [agent:chat, group:A]}}`,
		},
		{
			"a group of agents by agent-group",
			`- {name: p, grant: ref.*, to: agent-group:Agents}`, "through agent chat it opens ref.regions to every human",
			`- {name: p, grant: ref.*, to: {all: [agent-group:Agents, mode:autonomous]}}`,
		},
		{
			"everyone",
			"- {name: p, grant: ref.*, to: everyone}\n- {name: g, guardrail: ref.*, require: attribute:residency=EU}", "through agent chat it opens ref.regions to every human who passes the guardrails",
			`- {name: p, grant: ref.*, to: [group:all-users, group:Agents]}`,
		},
		{
			"a mask that never comes first",
			"- {name: p, mask: tag:PII, with: null, except: group:A}\n- {name: q, mask: [hr.people.name, hr.people.ssn], with: null}", `policies[0].mask: policy "p": it never hides anything: on every column that it reaches, "q" comes first for everyone`,
			"- {name: p, mask: tag:PII, with: null, except: group:A}\n- {name: q, mask: hr.people.name, with: null}",
		},
		{
			"a mask that comes first only for some rows",
			"- {name: p, mask: tag:PII, with: null, for: group:A}\n- {name: q, mask: [hr.people.name, hr.people.ssn], with: null}", "it never hides anything",
			"- {name: p, mask: tag:PII, with: null, for: group:A}\n- {name: q, mask: [hr.people.name, hr.people.ssn], with: null, when: 'true'}",
		},
		{
			"agents that a guardrail lets through",
			"- {name: p, grant: ref.*, to: group:Agents}\n- {name: g, guardrail: ref.*, require: {not: group:Contractors}}", "to every human who passes the guardrails",
			"- {name: p, grant: ref.*, to: group:Agents}\n- {name: g, guardrail: ref.*, require: group:Staff}",
		},
		{
			"a weaker mask with a deeper tag",
			"- {name: p, mask: tag:PII, with: null}\n- {name: q, mask: tag:PII.SSN, with: {partial: {last: 4}}, when: 'true'}", `policies[1].mask: policy "q": on hr.people.ssn it shows more ({partial: {last: 4}}) than "p" would (null)`,
			"- {name: p, mask: tag:PII, with: {partial: {last: 4}}}\n- {name: q, mask: tag:PII.SSN, with: null, when: 'true'}",
		},
		{
			"a weaker mask for others",
			"- {name: p, mask: tag:PII, with: null, except: group:A}\n- {name: q, mask: tag:PII.SSN, with: hash}", "it shows more (hash)",
			"- {name: p, mask: tag:PII, with: null, except: group:A}\n- {name: q, mask: tag:PII.SSN, with: hash, for: group:A}",
		},
		{
			"a mask that does not fit",
			"- {name: p, mask: 'hr.people.*', with: hash}", `policies[0].with: policy "p": hash does not fit the type of hr.people.salary (number): NULL is shown there`,
			"- {name: p, mask: 'hr.people.*', with: null}",
		},
		{
			"a mask for nobody",
			"- {name: p, mask: hr.people.ssn, with: null, except: [group:A, everyone]}", `policies[0].except: policy "p": it is about nobody, and hides nothing: all but [group:A, everyone] leaves everybody out`,
			"- {name: p, mask: hr.people.ssn, with: null, except: [group:A, group:all-users]}",
		},
		{
			"a filter for nobody",
			"- {name: p, filter: hr.people, where: 'true', for: {all: [group:A, {not: group:A}]}}", `policies[0].for: policy "p": it is about nobody`,
			"- {name: p, filter: hr.people, where: 'true', for: {all: [group:A, {not: group:B}]}}",
		},
		{
			"a column that looks personal",
			"- {name: p, grant: [hr.people, eu.customers], to: group:A}\n- {name: q, grant: hr.people, to: group:B}\n- {name: r, mask: eu.customers.email, with: null}", `policies[0].grant: policy "p": it opens hr.people, where ssn may be personal data by the name`,
			"- {name: p, grant: [hr.people, eu.customers], to: group:A}\n- {name: r, mask: [eu.customers.email, hr.people.ssn], with: email, for: group:B}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := lint(t, tags+tt.fires)
			if len(found) != 1 || !found[0].Warning || !strings.Contains(found[0].String(), tt.want) {
				t.Errorf("want one warning %q, got %q", tt.want, found)
			}
			if found := lint(t, tags+tt.silent); len(found) > 0 {
				t.Errorf("what is right is warned of: %q", found)
			}
		})
	}
}

// What has one mention, and a near spelling has more or an earlier one, is warned of where it stands.
func TestNearSpellingsWarned(t *testing.T) {
	const two = "policies:\n- {name: a, grant: hr.wages, to: [%s]}\n" +
		"- {name: b, grant: ref.*, to: {all: [%s, group:X]}}\n"
	tests := []struct{ name, first, second, want string }{
		{"a group only an issuer knows", "group:Finance", "group:Finnance",
			`policies[1].to: policy "b": nothing else is said of group:Finnance; did you mean "group:Finance"?`},
		{"letters that changed places", "group:Finance", "group:Fiannce", `did you mean "group:Finance"?`},
		{"letters in another case", "group:Finance", "group:finance", `did you mean "group:Finance"?`},
		{"what stands between words", "group:finance-team", "group:Finance_Team", `did you mean "group:finance-team"?`},
		{"one of several words", "group:FinanceEU", "group:FinnanceEU", `did you mean "group:FinanceEU"?`},
		{"a user", "user:nadine@corp.example", "user:nadnie@corp.example", `did you mean "user:nadine@corp.example"?`},
		{"a value of an attribute", "attribute:region=Bavaria", "attribute:region=Bavraia",
			`nothing else is said of attribute:region=Bavraia; did you mean "attribute:region=Bavaria"?`},
		{"a value that a user has", "group:Y", "attribute:site=munihc", `did you mean "attribute:site=munich"?`},
		{"another region", "group:Finance-EU", "group:Finance-US", ""},
		{"another region in one word", "group:FinanceEU", "group:FinanceUS", ""},
		{"another number", "group:Finance1", "group:Finance2", ""},
		{"a short name", "user:anna@corp.example", "user:anne@corp.example", ""},
		{"another first letter", "group:Staffing", "group:Xtaffing", ""},
		{"another country", "attribute:region=Austria", "attribute:region=Australia", ""},
		{"a value of another attribute", "attribute:region=Bavaria", "attribute:residency=Bavraia", ""},
		{"another kind of term", "group:Finance", "user:Finnance", ""},
		{"both in one entry", "group:Finance", "group:Finance, group:Finnance", ""},
		{"what a test says too", "group:Finance", "group:Finnancial, group:Finnance", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := review(t, fmt.Sprintf(two, tt.first, tt.second))
			site := map[string]identity.Values{"site": {"munich"}}
			r.Users = append(r.Users, identity.UserConfig{ID: "kim", Attributes: site})
			r.Tested = []entitlements.Term{{Word: "group", Name: "Finnance"}}
			if tt.want != "" {
				r.Tested = nil
			}
			found := r.Lint()
			if tt.want == "" && len(found) > 0 {
				t.Errorf("what is right is warned of: %q", found)
			}
			if tt.want != "" && (len(found) != 1 || !found[0].Warning || !strings.Contains(found[0].String(), tt.want)) {
				t.Errorf("want one warning %q, got %q", tt.want, found)
			}
		})
	}
}

// The misspelt one of two is the one that fewer entries name, also where an agent or a user is given it.
func TestMisspeltGiverWarned(t *testing.T) {
	r := review(t, "policies:\n- {name: a, grant: hr.wages, to: group:Finance}\n"+
		"- {name: b, grant: ref.*, to: group:Finance}\n")
	r.Users = append(r.Users, identity.UserConfig{ID: "kim", Groups: []string{"Fianance"}})
	found := r.Lint()
	const want = `identity.users[1].groups: nothing else is said of group:Fianance; did you mean "group:Finance"?`
	if len(found) != 1 || !strings.Contains(found[0].String(), want) {
		t.Errorf("want one warning %q, got %q", want, found)
	}
}

// An except is warned of only where it is certain that those it is for see nothing by it, not even after a request.
func TestExceptShowsNothing(t *testing.T) {
	const fires = `policies[0].except: policy "p": it shows nothing to group:A: on every `
	tests := []struct{ name, policies, want string }{
		{"a mask for everyone on the same columns",
			`{name: p, mask: hr.people.ssn, with: null, except: group:A},` +
				` {name: q, mask: tag:PII, with: null}`,
			fires + `column that it reaches, "q" hides the same from them`},
		{"a mask for those who are excepted",
			`{name: p, mask: hr.people.ssn, with: null, except: group:A},` +
				` {name: q, mask: tag:PII, with: null, for: [group:B, group:A]}`,
			fires + `column that it reaches, "q" hides the same from them`},
		{"the same filter for everyone",
			`{name: p, filter: hr.people, where: 'salary < 5', except: group:A},` +
				` {name: q, filter: hr.*, where: 'salary < 5'}`,
			fires + `table that it reaches, "q" hides the same from them`},
		{"one column more",
			`{name: p, mask: [hr.people.ssn, hr.people.name], with: null, except: group:A},` +
				` {name: q, mask: hr.people.ssn, with: null, for: group:A}`, ""},
		{"some rows only",
			`{name: p, mask: hr.people.ssn, with: null, except: group:A},` +
				` {name: q, mask: tag:PII, with: null, when: 'true'}`, ""},
		{"others only",
			`{name: p, mask: hr.people.ssn, with: null, except: group:A},` +
				` {name: q, mask: tag:PII, with: null, for: group:B}`, ""},
		{"some of those who are excepted",
			`{name: p, mask: hr.people.ssn, with: null, except: [group:A, group:B]},` +
				` {name: q, mask: tag:PII, with: null, for: group:A}`, ""},
		{"what a request lifts",
			`{name: p, mask: hr.people.ssn, with: null, except: group:A},` +
				` {name: q, mask: tag:PII, with: null, except: {not: group:A}}`, ""},
		{"another filter",
			`{name: p, filter: hr.people, where: 'salary < 5', except: group:A},` +
				` {name: q, filter: hr.*, where: 'salary < 6'}`, ""},
		{"the same filter for others",
			`{name: p, filter: hr.people, where: 'salary < 5', except: group:A},` +
				` {name: q, filter: hr.*, where: 'salary < 5', for: group:B}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := lint(t, "tags: {PII: hr.people.ssn}\npolicies: ["+tt.policies+"]\n")
			if tt.want == "" && len(found) > 0 {
				t.Errorf("what is right is warned of: %q", found)
			}
			if tt.want != "" && (len(found) != 1 || !found[0].Warning || !strings.Contains(found[0].String(), tt.want)) {
				t.Errorf("want one warning %q, got %q", tt.want, found)
			}
		})
	}
}
