package review

import (
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/identity"
)

// Somebody is a kind of person: all that is known of them is what a policy asks about. Without anything it is anybody.
type Somebody struct {
	User       string   `json:"user,omitempty"`
	Groups     []string `json:"groups"`
	Attributes []string `json:"attributes"` // name=value
	Purpose    string   `json:"purpose,omitempty"`
	Alone      bool     `json:"alone"` // no human is there: an agent acts on its own
}

// String names the kind of person.
func (s Somebody) String() string {
	groups, text := strings.Join(s.Groups, " and "), "anybody"
	switch {
	case s.Alone:
		text = ""
	case s.User != "" && groups != "":
		text = "user " + s.User + " as a member of " + groups
	case s.User != "":
		text = "user " + s.User
	case groups != "":
		text = "members of " + groups
	}
	if len(s.Attributes) > 0 {
		text += " with " + strings.Join(s.Attributes, " and ")
	}
	if s.Purpose != "" {
		text += " for purpose " + s.Purpose
	}
	return strings.TrimSpace(text)
}

// something is a value or group that no policy names: it matters whether there is any.
const something = "(any)"

// anonymous is the id of somebody who is no user in particular: no token has it.
const anonymous = "\x00"

// principal is the call that the agent makes for somebody, as the side knows both; nil: it would not be heard.
func (s Side) principal(agent string, who Somebody) *identity.Principal {
	i := slices.IndexFunc(s.Agents, func(a identity.Agent) bool { return a.ID == agent })
	if i < 0 {
		return nil
	}
	p := &identity.Principal{Agent: s.Agents[i], Purpose: who.Purpose}
	if !who.Alone {
		p.User = &identity.User{Identity: s.user(who)}
	}
	if !p.Agent.May(p.Mode()) {
		return nil
	}
	return p
}

// user is what the side knows of the user, and what else somebody is.
func (s Side) user(who Somebody) identity.Identity {
	out := identity.Identity{Kind: identity.KindUser, ID: who.User, Attributes: map[string][]string{}}
	if who.User == "" {
		out.ID = anonymous
	}
	if i := slices.IndexFunc(s.Users, func(u identity.Identity) bool { return u.ID == who.User }); i >= 0 {
		out.Groups = slices.Clone(s.Users[i].Groups)
		for name, values := range s.Users[i].Attributes {
			out.Attributes[name] = slices.Clone(values)
		}
	}
	for _, g := range who.Groups {
		out.Groups = appendOnce(out.Groups, g)
	}
	for _, a := range who.Attributes {
		name, value, _ := strings.Cut(a, "=")
		out.Attributes[name] = appendOnce(out.Attributes[name], value)
	}
	return out
}

// includes reports whether the other, as both sides know them, is one of this kind of person.
func (s Somebody) includes(other Somebody, before, after *identity.Principal) bool {
	if s.Alone != other.Alone || s.Purpose != "" && s.Purpose != other.Purpose || s.User != "" && s.User != other.User {
		return false
	}
	for _, p := range []*identity.Principal{before, after} {
		if p == nil {
			continue
		}
		judged := p.Judged()
		for _, g := range s.Groups {
			if !judged.In(g) && (g != something || len(judged.Groups) == 0) {
				return false
			}
		}
		for _, a := range s.Attributes {
			name, value, _ := strings.Cut(a, "=")
			if !judged.Has(name, value) && (value != something || len(judged.Attributes[name]) == 0) {
				return false
			}
		}
	}
	return true
}

// How many combinations of groups and attributes are tried on one table: all of them up to 12, pairs beyond 90. For
// each user that a policy names, fewer.
const (
	mostCombined     = 4096
	mostOfNamedUsers = 256
)

// somebodies are the kinds of people that the tables' policies tell apart; those who are less come first. users are
// those that are asked for in any case.
func somebodies(users []string, tables ...entitlements.TableView) (out []Somebody) {
	var facts, named []string
	purposes := []string{""}
	for _, t := range tables {
		eachTerm(t, func(term entitlements.Term) {
			switch {
			case term.Word == "user":
				named = appendOnce(named, term.Name)
			case term.Word == "purpose":
				purposes = appendOnce(purposes, term.Name)
			case term.Word == "attribute",
				term.Word == "group" && term.Name != identity.AllUsers && term.Name != identity.AllAgents:
				facts = appendOnce(facts, term.String())
			}
		})
		for _, variable := range conditionVariables(t) {
			if name, ok := strings.CutPrefix(variable, expression.AttributePrefix); ok {
				facts = appendOnce(facts, "attribute:"+name+"="+something)
			} else if variable == expression.UserGroups {
				facts = appendOnce(facts, "group:"+something)
			}
		}
	}
	slices.Sort(facts)
	slices.Sort(named)
	slices.Sort(purposes)
	add := func(s Somebody, facts []string) {
		s.Groups, s.Attributes = []string{}, []string{}
		for _, f := range facts {
			if g, ok := strings.CutPrefix(f, "group:"); ok {
				s.Groups = append(s.Groups, g)
			} else {
				s.Attributes = append(s.Attributes, strings.TrimPrefix(f, "attribute:"))
			}
		}
		for _, s.Purpose = range purposes {
			out = append(out, s)
		}
	}
	add(Somebody{Alone: true}, nil)
	combinations(facts, mostCombined, func(some []string) { add(Somebody{}, some) })
	for _, u := range users {
		if !slices.Contains(named, u) {
			add(Somebody{User: u}, nil)
		}
	}
	for _, u := range named {
		combinations(facts, mostOfNamedUsers, func(some []string) { add(Somebody{User: u}, some) })
	}
	return out
}

// conditionVariables are what the conditions of masks ask of whoever is judged. For those who have no value, a mask
// takes every cell.
func conditionVariables(t entitlements.TableView) (out []string) {
	for _, c := range t.Columns {
		for _, m := range c.Masks {
			for _, part := range m.When {
				if part.Variable != "" {
					out = appendOnce(out, part.Variable)
				}
			}
		}
	}
	return out
}

// eachTerm calls do for every term in what the policies say of the table.
func eachTerm(t entitlements.TableView, do func(entitlements.Term)) {
	each := func(m *entitlements.Matcher) {
		if m != nil {
			m.Each(do)
		}
	}
	for _, g := range t.Grants {
		each(g.To)
	}
	for _, g := range t.Guardrails {
		each(g.Require)
	}
	for _, f := range t.Filters {
		each(f.Scope.Only)
		each(f.Scope.Except)
	}
	for _, c := range t.Columns {
		for _, m := range c.Masks {
			each(m.Scope.Only)
			each(m.Scope.Except)
		}
	}
}

// combinations calls do for the sets that can be made of the items: none, each, each two, and so on as long as there
// are not too many; up to two in any case.
func combinations(items []string, most int, do func([]string)) {
	done := 0
	for size, count := 0, 1; size <= len(items) && (size <= 2 || done+count <= most); size++ {
		combine(items, size, nil, do)
		done += count
		count = count * (len(items) - size) / (size + 1)
	}
}

func combine(items []string, size int, chosen []string, do func([]string)) {
	if size == 0 {
		do(chosen)
		return
	}
	for i := 0; i+size <= len(items); i++ {
		combine(items[i+1:], size-1, append(slices.Clone(chosen), items[i]), do)
	}
}
