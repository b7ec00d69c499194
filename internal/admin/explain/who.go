package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"deputy/identity"
	"deputy/internal/admin"
	"deputy/internal/config"
)

// Who describes the caller that is asked about, as flags do. A nil user, group list or attribute list was not given.
type Who struct {
	User       *string
	Groups     []string
	Attributes []string // name=value
	Agent      string   // empty: the one agent that may act so
	Autonomous bool     // the agent acts on its own, as without a user
	Purpose    string
}

// described reports whether anything is said of a human.
func (w Who) described() bool { return w.User != nil || w.Groups != nil || w.Attributes != nil }

// principal is the caller, if there could be a call of theirs.
func (w Who) principal(cfg *config.Config) (who identity.Principal, err error) {
	mode := identity.Autonomous
	if w.described() {
		mode = identity.OnBehalfOf
	}
	if who.Agent, err = agentNamed(cfg, w.Agent, mode); err != nil {
		return who, err
	}
	who.Purpose = w.Purpose
	if w.Autonomous && w.described() {
		return who, admin.Usagef(
			"an agent on its own has no user: leave out --autonomous, or --user, --groups and --attributes")
	}
	if w.described() {
		if who.User, err = w.user(cfg); err != nil {
			return who, err
		}
	}
	if !who.Agent.May(mode) {
		hint := "say for whom with --user"
		if mode == identity.OnBehalfOf {
			hint = "leave out --user, --groups and --attributes"
		}
		return who, fmt.Errorf("every such call is refused: the modes of agent %s are %v, not %s: %s",
			who.Agent.ID, who.Agent.Modes, mode, hint)
	}
	return who, nil
}

// user is the human as the configuration and the description together have them.
func (w Who) user(cfg *config.Config) (*identity.User, error) {
	id := "(somebody)" // no token can say so: what a policy says of one user is not said of them
	if w.User != nil {
		id = *w.User
	}
	user := identity.UserConfig{ID: id, Attributes: map[string]identity.Values{}}
	var ids []string
	for _, u := range cfg.Identity.Users {
		ids = append(ids, u.ID)
		if u.ID == id {
			user.Groups = slices.Clone(u.Groups)
			for name, values := range u.Attributes {
				user.Attributes[name] = slices.Clone(values)
			}
		}
	}
	if id == "" {
		return nil, admin.Usagef("--user is empty: leave it out for the agent on its own")
	}
	if !slices.Contains(ids, id) && w.Groups == nil && w.Attributes == nil {
		return nil, fmt.Errorf(
			"the configuration says nothing of user %s%s\nOf somebody whom only the issuer knows, say what the token says with --groups and --attributes (--groups '' for none)",
			id,
			admin.Near(id, ids),
		)
	}
	user.Groups = append(user.Groups, w.Groups...)
	for _, a := range w.Attributes {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, admin.Usagef(
				"--attributes %s: write name=value, and the name again for another value: region=EU,region=US", a)
		}
		user.Attributes[name] = append(user.Attributes[name], value)
	}
	i, err := user.Identity()
	if err != nil {
		return nil, admin.Usage(err)
	}
	return &identity.User{Identity: i}, nil
}

// agentNamed is the registered agent; when one alone may act in the mode it need not be named.
func agentNamed(cfg *config.Config, name string, mode identity.Mode) (identity.Agent, error) {
	agents := cfg.Registry().Agents()
	if name == "" && len(agents) > 1 {
		agents = slices.DeleteFunc(agents, func(a identity.Agent) bool { return !a.May(mode) })
	}
	if name == "" && len(agents) == 1 {
		return agents[0], nil
	}
	var names []string
	for _, a := range agents {
		if a.ID == name {
			return a, nil
		}
		names = append(names, a.ID)
	}
	switch {
	case len(names) == 0:
		return identity.Agent{}, fmt.Errorf("no agent may act in mode %s", mode)
	case name == "":
		return identity.Agent{}, admin.Usagef("say through which agent with --agent: one of %s", strings.Join(names, ", "))
	}
	return identity.Agent{}, fmt.Errorf(
		"there is no agent %s%s",
		name,
		cmp.Or(admin.Near(name, names), ": those registered are "+strings.Join(names, ", ")),
	)
}
