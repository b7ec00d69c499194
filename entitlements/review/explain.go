package review

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/identity"
)

// Explanation is a decision with everything that had a part in it, and with what would change it. What is decided is
// Decide's own answer; the rest asks the same matchers, one by one. Its JSON is for scripts: names in it stay.
type Explanation struct {
	Table       string           `json:"table"`
	Description string           `json:"description,omitempty"`
	Tags        []string         `json:"tags"`
	Allowed     bool             `json:"allowed"`
	Via         entitlements.Via `json:"via,omitempty"`
	Until       time.Time        `json:"until,omitzero"` // it rests on approved requests, of which the first ends then
	Requestable bool             `json:"requestable"`    // denied, and the caller may hear of the table and ask for it
	Reasons     []string         `json:"reasons"`        // of a denial
	// whom masks, filters and guardrails are judged on: "user taylor"
	Judged     string             `json:"judged"`
	Grants     []GrantVerdict     `json:"grants"`
	Guardrails []GuardrailVerdict `json:"guardrails"`
	Columns    []ColumnVerdict    `json:"columns"` // of a table that is denied: as they would be seen
	Filters    []FilterVerdict    `json:"filters"`

	Access *entitlements.Access `json:"-"` // as decided; nil: denied
	Denial *entitlements.Denial `json:"-"`
}

