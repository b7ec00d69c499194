package entitlements

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/identity"
)

// Explanation is a decision with everything that had a part in it, and with what would change it. What is decided is
// Decide's own answer; the rest asks the same matchers, one by one. Its JSON is for scripts: names in it stay.
type Explanation struct {
	Table       string    `json:"table"`
	Description string    `json:"description,omitempty"`
	Tags        []string  `json:"tags"`
	Allowed     bool      `json:"allowed"`
	Via         Via       `json:"via,omitempty"`
	Until       time.Time `json:"until,omitzero"` // it rests on approved requests, of which the first ends then
	Requestable bool      `json:"requestable"`    // denied, and the caller may hear of the table and ask for it
	Reasons     []string  `json:"reasons"`        // of a denial
	// whom masks, filters and guardrails are judged on: "user taylor"
	Judged     string             `json:"judged"`
	Grants     []GrantVerdict     `json:"grants"`
	Guardrails []GuardrailVerdict `json:"guardrails"`
	Columns    []ColumnVerdict    `json:"columns"` // of a table that is denied: as they would be seen
	Filters    []FilterVerdict    `json:"filters"`

	Access *Access `json:"-"` // as decided; nil: denied
	Denial *Denial `json:"-"`
}

// GrantVerdict is one grant on the table, or an approved request of the caller's that opens it.
type GrantVerdict struct {
	Policy  string    `json:"policy"` // of an approved request: "request ID"
	To      string    `json:"to"`
	Opens   Via       `json:"opens,omitempty"` // for whom it counts; empty: for nobody
	Unheard bool      `json:"unheard"`         // the agent qualifies, but does not pass a guardrail itself
	Missing []string  `json:"missing"`         // when it does not open the table: any of these would
	Until   time.Time `json:"until,omitzero"`  // of an approved request: when it ends
}

// GuardrailVerdict is one guardrail on the table.
type GuardrailVerdict struct {
	Policy        string `json:"policy"`
	Require       string `json:"require"`
	Holds         bool   `json:"holds"`             // for the judged identity; if not, the table is closed
	HoldsForAgent bool   `json:"holds_for_agent"`   // if not, the agent's own grants do not count
	Missing       string `json:"missing,omitempty"` // when it does not hold: this would have to
}

// ColumnVerdict is one column.
type ColumnVerdict struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Tags      []string `json:"tags"`
	Inherited []string `json:"inherited_tags,omitempty"` // of the columns that a view's column is made of
	Clear     bool     `json:"clear"`                    // no mask takes any cell
	// all that reach the column; those that apply come first, in the order in which they are asked
	Masks []MaskVerdict `json:"masks"`
}

// Outcome is what becomes of a mask on a column.
type Outcome string

const (
	Applies  Outcome = "applies"  // it hides every cell that no mask before it has taken, or those of its When
	Shadowed Outcome = "shadowed" // it would apply, but another takes every cell before
	Exempt   Outcome = "exempt"   // it is not about the judged identity
	Lifted   Outcome = "lifted"   // it would apply, but an approved request exempts the caller from it
)

// MaskVerdict is one mask policy on one column.
type MaskVerdict struct {
	Policy  string  `json:"policy"`
	With    string  `json:"with"`
	When    string  `json:"when,omitempty"`
	Scope   string  `json:"scope"` // whom it is about: "everyone", "for group:X", "all but group:X"
	By      string  `json:"by"`    // the selector that reaches the column
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"` // it is shadowed; or it hides more than it says

	Request string    `json:"request,omitempty"` // that lifts it
	Until   time.Time `json:"until,omitzero"`    // when that ends
}

// FilterVerdict is one rule on rows.
type FilterVerdict struct {
	Policy  string   `json:"policy"`
	Rule    string   `json:"rule"` // with the judged identity's values
	Scope   string   `json:"scope"`
	Applies bool     `json:"applies"`
	NoRow   bool     `json:"no_row"`  // it applies, and something it asks for has no value: no row is seen
	Missing []string `json:"missing"` // what has no value
}

