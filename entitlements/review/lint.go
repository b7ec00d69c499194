package review

import (
	"fmt"
	"maps"
	"slices"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/mistake"
)

// Review is everything that policies can be held against once they compile: who acts, and every platform's tables.
type Review struct {
	Policies  []entitlements.Policy
	Beside    []Beside // What the configuration has beside policies.
	Agents    []identity.Agent
	Users     []identity.UserConfig
	Claims    []string            // attributes that are read from tokens
	Tested    []entitlements.Term // What the tests say of people: it is spelled as it is meant.
	Platforms map[string]*entitlements.Entitlements
}

// Beside is one entry of another list of the configuration that has matchers too, such as a request rule.
type Beside struct {
	Key      string                                             // Where the entry stands in the configuration.
	Matchers func(do func(key string, m *entitlements.Matcher)) // It calls do for each matcher of the entry, with its key.
	Lint     func(warn func(key, message string))               // It warns of what the entry's own package finds.
}

// Lint returns warnings about policies and request rules that work as they are written and may not be meant so, in the
// order of the configuration. Each check is a method of its own and says what would be right.
func (r Review) Lint() []entitlements.Problem {
	l := &linter{Review: r, mentioned: r.mentions()}
	tables := map[string][]Placed{} // by the policies that say anything of them
	for _, t := range r.Tables() {
		for policy := range t.policies() {
			tables[policy] = append(tables[policy], t)
		}
	}
	for i := range r.Policies {
		l.policy, l.at, l.matchers = &r.Policies[i], mistake.At("policies", i), r.Policies[i].Matchers
		if _, _, err := l.policy.About(); err != nil {
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
		l.neverClear()
		l.neverMoreRows()
		l.weakerFirst()
		l.becomesNull()
		l.looksPersonal()
	}
	for _, b := range r.Beside {
		l.policy, l.at, l.matchers = &entitlements.Policy{}, b.Key, b.Matchers
		b.Lint(func(key, message string) { l.warn(key, "%s", message) })
		l.nobodyActsSo()
		l.unheard()
		l.purposeAlone()
	}
	l.misspelt()
	return l.problems
}

// Tables are all tables, in the order of their platforms and names.
func (r Review) Tables() (out []Placed) {
	for _, platform := range slices.Sorted(maps.Keys(r.Platforms)) {
		e := r.Platforms[platform]
		for _, name := range e.Tables() {
			view, _ := e.View(name)
			out = append(out, Placed{view, platform, len(r.Platforms) > 1})
		}
	}
	return out
}

// linter is at one policy, or at one rule.
type linter struct {
	Review
	policy    *entitlements.Policy // at a rule, an empty one
	at        string               // its key
	matchers  func(do func(key string, m *entitlements.Matcher))
	reached   []Placed // the tables that the policy is about
	mentioned mentions
	problems  []entitlements.Problem
}

// Placed is a table and the platform it is on.
type Placed struct {
	entitlements.TableView
	platform string
	several  bool // there are other platforms: the name alone does not say which table it is
}

func (t Placed) String() string {
	if t.several {
		return t.platform + ": " + t.Name.String()
	}
	return t.Name.String()
}

// policies are those that say anything of the table.
func (t Placed) policies() map[string]bool {
	out := map[string]bool{}
	for _, g := range t.Grants {
		out[g.Policy] = true
	}
	for _, g := range t.Guardrails {
		out[g.Policy] = true
	}
	for _, f := range t.Filters {
		out[f.Policy] = true
	}
	for _, c := range t.Columns {
		for _, m := range c.Masks {
			out[m.Policy] = true
		}
	}
	return out
}

// rule is the place of the policy's mask on the column; -1: it has none there.
func rule(c *entitlements.ColumnView, policy string) int {
	return slices.IndexFunc(c.Masks, func(m entitlements.MaskView) bool { return m.Policy == policy })
}

func (l *linter) warn(key, format string, args ...any) {
	l.problems = append(l.problems, entitlements.Problem{
		Key: l.at + "." + key, Policy: l.policy.Name, Message: fmt.Sprintf(format, args...), Warning: true,
	})
}

// dead: a policy that reaches nothing, on any platform. What is about the tag New waits for what comes.
func (l *linter) dead() {
	key, selectors, _ := l.policy.About()
	if len(l.reached) == 0 && !slices.Contains(selectors, "tag:"+entitlements.New) {
		l.warn(key, "it reaches nothing that is there: correct what it names, or take the policy out")
	}
}

// looksPersonal: a column that is open to somebody, has a name as personal data has it, and no mask at all. It is a
// hint: names prove nothing.
func (l *linter) looksPersonal() {
	if l.policy.Grant == nil {
		return
	}
	for _, t := range l.reached {
		if t.Grants[0].Policy != l.policy.Name {
			continue // once for a table
		}
		var names []string
		for _, c := range t.Columns {
			if len(c.Masks) == 0 && personal.MatchString(c.Name) {
				names = append(names, c.Name)
			}
		}
		if names != nil {
			l.warn(
				"grant",
				"it opens %s, where %s may be personal data by the name and no mask covers it: tag and mask it if it is",
				t,
				mistake.Some(names),
			)
		}
	}
}