// GrantVerdict is one grant on the table, or an approved request of the caller's that opens it.
type GrantVerdict struct {
	Policy  string           `json:"policy"` // of an approved request: "request ID"
	To      string           `json:"to"`
	Opens   entitlements.Via `json:"opens,omitempty"` // for whom it counts; empty: for nobody
	Unheard bool             `json:"unheard"`         // the agent qualifies, but does not pass a guardrail itself
	Missing []string         `json:"missing"`         // when it does not open the table: any of these would
	Until   time.Time        `json:"until,omitzero"`  // of an approved request: when it ends
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

// What can become of a mask.
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
func Explain(
	e *entitlements.Entitlements,
	who identity.Principal,
	name entitlements.TableName,
) (x Explanation, ok bool) {
	t, ok := e.View(name)
	if !ok {
		return Explanation{}, false
	}
	judged, approved := who.Judged(), e.Counting(&who, name)
	x = Explanation{
		Table: name.String(), Description: t.Description, Tags: append([]string{}, t.Tags...), Reasons: []string{},
		Judged:     fmt.Sprintf("%s %s", judged.Kind, judged.ID),
		Grants:     append(explainGrants(t, &who), explainApprovals(t, e.Approvals(who, name), &who)...),
		Guardrails: explainGuardrails(t, &judged, &who), Filters: explainFilters(t, &judged, &who),
		Columns: []ColumnVerdict{},
	}
	for i, shown := range e.Shown(who, name) {
		x.Columns = append(x.Columns, explainColumn(t.Columns[i], shown, approved.Lifting(shown.Name), &judged, &who))
	}
	access, denial := e.Decide(who, name)
	if denial != nil {
		x.Denial, x.Reasons, x.Requestable = denial, denial.Reasons, denial.Requestable
	} else {
		x.Access, x.Allowed, x.Via, x.Until = &access, true, access.Via, access.Until
	}
	return x, true
}

func explainGrants(t entitlements.TableView, who *identity.Principal) []GrantVerdict {
	out := []GrantVerdict{}
	agentBroken := !passes(t, &who.Agent.Identity, who)
	for _, g := range t.Grants {
		v := GrantVerdict{Policy: g.Policy, To: g.To.String(), Missing: []string{}}
		user, agent := g.OpensTo(who)
		v.Unheard = agent && agentBroken
		agent = agent && !agentBroken
		switch {
		case user && agent:
			v.Opens = entitlements.ViaBoth
		case user:
			v.Opens = entitlements.ViaUser
		case agent:
			v.Opens = entitlements.ViaAgent
		case !v.Unheard:
			v.Missing = missing(g, who)
		}
		out = append(out, v)
	}
	return out
}

// explainApprovals shows the caller's approved requests that open the table, those too that are for another agent.
func explainApprovals(
	t entitlements.TableView,
	approvals []entitlements.ApprovalView,
	who *identity.Principal,
) (out []GrantVerdict) {
	for _, a := range approvals {
		if !a.Opens {
			continue
		}
		v := GrantVerdict{Policy: a.Policy(), To: a.To().String(), Missing: []string{}, Until: a.Expires}
		switch {
		case !a.Counts:
			v.Missing = append(v.Missing, entitlements.Term{Word: "agent", Name: a.Through}.String())
		case who.User != nil:
			v.Opens = entitlements.ViaUser
		case !passes(t, &who.Agent.Identity, who):
			v.Unheard = true
		default:
			v.Opens = entitlements.ViaAgent
		}
		out = append(out, v)
	}
	return out
}

// missing says for each alternative what does not hold: of the human, or where the agent alone is asked, of the agent.
func missing(g entitlements.GrantView, who *identity.Principal) (out []string) {
	judged := who.Judged()
	for _, m := range g.Alternatives() {
		out = appendOnce(out, unmet(m, &judged, who))
	}
	return out
}

// unmet is what of the matcher does not hold.
func unmet(m *entitlements.Matcher, judged *identity.Identity, who *identity.Principal) string {
	all := m.All()
	if all == nil {
		return m.String()
	}
	var parts []string
	for i := range all {
		if !all[i].Holds(judged, who) {
			parts = append(parts, unmet(&all[i], judged, who))
		}
	}
	return strings.Join(parts, " and ")
}

// passes reports whether all guardrails of the table hold for the identity.
func passes(t entitlements.TableView, judged *identity.Identity, who *identity.Principal) bool {
	return !slices.ContainsFunc(
		t.Guardrails,
		func(g entitlements.GuardrailView) bool { return !g.Require.Holds(judged, who) },
	)
}

func explainGuardrails(
	t entitlements.TableView,
	judged *identity.Identity,
	who *identity.Principal,
) []GuardrailVerdict {
	out := []GuardrailVerdict{}
	for _, g := range t.Guardrails {
		v := GuardrailVerdict{
			Policy: g.Policy, Require: g.Require.String(),
			Holds: g.Require.Holds(judged, who), HoldsForAgent: g.Require.Holds(&who.Agent.Identity, who),
		}
		if !v.Holds {
			v.Missing = unmet(g.Require, judged, who)
		} else if !v.HoldsForAgent {
			v.Missing = unmet(g.Require, &who.Agent.Identity, who)
		}
		out = append(out, v)
	}
	return out
}

// explainColumn tells of each mask that reaches the column what becomes of it; by is the approved request that lifts
// masks from the column, if there is one.
func explainColumn(
	c entitlements.ColumnView,
	shown entitlements.ColumnAccess,
	by *entitlements.Approval,
	judged *identity.Identity,
	who *identity.Principal,
) ColumnVerdict {
	v := ColumnVerdict{
		Name:      c.Name,
		Type:      c.Type,
		Tags:      append([]string{}, c.Tags...),
		Inherited: c.Inherited,
		Clear:     len(shown.Masks) == 0,
	}
	var applied, lifted, shadowed, exempt []MaskVerdict
	var last *entitlements.MaskView
	taken := false // Every cell is hidden by what came before.
	for j := range c.Masks {
		m := &c.Masks[j]
		mask := MaskVerdict{
			Policy: m.Policy,
			With:   m.Mask.String(),
			When:   expression.Text(m.When),
			Scope:  m.Scope.String(),
			By:     m.By,
		}
		switch {
		case !m.Scope.Applies(judged, who):
			mask.Outcome = Exempt
			exempt = append(exempt, mask)
		case taken:
			mask.Outcome, mask.Why = Shadowed, beats(last, m)
			shadowed = append(shadowed, mask)
		case by != nil && m.Scope.Except != nil:
			mask.Outcome, mask.Request, mask.Until = Lifted, by.Request, by.Expires
			lifted = append(lifted, mask)
		default:
			one := shown.Masks[len(applied)]
			mask.Outcome, mask.Why, mask.When = Applies, remark(m, one), expression.Text(one.When)
			applied, last, taken = append(applied, mask), m, len(one.When) == 0
		}
	}
	v.Masks = slices.Concat([]MaskVerdict{}, applied, lifted, shadowed, exempt)
	return v
}

// remark says in what the mask hides more than its policy says.
func remark(m *entitlements.MaskView, applied entitlements.AppliedMask) string {
	switch {
	case m.BuiltIn():
		return "it is built in: until an administrator runs deputy catalog accept"
	case m.Misfit != nil:
		return m.Misfit.String() + " does not fit the column's type"
	case len(m.When) > 0 && len(applied.When) == 0:
		return "every cell: something has no value in when: " + expression.Text(m.When)
	}
	return ""
}

// beats says why the mask comes before the other.
func beats(m, other *entitlements.MaskView) string {
	why := "is first by its name"
	switch {
	case m.Reach >= entitlements.ByInheritance:
		why = "closes, and comes first"
	case m.Reach > other.Reach && m.Reach == entitlements.ByName:
		why = "names the column"
	case m.Reach > other.Reach && other.Reach == entitlements.ByWildcard:
		why = "has a tag, and a tag comes before a wildcard"
	case m.Reach > other.Reach:
		why = "has the deeper tag"
	case entitlements.CompareStrictness(m.Mask, other.Mask) < 0:
		why = "is stricter"
	}
	return fmt.Sprintf("%q %s", m.Policy, why)
}

func explainFilters(t entitlements.TableView, judged *identity.Identity, who *identity.Principal) []FilterVerdict {
	out := []FilterVerdict{}
	for _, f := range t.Filters {
		bound := f.Bind(who)
		v := FilterVerdict{
			Policy:  f.Policy,
			Rule:    bound.Rule(),
			Scope:   f.Scope.String(),
			Applies: f.Scope.Applies(judged, who),
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

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
