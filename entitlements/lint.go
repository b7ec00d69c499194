package entitlements

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/identity"
	"deputy/internal/mistake"
)

// Review is everything that policies can be held against once they compile: who acts, and every platform's tables.
type Review struct {
	Policies  []Policy
	Rules     []RequestRule
	Agents    []identity.Agent
	Users     []identity.UserConfig
	Claims    []string // attributes that are read from tokens
	Platforms map[string]*Entitlements
}

// Lint returns warnings about policies and request rules that work as they are written and may not be meant so, in the
// order of the configuration. Each check is a method of its own and says what would be right.
func (r Review) Lint() []Problem {
	l := &linter{Review: r}
	tables := map[string][]placed{} // by the policies that say anything of them
	for _, t := range r.tables() {
		for policy := range t.policies() {
			tables[policy] = append(tables[policy], t)
		}
	}
	for i := range r.Policies {
		l.policy, l.at, l.matchers = &r.Policies[i], mistake.At("policies", i), r.Policies[i].matchers
		if _, err := l.policy.kind(); err != nil {
			continue
		}
		l.reached = tables[l.policy.Name]
		l.dead()
		l.nobodyActsSo()
		l.unheard()
		l.opensToNobody()
		l.newColumns()
		l.purposeAlone()
		l.contradicted()
		l.openToAll()
		l.aboutNobody()
		l.neverFirst()
		l.weakerFirst()
		l.becomesNull()
		l.looksPersonal()
	}
	l.lintRules()
	return l.problems
}

// tables are all tables, in the order of their platforms and names.
func (r Review) tables() (out []placed) {
	for _, platform := range slices.Sorted(maps.Keys(r.Platforms)) {
		e := r.Platforms[platform]
		for _, name := range e.names {
			out = append(out, placed{e.tables[name], platform, len(r.Platforms) > 1})
		}
	}
	return out
}

// linter is at one policy, or at one rule.
type linter struct {
	Review
	policy   *Policy // at a rule, an empty one
	at       string  // its key
	matchers func(do func(key string, m *Matcher))
	reached  []placed // the tables that the policy is about
	problems []Problem
}

// placed is a table and the platform it is on.
type placed struct {
	*table
	platform string
	several  bool // there are other platforms: the name alone does not say which table it is
}

func (t placed) String() string {
	if t.several {
		return t.platform + ": " + t.name.String()
	}
	return t.name.String()
}

// policies are those that say anything of the table.
func (t *table) policies() map[string]bool {
	out := map[string]bool{}
	for _, g := range t.grants {
		out[g.policy] = true
	}
	for _, g := range t.guardrails {
		out[g.policy] = true
	}
	for _, f := range t.filters {
		out[f.rule.Policy] = true
	}
	for _, c := range t.columns {
		for _, m := range c.masks {
			out[m.Policy] = true
		}
	}
	return out
}

// rule is the index of the policy's mask on the column; -1: it has none there.
func (c *column) rule(policy string) int {
	return slices.IndexFunc(c.masks, func(m maskRule) bool { return m.Policy == policy })
}

func (l *linter) warn(key, format string, args ...any) {
	l.problems = append(l.problems, Problem{
		Key: l.at + "." + key, Policy: l.policy.Name, Message: fmt.Sprintf(format, args...), Warning: true,
	})
}

// matchers calls do for each of the policy's matchers, with its key.
func (p *Policy) matchers(do func(key string, m *Matcher)) {
	for _, m := range []struct {
		key string
		*Matcher
	}{{"to", p.To}, {"require", p.Require}, {"for", p.For}, {"except", p.Except}} {
		if m.Matcher != nil {
			do(m.key, m.Matcher)
		}
	}
}

// dead: a policy that reaches nothing, on any platform. What is about the tag New waits for what comes.
func (l *linter) dead() {
	k, _ := l.policy.kind()
	selectors := l.policy.selectors(k)
	if len(l.reached) == 0 && !slices.Contains(selectors, "tag:"+New) {
		l.warn(string(k), "it reaches nothing that is there: correct what it names, or take the policy out")
	}
}

// looksPersonal: a column that is open to somebody, has a name as personal data has it, and no mask at all. It is a
// hint: names prove nothing.
func (l *linter) looksPersonal() {
	if l.policy.Grant == nil {
		return
	}
	for _, t := range l.reached {
		if t.grants[0].policy != l.policy.Name {
			continue // once for a table
		}
		var names []string
		for _, c := range t.columns {
			if len(c.masks) == 0 && personal.MatchString(c.Name) {
				names = append(names, c.Name)
			}
		}
		if names != nil {
			l.warn(
				"grant",
				"it opens %s, where %s may be personal data by the name and no mask covers it: tag and mask it if it is",
				t,
				some(names),
			)
		}
	}
}

// some lists a few of the names, and how many more there are.
func some(names []string) string {
	const most = 4
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
