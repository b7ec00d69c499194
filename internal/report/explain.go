package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/review"
	"deputy/identity"
)

// Explained is the answer to who can see what, and why. Its JSON is for scripts: names in it stay.
type Explained struct {
	Principal Principal `json:"principal"`
	Tables    []Table   `json:"tables"`
}

// Principal is who is asked about.
type Principal struct {
	Mode    identity.Mode `json:"mode"`
	Agent   Party         `json:"agent"`
	User    *Party        `json:"user"`
	Purpose string        `json:"purpose"`
}

// Party is one of the two.
type Party struct {
	ID         string              `json:"id"`
	Groups     []string            `json:"groups"`
	Attributes map[string][]string `json:"attributes"`
}

// Table is one table's explanation.
type Table struct {
	Platform string `json:"platform"`
	review.Explanation
}

// NewPrincipal shows a principal.
func NewPrincipal(p identity.Principal) Principal {
	out := Principal{Mode: p.Mode(), Agent: party(p.Agent.Identity), Purpose: p.Purpose}
	if p.User != nil {
		user := party(p.User.Identity)
		out.User = &user
	}
	return out
}

func party(i identity.Identity) Party {
	return Party{ID: i.ID, Groups: append([]string{}, i.Groups...), Attributes: i.Attributes}
}

// Summary writes one line for each table.
func (x Explained) Summary(w io.Writer) error {
	p := &page{w: w}
	p.principal(x.Principal)
	p.line("")
	rows := [][]string{{"TABLE", "ACCESS", "THROUGH", "MASKED", "ROWS, OR WHY NOT"}}
	for _, t := range x.Tables {
		rows = append(rows, t.summary())
	}
	p.table(rows)
	return p.err
}

func (t Table) summary() []string {
	name := t.Platform + ": " + t.Table
	if !t.Allowed {
		return []string{name, t.verdict(), "-", "-", strings.Join(t.Reasons, "; ")}
	}
	masked := 0
	for _, c := range t.Columns {
		if !c.Clear {
			masked++
		}
	}
	rows := "all"
	var filters []string
	for _, f := range t.Filters {
		if f.Applies && !slices.Contains(filters, f.Policy) {
			filters = append(filters, f.Policy)
		}
	}
	if filters != nil {
		rows = strings.Join(filters, "; ")
	}
	return []string{name, t.verdict(), string(t.Via), fmt.Sprintf("%d of %d columns", masked, len(t.Columns)), rows}
}

func (t Table) verdict() string {
	switch {
	case t.Allowed:
		return "allowed"
	case t.Requestable:
		return "denied, may be asked for"
	}
	return "denied"
}

// Page writes everything there is to say about each table.
func (x Explained) Page(w io.Writer) error {
	p := &page{w: w}
	p.principal(x.Principal)
	for _, t := range x.Tables {
		p.line("")
		p.decision(t)
		p.grants(t)
		p.guardrails(t)
		p.columns(t)
		p.filters(t)
	}
	return p.err
}

func (p *page) principal(who Principal) {
	rows := [][]string{{"agent", who.Agent.ID, known(who.Agent)}}
	if who.User != nil {
		rows = append([][]string{{"user", who.User.ID, known(*who.User)}}, rows...)
	}
	p.table(rows)
	purpose := ""
	if who.Purpose != "" {
		purpose = ", said to be for " + who.Purpose
	}
	if who.User != nil {
		p.line("  The agent acts on behalf of the user%s.", purpose)
	} else {
		p.line("  The agent acts on its own%s.", purpose)
	}
}

// known are the groups and attributes of a party.
func known(party Party) string {
	parts := []string{"no groups"}
	if len(party.Groups) > 0 {
		parts = []string{"in " + strings.Join(party.Groups, ", ")}
	}
	for _, name := range slices.Sorted(maps.Keys(party.Attributes)) {
		parts = append(parts, name+"="+strings.Join(party.Attributes[name], "|"))
	}
	return strings.Join(parts, "; ")
}

func (p *page) decision(t Table) {
	p.line("%s: %s", t.Platform, t.Table)
	if len(t.Tags) > 0 {
		p.line("  tags: %s", strings.Join(t.Tags, ", "))
	}
	if t.Allowed {
		until := ""
		if !t.Until.IsZero() {
			until = ", as it is until " + moment(t.Until)
		}
		p.line("  ALLOWED through %s"+until, map[entitlements.Via]string{
			entitlements.ViaUser:  "the user",
			entitlements.ViaAgent: "the agent",
			entitlements.ViaBoth:  "the user and the agent, each alone",
		}[t.Via])
		return
	}
	p.line("  DENIED: %s", strings.Join(t.Reasons, "; "))
	if t.Requestable {
		p.line("  It may be discovered: the caller may hear that it exists, and ask for it.")
	}
}