// Explain says what Decide decides, and why. ok is false when there is no such table.
func (e *Entitlements) Explain(who identity.Principal, name TableName) (x Explanation, ok bool) {
	t, ok := e.tables[name]
	if !ok {
		return Explanation{}, false
	}
	judged, approved := who.Judged(), e.counting(&who, name)
	x = Explanation{
		Table: name.String(), Description: t.description, Tags: append([]string{}, t.tags...), Reasons: []string{},
		Judged: fmt.Sprintf("%s %s", judged.Kind, judged.ID),
		Grants: append(
			t.explainGrants(&who),
			e.explainApprovals(&who, name)...), Guardrails: t.explainGuardrails(&judged, &who),
		Columns: t.explainColumns(&judged, &who, approved), Filters: t.explainFilters(&judged, &who),
	}
	access, denial := t.decide(&who, approved)
	if denial != nil {
		x.Denial, x.Reasons, x.Requestable = denial, denial.Reasons, denial.Requestable
	} else {
		x.Access, x.Allowed, x.Via, x.Until = &access, true, access.Via, access.Until
	}
	return x, true
}

func (t *table) explainGrants(who *identity.Principal) []GrantVerdict {
	out := []GrantVerdict{}
	agentBroken := t.broken(&who.Agent.Identity, who) != nil
	for _, g := range t.grants {
		v := GrantVerdict{Policy: g.policy, To: g.written.String(), Missing: []string{}}
		user, agent := g.opensTo(who)
		v.Unheard = agent && agentBroken
		agent = agent && !agentBroken
		switch {
		case user && agent:
			v.Opens = ViaBoth
		case user:
			v.Opens = ViaUser
		case agent:
			v.Opens = ViaAgent
		case !v.Unheard:
			v.Missing = g.missing(who)
		}
		out = append(out, v)
	}
	return out
}

// explainApprovals shows the caller's approved requests that open the table, those too that are for another agent.
func (e *Entitlements) explainApprovals(who *identity.Principal, name TableName) (out []GrantVerdict) {
	for _, a := range e.approved[name] {
		if !a.Opens || !a.Asker.Is(*who) {
			continue
		}
		v := GrantVerdict{Policy: a.policy(), To: a.to().String(), Missing: []string{}, Until: a.Expires}
		switch {
		case !a.CountsFor(*who, e.now):
			v.Missing = append(v.Missing, Term{Word: "agent", Name: a.Through}.String())
		case who.User != nil:
			v.Opens = ViaUser
		case e.tables[name].broken(&who.Agent.Identity, who) != nil:
			v.Unheard = true
		default:
			v.Opens = ViaAgent
		}
		out = append(out, v)
	}
	return out
}

// missing says for each alternative what does not hold: of the human, or where the agent alone is asked, of the agent.
func (g *grant) missing(who *identity.Principal) (out []string) {
	judged := who.Judged()
	for _, m := range g.to {
		out = appendOnce(out, m.unmet(&judged, who))
	}
	return out
}

// unmet is what of the matcher does not hold.
func (m *Matcher) unmet(judged *identity.Identity, who *identity.Principal) string {
	if m.all == nil {
		return m.String()
	}
	var parts []string
	for i := range m.all {
		if !m.all[i].Holds(judged, who) {
			parts = append(parts, m.all[i].unmet(judged, who))
		}
	}
	return strings.Join(parts, " and ")
}

func (t *table) explainGuardrails(judged *identity.Identity, who *identity.Principal) []GuardrailVerdict {
	out := []GuardrailVerdict{}
	for _, g := range t.guardrails {
		v := GuardrailVerdict{
			Policy: g.policy, Require: g.require.String(),
			Holds: g.require.Holds(judged, who), HoldsForAgent: g.require.Holds(&who.Agent.Identity, who),
		}
		if !v.Holds {
			v.Missing = g.require.unmet(judged, who)
		} else if !v.HoldsForAgent {
			v.Missing = g.require.unmet(&who.Agent.Identity, who)
		}
		out = append(out, v)
	}
	return out
}

