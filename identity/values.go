package identity

import (
	"fmt"
	"maps"
	"slices"

	"deputy/internal/mistake"
)

// identityOf builds one party from what the configuration says of it at a key.
func identityOf(
	kind Kind,
	id string,
	groups []string,
	attributes map[string]Values,
	key string,
	wrong *Problems,
) Identity {
	for i, group := range groups {
		switch key := mistake.At(key+".groups", i); group {
		case "":
			wrong.Add(key, "there is no value: write the name of a group")
		case AllUsers, AllAgents:
			wrong.Add(key, "the group %s is built in: all who belong to it are in it, so leave it out", group)
		}
	}
	identity := Identity{Kind: kind, ID: id, Groups: union(nil, groups), Attributes: map[string][]string{}}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		values, key := attributes[name], mistake.Below(key+".attributes", name)
		switch {
		case name == "":
			wrong.Add(key, "an attribute has no name: write NAME: VALUE")
		case len(values) == 0 || slices.Contains(values, ""):
			wrong.Add(key, "the attribute has no value: write one or several, or leave it out")
		}
		identity.Attributes[name] = union(nil, values)
	}
	return identity
}

// Identity is what the configuration says of the user; a token may add to it.
func (u UserConfig) Identity() (Identity, error) {
	var wrong Problems
	return identityOf(KindUser, u.ID, u.Groups, u.Attributes, fmt.Sprintf("user %q", u.ID), &wrong), wrong.Err()
}

// union adds to a those of b that are not in it yet. The result shares no memory with b.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