func (p *page) grants(t Table) {
	var rows [][]string
	for _, g := range t.Grants {
		verdict := "opens it for the " + string(g.Opens)
		switch {
		case g.Opens == entitlements.ViaBoth:
			verdict = "opens it for the user and for the agent"
		case g.Unheard:
			verdict = "not counted: the agent does not pass a guardrail itself"
		case g.Opens == "":
			verdict = "would open it: " + strings.Join(g.Missing, ", or ")
		}
		if !g.Until.IsZero() {
			verdict += ", until " + moment(g.Until)
		}
		rows = append(rows, []string{g.Policy, "to " + g.To, verdict})
	}
	if rows == nil {
		p.section("Grants: no policy opens it to anybody", nil)
		return
	}
	p.section("Grants: one of them has to open the table", rows)
}

func (p *page) guardrails(t Table) {
	var rows [][]string
	for _, g := range t.Guardrails {
		verdict := "holds"
		switch {
		case !g.Holds:
			verdict = fmt.Sprintf("does not hold for %s: %s is missing", t.Judged, g.Missing)
		case !g.HoldsForAgent:
			verdict = fmt.Sprintf(
				"holds for %s; not for the agent, whose own grants do not count: %s is missing",
				t.Judged,
				g.Missing,
			)
		}
		rows = append(rows, []string{g.Policy, "require " + g.Require, verdict})
	}
	if rows != nil {
		p.section("Guardrails: all of them have to hold", rows)
	}
}

func (p *page) columns(t Table) {
	heading := "Columns, as " + t.Judged + " sees them"
	if !t.Allowed {
		heading = "Columns, as " + t.Judged + " would see them if the table were open"
	}
	rows := [][]string{{"COLUMN", "TYPE", "TAGS", "SEEN", "BECAUSE OF"}}
	for _, c := range t.Columns {
		first := []string{c.Name, c.Type, dash(strings.Join(tagsOf(c), ", "))}
		if c.Clear {
			rows = append(rows, append(first, "clear", "-"))
			first = []string{"", "", ""}
		}
		for i, m := range c.Masks {
			rows = append(rows, append(slices.Clone(first), seen(m)...))
			first = []string{"", "", ""}
			if last := i+1 == len(c.Masks) || c.Masks[i+1].Outcome != review.Applies; last &&
				m.Outcome == review.Applies &&
				m.When != "" {
				rows = append(rows, []string{"", "", "", "otherwise clear", "-"})
			}
		}
	}
	p.section(heading, rows)
}

// seen is what a mask does, and the policy behind it.
func seen(m review.MaskVerdict) []string {
	what, why := m.With, []string{m.By, m.Scope}
	if m.When != "" {
		what += " when " + m.When
	}
	if m.Outcome != review.Applies {
		what = "not " + what
	}
	switch {
	case m.Outcome == review.Exempt:
		why = append(why, "not about this identity")
	case m.Outcome == review.Lifted:
		why = append(why, "lifted by request "+m.Request+" until "+moment(m.Until))
	case m.Outcome == review.Shadowed:
		why = append(why, "shadowed: "+m.Why)
	case m.Why != "":
		why = append(why, m.Why)
	}
	return []string{what, m.Policy + " (" + strings.Join(why, "; ") + ")"}
}

func (p *page) filters(t Table) {
	var rows [][]string
	for _, f := range t.Filters {
		verdict := f.Scope
		switch {
		case !f.Applies:
			verdict += "; not about this identity"
		case f.NoRow:
			var missing []string
			for _, m := range f.Missing {
				missing = append(missing, strings.Replace(m, "attribute.", "attribute ", 1))
			}
			verdict += "; no value for " + strings.Join(missing, ", ") + ": no row"
		}
		rows = append(rows, []string{f.Policy, f.Rule, verdict})
	}
	if rows == nil {
		p.section("Rows: no policy hides any", nil)
		return
	}
	p.section("Rows: all of these have to hold", rows)
}

// moment is a time to the second: that is how exactly what was approved ends.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tagsOf are a column's tags, and those that it has as a view's column from what it is made of.
func tagsOf(c review.ColumnVerdict) []string {
	tags := slices.Clone(c.Tags)
	for _, tag := range c.Inherited {
		tags = append(tags, tag+" (inherited)")
	}
	return tags
}
