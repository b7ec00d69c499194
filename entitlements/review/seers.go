package review

import (
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/identity"
)

// Seer is who sees a column, and how. Its JSON is for scripts: names in it stay.
type Seer struct {
	Who      Somebody `json:"who"`
	Agents   []string `json:"agents"`    // the agents through whom, or of which each on its own
	AnyAgent bool     `json:"any_agent"` // those are all that may act so
	Seen
}

// Seen is how a column is seen.
type Seen struct {
	// Clear says that at least some cells are shown as they are.
	Clear bool `json:"clear"`
	// Mask is what the cells are shown as that are not; with When, those of which it holds. Empty: all are clear.
	Mask string `json:"mask,omitempty"`
	// Through are the grants and requests that open the table, and those that keep a mask off.
	Through string `json:"through"`
	// Rows are the policies that leave rows out; all of them where something that a policy asks for has no value.
	Rows string `json:"rows,omitempty"`
}

// Seers says which kinds of people see a column of a table, and through what. It asks for everybody whom the policies
// on the table tell apart, as Diff does, and does not repeat of a kind what is said of one that includes it. Approved
// requests are a person's own: see Person.
func (s Side) Seers(platform string, table entitlements.TableName, column string) (out []Seer) {
	e := s.Platforms[platform]
	view, ok := e.View(table)
	if !ok {
		return nil
	}
	for _, who := range somebodies(nil, view) {
		see := func(p identity.Principal) (Seen, bool) { return SeenBy(e, p, table, column) }
		for _, seer := range s.Person(who, see) {
			seer.Agents = slices.DeleteFunc(seer.Agents, func(agent string) bool {
				p := s.principal(agent, who)
				return slices.ContainsFunc(out, func(t Seer) bool {
					return t.Seen == seer.Seen && slices.Contains(t.Agents, agent) && t.Who.includes(who, p, p)
				})
			})
			if len(seer.Agents) > 0 {
				out = append(out, seer)
			}
		}
	}
	return out
}

// Person says how one person, or one kind of people, sees a column: for each way of seeing it the agents through whom.
// see decides for a call of theirs; not ok: the table is closed to it.
func (s Side) Person(who Somebody, see func(identity.Principal) (Seen, bool)) (out []Seer) {
	acting := 0
	for _, a := range s.Agents {
		p := s.principal(a.ID, who)
		if p == nil {
			continue
		}
		acting++
		seen, ok := see(*p)
		if !ok {
			continue
		}
		i := slices.IndexFunc(out, func(o Seer) bool { return o.Seen == seen })
		if i < 0 {
			i = len(out)
			out = append(out, Seer{Who: who, Seen: seen})
		}
		out[i].Agents = append(out[i].Agents, a.ID)
	}
	for i := range out {
		out[i].AnyAgent = len(out[i].Agents) == acting
	}
	return out
}

// SeenBy is how a principal sees a column; not ok: the table is closed to it.
func SeenBy(
	e *entitlements.Entitlements,
	p identity.Principal,
	table entitlements.TableName,
	column string,
) (s Seen, ok bool) {
	x, _ := Explain(e, p, table)
	i := slices.IndexFunc(x.Columns, func(v ColumnVerdict) bool { return v.Name == column })
	if !x.Allowed || i < 0 {
		return Seen{}, false
	}
	var through, masks, rows []string
	for _, g := range x.Grants {
		if g.Opens != "" {
			through = append(through, fmt.Sprintf("%s (%s)", g.Policy, g.Opens))
		}
	}
	s.Clear = true
	for _, m := range x.Columns[i].Masks {
		switch {
		case m.Outcome == Applies:
			mask := m.With + " by " + m.Policy
			if m.When != "" {
				mask += " when " + m.When
			}
			masks = append(masks, mask)
			s.Clear = s.Clear && m.When != ""
		case m.Outcome == Exempt:
			through = append(through, "not hidden by "+m.Policy)
		case m.Outcome == Lifted:
			through = append(through, "shown by request "+m.Request)
		}
	}
	for _, f := range x.Filters {
		switch {
		case f.Applies && f.NoRow:
			rows = append(rows, fmt.Sprintf("%s (all: no %s)", f.Policy, strings.Join(f.Missing, ", ")))
		case f.Applies:
			rows = append(rows, f.Policy)
		}
	}
	s.Mask, s.Through, s.Rows = strings.Join(masks, ", "), strings.Join(through, ", "), strings.Join(rows, ", ")
	return s, true
}
