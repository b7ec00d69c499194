// Package expectation reads the sentences in which administrators say what somebody should see, and holds them against
// what that somebody really sees:
//
//	taylor (Marketing, region=US-EAST) via marketing-agent: sales.orders.lastname is masked with hash, sees 2 rows
//
// A sentence says who, and behind the colon what is expected, with commas between.
package expectation

import (
	"fmt"
	"slices"
	"strings"

	"deputy/identity"
)

// Test is one sentence, or several about the same caller.
type Test struct {
	Who     Who
	Clauses []Clause
}

// Who is a caller that nobody has to verify: it is supposed.
type Who struct {
	Text       string // as it was written
	User       string // empty: the agent acts on its own
	Groups     []string
	Attributes map[string]identity.Values // beside those that the configuration knows
	Agent      string
	Purpose    string
	Platform   string // empty: whichever has the table
}

// Clause is one thing that is expected. Kind says which of the other fields are set.
type Clause struct {
	Line   int
	Text   string
	Kind   Kind
	Table  []string // schema and name, or the name alone
	Column string   // of a clause about one
	Rows   int      // of Sees
	Via    string   // of Via: user, agent, both
	Mask   string   // of Masked and PartlyMasked: the kind of mask, if it matters
	Policy string   // of the same: its name, if it matters
}

// Sentence is a clause with its caller, as it would stand alone.
func (t Test) Sentence(c Clause) string { return t.Who.Text + ": " + c.Text }

// Kind is what a clause is about.
type Kind string

// The kinds of clauses, in the words that a test is written in.
const (
	Open         Kind = "open"
	Denied       Kind = "denied"
	Clear        Kind = "clear"
	Masked       Kind = "masked"        // every cell
	PartlyMasked Kind = "partly masked" // the cells of some rows
	Sees         Kind = "sees"
	Via          Kind = "via"
)

// Principal is the caller as policies would see it.
func (w Who) Principal(agents []identity.Agent, users []identity.UserConfig) (identity.Principal, error) {
	p := identity.Principal{Purpose: w.Purpose}
	i := slices.IndexFunc(agents, func(a identity.Agent) bool { return a.ID == w.Agent })
	if i < 0 {
		var names []string
		for _, a := range agents {
			names = append(names, a.ID)
		}
		return p, fmt.Errorf("there is no agent %s: registered are %s", w.Agent, strings.Join(names, ", "))
	}
	p.Agent = agents[i]
	if w.User != "" {
		user, err := w.supposed(users).Identity()
		if err != nil {
			return p, err
		}
		p.User = &identity.User{Identity: user, Subject: w.User}
	}
	if !p.Agent.May(p.Mode()) {
		return p, fmt.Errorf("agent %s may not act in mode %s: its modes are %v", w.Agent, p.Mode(), p.Agent.Modes)
	}
	return p, nil
}

// supposed is the user with what the configuration knows and what the sentence adds, as a token would.
func (w Who) supposed(users []identity.UserConfig) identity.UserConfig {
	out := identity.UserConfig{ID: w.User, Groups: slices.Clone(w.Groups), Attributes: map[string]identity.Values{}}
	for name, values := range w.Attributes {
		out.Attributes[name] = slices.Clone(values)
	}
	for _, u := range users {
		if u.ID != w.User {
			continue
		}
		out.Groups = append(out.Groups, u.Groups...)
		for name, values := range u.Attributes {
			out.Attributes[name] = append(out.Attributes[name], values...)
		}
	}
	return out
}