func (t *table) explainColumns(judged *identity.Identity, who *identity.Principal, approved standing) []ColumnVerdict {
	out := []ColumnVerdict{}
	var seen Access
	t.show(&seen, judged, who, approved)
	for i, shown := range seen.Columns {
		c := &t.columns[i]
		v := ColumnVerdict{
			Name:      c.Name,
			Type:      c.Type,
			Tags:      append([]string{}, c.tags...),
			Inherited: c.inherited,
			Clear:     len(shown.Masks) == 0,
		}
		var applied, lifted, shadowed, exempt []MaskVerdict
		var last *maskRule
		taken, by := false, approved.lifts(c.Name) // taken: every cell is hidden by what came before
		for j := range c.masks {
			m := &c.masks[j]
			s := t.masks[m.scope]
			mask := MaskVerdict{
				Policy: m.Policy,
				With:   m.Mask.String(),
				When:   ExpressionText(m.When),
				Scope:  s.String(),
				By:     m.by,
			}
			switch {
			case !s.applies(judged, who):
				mask.Outcome = Exempt
				exempt = append(exempt, mask)
			case taken:
				mask.Outcome, mask.Why = Shadowed, last.beats(m)
				shadowed = append(shadowed, mask)
			case by != nil && s.except != nil:
				mask.Outcome, mask.Request, mask.Until = Lifted, by.Request, by.Expires
				lifted = append(lifted, mask)
			default:
				one := shown.Masks[len(applied)]
				mask.Outcome, mask.Why, mask.When = Applies, m.remark(one), ExpressionText(one.When)
				applied, last, taken = append(applied, mask), m, len(one.When) == 0
			}
		}
		v.Masks = slices.Concat([]MaskVerdict{}, applied, lifted, shadowed, exempt)
		out = append(out, v)
	}
	return out
}

// remark says in what the mask hides more than its policy says.
func (m *maskRule) remark(applied AppliedMask) string {
	switch {
	case m.BuiltIn():
		return "it is built in: until an administrator runs deputy catalog accept"
	case m.misfit != nil:
		return m.misfit.String() + " does not fit the column's type"
	case len(m.When) > 0 && len(applied.When) == 0:
		return "every cell: something has no value in when: " + ExpressionText(m.When)
	}
	return ""
}

// beats says why the mask comes before the other.
func (m *maskRule) beats(other *maskRule) string {
	why := "is first by its name"
	switch {
	case m.reach >= byInheritance:
		why = "closes, and comes first"
	case m.reach > other.reach && m.reach == byName:
		why = "names the column"
	case m.reach > other.reach && other.reach == byWildcard:
		why = "has a tag, and a tag comes before a wildcard"
	case m.reach > other.reach:
		why = "has the deeper tag"
	case compareStrictness(m.Mask, other.Mask) < 0:
		why = "is stricter"
	}
	return fmt.Sprintf("%q %s", m.Policy, why)
}

func (t *table) explainFilters(judged *identity.Identity, who *identity.Principal) []FilterVerdict {
	out := []FilterVerdict{}
	for i := range t.filters {
		f := &t.filters[i]
		bound := f.bind(who)
		v := FilterVerdict{
			Policy:  f.rule.Policy,
			Rule:    bound.Rule(),
			Scope:   f.scope.String(),
			Applies: f.applies(judged, who),
			Missing: []string{},
		}
		v.NoRow = v.Applies && bound.Never
		for _, p := range bound.Where {
			if p.Variable != "" && len(p.Values) == 0 {
				v.Missing = appendOnce(v.Missing, p.Variable)
			}
		}
		out = append(out, v)
	}
	return out
}
