package entitlements

import (
	"fmt"
	"slices"
	"strings"

	"deputy/identity"
)

// Decide says what the principal may see of the table, or why nothing. The Denial is nil exactly when there is an Access.
// The result is shared with later ones and must not be changed.
func (e *Entitlements) Decide(who identity.Principal, name TableName) (Access, *Denial) {
	t, ok := e.tables[name]
	if !ok {
		return Access{}, &Denial{Table: name, Reasons: []string{"there is no such table"}}
	}
	return t.decide(&who)
}

// Visible is one table that a principal may know of: with Access, or else with a Denial that is requestable.
type Visible struct {
	Table       TableName
	Description string
	Access      *Access
	Denial      *Denial
}

// Visible lists what the principal may know of, sorted by name. Everything else is left out as if it were not there.
func (e *Entitlements) Visible(who identity.Principal) []Visible {
	var out []Visible
	for _, name := range e.names {
		t := e.tables[name]
		v := Visible{Table: name, Description: t.description}
		access, denial := t.decide(&who)
		switch {
		case denial == nil:
			v.Access = &access
		case denial.Requestable:
			v.Denial = denial
		default:
			continue
		}
		out = append(out, v)
	}
	return out
}

func (t *table) decide(who *identity.Principal) (Access, *Denial) {
	if who.Agent.ID == "" || who.User != nil && who.User.ID == "" {
		return Access{}, &Denial{Table: t.name, Reasons: []string{"nobody was verified"}} // not even everyone is a grant to nobody
	}
	judged := who.Judged()
	if broken := t.broken(&judged, who); broken != nil {
		return Access{}, &Denial{Table: t.name, Reasons: broken} // no grant would help, so there is nothing to request
	}
	grants, via, unheard := t.opened(who)
	if len(grants) == 0 {
		return Access{}, &Denial{Table: t.name, Requestable: t.discoverable, Reasons: append(unheard, "no grant opens it")}
	}
	access := Access{Table: t.name, Via: via, Grants: grants, Columns: t.show(&judged, who)}
	for _, g := range t.guardrails {
		access.Guardrails = append(access.Guardrails, g.policy)
	}
	for _, f := range t.filters {
		if f.applies(&judged, who) {
			access.Filters = append(access.Filters, f.bind(who))
		}
	}
	return access, nil
}

// broken names the guardrails that do not hold for the identity.
func (t *table) broken(judged *identity.Identity, who *identity.Principal) (reasons []string) {
	for _, g := range t.guardrails {
		if !g.require.holds(judged, who) {
			reasons = append(reasons, fmt.Sprintf("guardrail %q does not hold for %s %s", g.policy, judged.Kind, judged.ID))
		}
	}
	return reasons
}

// opened names the grants that open the table, and through whom. The user and the agent are judged one after the other, each
// with its own groups and attributes; the agent's own grants count only if the agent itself passes every guardrail.
// unheard says which guardrails kept the agent's grants from counting.
func (t *table) opened(who *identity.Principal) (grants []string, via Via, unheard []string) {
	agentBroken := t.broken(&who.Agent.Identity, who)
	byUser, byAgent := false, false
	for _, g := range t.grants {
		user := who.User != nil && g.opensToUser(who)
		agent := g.opensToAgent(who)
		if agent && agentBroken != nil {
			agent, unheard = false, agentBroken
		}
		if user || agent {
			grants = append(grants, g.policy)
		}
		byUser, byAgent = byUser || user, byAgent || agent
	}
	switch {
	case byUser && byAgent:
		return grants, ViaBoth, unheard
	case byUser:
		return grants, ViaUser, unheard
	}
	return grants, ViaAgent, unheard
}

// opensToUser leaves aside what is said of the agent alone: see Matcher.aboutAgent.
func (g *grant) opensToUser(who *identity.Principal) bool {
	return slices.ContainsFunc(g.to, func(m *Matcher) bool {
		return !m.aboutAgent() && m.holds(&who.User.Identity, who)
	})
}

func (g *grant) opensToAgent(who *identity.Principal) bool {
	return slices.ContainsFunc(g.to, func(m *Matcher) bool { return m.holds(&who.Agent.Identity, who) })
}

// show returns all columns, each with those of its masks that apply, up to the first that takes every cell. A policy that exempts
// the caller says nothing about the others: a column is clear only if none applies.
func (t *table) show(judged *identity.Identity, who *identity.Principal) []ColumnAccess {
	applies := make([]bool, len(t.masks))
	for i := range t.masks {
		applies[i] = t.masks[i].applies(judged, who)
	}
	out := make([]ColumnAccess, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		out[i] = ColumnAccess{Column: c.Column, Tags: c.tags}
		for j := range c.masks {
			if !applies[c.masks[j].scope] {
				continue
			}
			mask := c.masks[j].AppliedMask
			if len(mask.When) > 0 {
				mask = mask.bind(who)
			}
			if out[i].Masks = append(out[i].Masks, mask); len(mask.When) == 0 {
				break
			}
		}
	}
	return out
}

func (s scope) applies(judged *identity.Identity, who *identity.Principal) bool {
	switch {
	case s.only != nil:
		return s.only.holds(judged, who)
	case s.except != nil:
		return !s.except.holds(judged, who)
	}
	return true
}

func (f *filter) bind(who *identity.Principal) Filter {
	out := f.rule
	out.Where, out.Never = bind(out.Where, who)
	return out
}

// bind gives the condition its values. One that names something nobody has a value for could only be guessed at: the mask then
// takes every cell.
func (m AppliedMask) bind(who *identity.Principal) AppliedMask {
	when, missing := bind(m.When, who)
	if missing {
		when = nil
	}
	m.When = when
	return m
}

// bind puts in the values of the judged identity. What is asked of a user, an agent that acts alone has no value for: its name
// could be that of a user.
func bind(parts []Part, who *identity.Principal) (bound []Part, missing bool) {
	bound = slices.Clone(parts)
	for i := range bound {
		part := &bound[i]
		switch {
		case part.Variable == "":
			continue
		case part.Variable == UserID:
			if who.User != nil {
				part.Values = []string{who.User.ID}
			}
		case part.Variable == userGroups:
			if who.User != nil {
				part.Values = slices.DeleteFunc(slices.Clone(who.User.Groups), func(g string) bool { return g == identity.AllUsers || g == identity.AllAgents })
			}
		default:
			part.Values = who.Judged().Attributes[strings.TrimPrefix(part.Variable, attributePrefix)]
		}
		missing = missing || len(part.Values) == 0
	}
	return bound, missing
}

const (
	userGroups      = "user.groups"
	attributePrefix = "attribute."
)
