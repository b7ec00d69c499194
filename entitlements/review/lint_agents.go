package review

import (
	"regexp"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/mistake"
)

// personal are names of columns that hold what belongs to a person, in any case and spelled together or apart.
var personal = regexp.MustCompile(
	`(?i)(^|_)(e_?mail|ssn|social_?security|(tele|mobile_?)?phone|iban|passport|date_?of_?birth|birth_?(date|day)|dob|credit_?card|tax_?id)(_|$|[0-9]|no$|number$|address$)`,
)

// nobodyActsSo: a matcher that asks for an agent, a group of agents or a mode that no registered agent has. Users
// cannot be known.
func (l *linter) nobodyActsSo() {
	l.matchers(func(key string, m *entitlements.Matcher) {
		m.Each(func(t entitlements.Term) {
			if !slices.ContainsFunc(l.Agents, func(a identity.Agent) bool { return couldBe(a, t) }) {
				l.warn(key, "no registered agent is %s: those there are %s", t, l.describe(t.Word))
			}
		})
	})
}

// couldBe reports whether some call of the agent could fulfil the term.
func couldBe(a identity.Agent, t entitlements.Term) bool {
	could := entitlements.TermFormOf(t.Word).Could
	return could == nil || could(a, t.Name)
}

// describe lists what a term about agents could say.
func (l *linter) describe(word string) string {
	said := entitlements.TermFormOf(word).Said
	var out []string
	for _, a := range l.Agents {
		for _, name := range said(a) {
			out = appendOnce(out, word+":"+name)
		}
	}
	if out == nil {
		return "in no group at all"
	}
	return strings.Join(out, ", ")
}

// purposeAlone: an agent declares the purpose of its own call. Where nothing else is asked, any agent can pass by
// declaring it. For is the other way round: who declares nothing escapes.
func (l *linter) purposeAlone() {
	l.matchers(func(key string, m *entitlements.Matcher) {
		for _, alternative := range m.Alternatives() {
			if onlyPurpose(alternative) {
				l.warn(
					key,
					"%s alone decides here, and an agent says itself what its call is for: ask for more, such as {all: [%[1]s, group:NAME]}",
					alternative,
				)
			}
		}
	})
}

// onlyPurpose reports whether a purpose decides the matcher and nothing else does.
func onlyPurpose(m *entitlements.Matcher) bool {
	purpose, other := false, false
	m.Each(func(t entitlements.Term) {
		switch {
		case t.Word == "purpose":
			purpose = true
		case t.Word == "everyone" || t.Word == "group" && (t.Name == identity.AllUsers || t.Name == identity.AllAgents):
		default:
			other = true
		}
	})
	return purpose && !other
}

// openToAll: what is granted to an agent that acts on behalf of humans, every human gets who uses it.
func (l *linter) openToAll() {
	if l.policy.Grant == nil || l.policy.To == nil || saysAllUsers(l.policy.To) {
		return
	}
	var agents, tables []string
	guarded := false
	for _, a := range l.Agents {
		if !a.May(identity.OnBehalfOf) {
			continue
		}
		anybody := identity.Principal{
			Agent: a,
			User:  &identity.User{Identity: identity.Identity{Kind: identity.KindUser, ID: "\x00"}},
		}
		for _, t := range l.reached {
			user, agent := t.granting(l.policy.Name).OpensTo(&anybody)
			if user || agent && passes(t.TableView, &a.Identity, &anybody) {
				agents = appendOnce(agents, a.ID)
				tables = appendOnce(tables, t.String())
				guarded = guarded || len(t.Guardrails) > 0
			}
		}
	}
	if agents == nil {
		return
	}
	aside := ""
	if guarded {
		aside = " who passes the guardrails"
	}
	l.warn(
		"to",
		"through agent %s it opens %s to every human%s: add group:all-users to say that this is meant, name a group of humans, or add mode:autonomous for the agent alone",
		strings.Join(agents, ", "),
		mistake.Some(tables),
		aside,
	)
}

func (t Placed) granting(policy string) entitlements.GrantView {
	return t.Grants[slices.IndexFunc(t.Grants, func(g entitlements.GrantView) bool { return g.Policy == policy })]
}

// saysAllUsers reports whether somebody wrote down that every human is meant.
func saysAllUsers(m *entitlements.Matcher) bool {
	return slices.ContainsFunc(
		m.Alternatives(),
		func(a *entitlements.Matcher) bool {
			return a.Term() == entitlements.Term{Word: "group", Name: identity.AllUsers}
		},
	)
}

// contradicted: a grant that no call can ever use, since a guardrail on each of its tables asks for the opposite.
func (l *linter) contradicted() {
	if l.policy.Grant == nil || l.policy.To == nil || len(l.reached) == 0 {
		return
	}
	var by []string
	for _, t := range l.reached {
		i := slices.IndexFunc(t.Guardrails, func(g entitlements.GuardrailView) bool {
			return entitlements.Contradict(l.policy.To, g.Require)
		})
		if i < 0 {
			return
		}
		by = appendOnce(by, t.Guardrails[i].Policy)
	}
	l.warn("to", "it opens nothing: the guardrail %q asks for the opposite on all its tables", strings.Join(by, `", "`))
}
