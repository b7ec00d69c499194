package review

import (
	"maps"
	"reflect"
	"slices"

	"deputy/entitlements"
	"deputy/identity"
)

// Side is one of two configurations that are compared, compiled for the same catalogs.
type Side struct {
	Agents    []identity.Agent
	Users     []identity.Identity // that the configuration says something of
	Platforms map[string]*entitlements.Entitlements
}

// Change is one thing that somebody gains or loses.
type Change struct {
	Who      Somebody `json:"who"`
	Agents   []string `json:"agents"`    // through whom; of an agent on its own, which
	AnyAgent bool     `json:"any_agent"` // those are all there are
	Platform string   `json:"platform"`
	Table    string   `json:"table"`
	Effect
}

// Diff says who gains and who loses what when one configuration takes the place of the other. It decides for everybody
// whom the policies on a table tell apart: each combination of the groups and attributes they ask about (all of them
// where there are few, else the small ones), each user that either configuration names, each purpose; through each
// agent, and each agent on its own. What is said of somebody is not said again of those who are in more groups besides.
func Diff(old, new Side) []Change {
	d := &differ{old: old, new: new, changes: []Change{}}
	for _, a := range slices.Concat(old.Agents, new.Agents) {
		d.agents = appendOnce(d.agents, a.ID)
	}
	for _, u := range slices.Concat(old.Users, new.Users) {
		d.users = appendOnce(d.users, u.ID)
	}
	var platforms []string
	for platform := range maps.Keys(old.Platforms) {
		platforms = append(platforms, platform)
	}
	for platform := range maps.Keys(new.Platforms) {
		platforms = appendOnce(platforms, platform)
	}
	slices.Sort(d.agents)
	slices.Sort(d.users)
	slices.Sort(platforms)
	for _, platform := range platforms {
		d.platform(platform, old.Platforms[platform], new.Platforms[platform])
	}
	return d.changes
}

type differ struct {
	old, new Side
	agents   []string // that either configuration has
	users    []string // that either configuration names
	changes  []Change
}

// platform compares its tables. A side that does not have it opens none of them.
func (d *differ) platform(platform string, old, new *entitlements.Entitlements) {
	if old == nil {
		old = &entitlements.Entitlements{}
	}
	if new == nil {
		new = &entitlements.Entitlements{}
	}
	names := slices.Concat(old.Tables(), new.Tables())
	slices.SortFunc(names, entitlements.TableName.Compare)
	for _, name := range slices.Compact(names) {
		d.table(platform, name, old, new)
	}
}

// said is an effect on somebody through an agent that is in the answer already.
type said struct {
	agent string
	who   Somebody
}

func (d *differ) table(platform string, name entitlements.TableName, old, new *entitlements.Entitlements) {
	a, _ := old.View(name)
	b, _ := new.View(name)
	same := a.Same(b)
	known := map[Effect][]said{}
	for _, s := range somebodies(d.users, a, b) {
		found := map[Effect][]string{}
		acting := 0
		for _, agent := range d.agents {
			before, after := d.old.principal(agent, s), d.new.principal(agent, s)
			if before == nil && after == nil {
				continue
			}
			acting++
			if same && reflect.DeepEqual(before, after) {
				continue
			}
			for _, e := range effects(seen(old, before, name), seen(new, after, name), differentlyJudged(before, after)) {
				if !slices.ContainsFunc(
					known[e.thing()],
					func(k said) bool { return k.agent == agent && k.who.includes(s, before, after) },
				) {
					found[e] = append(found[e], agent)
				}
			}
		}
		for _, e := range slices.SortedFunc(maps.Keys(found), compareEffects) {
			for _, agent := range found[e] {
				known[e.thing()] = append(known[e.thing()], said{agent, s})
			}
			d.changes = append(d.changes, Change{s, found[e], len(found[e]) == acting, platform, name.String(), e})
		}
	}
}

// sight is what somebody has of a table on one side.
type sight struct {
	access       *entitlements.Access
	discoverable bool
}

// seen decides for a principal; one that the side does not know has nothing.
func seen(e *entitlements.Entitlements, who *identity.Principal, name entitlements.TableName) sight {
	if who == nil {
		return sight{}
	}
	access, denial := e.Decide(*who, name)
	if denial != nil {
		return sight{discoverable: denial.Requestable}
	}
	return sight{access: &access}
}

// differentlyJudged reports whether the two configurations know different things of the one who is judged: then the
// values that filters compare with are part of what changes.
func differentlyJudged(before, after *identity.Principal) bool {
	return before != nil && after != nil && !reflect.DeepEqual(before.Judged(), after.Judged())
}
