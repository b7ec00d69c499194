package identity

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// UnmarshalYAML reads a list of scalars, or one alone. Values are kept as they are written: 007 stays "007".
func (v *Values) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	values := make(Values, 0, len(items))
	for _, item := range items {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			return fmt.Errorf("line %d: want a value or a list of values", item.Line)
		}
		values = append(values, item.Value)
	}
	*v = values
	return nil
}

// identityOf builds one party from what the configuration says of it.
func identityOf(kind Kind, id string, groups []string, attributes map[string]Values) (Identity, error) {
	if slices.Contains(groups, "") {
		return Identity{}, fmt.Errorf("a group has no name")
	}
	for _, builtin := range []string{AllUsers, AllAgents} {
		if slices.Contains(groups, builtin) {
			return Identity{}, fmt.Errorf("the group %s is built in: nobody is put into it", builtin)
		}
	}
	identity := Identity{Kind: kind, ID: id, Groups: union(nil, groups), Attributes: map[string][]string{}}
	for name, values := range attributes {
		if name == "" || len(values) == 0 || slices.Contains(values, "") {
			return Identity{}, fmt.Errorf("attribute %q has no value", name)
		}
		identity.Attributes[name] = union(nil, values)
	}
	return identity, nil
}

// Identity is what the configuration says of the user; a token may add to it.
func (u UserConfig) Identity() (Identity, error) {
	i, err := identityOf(KindUser, u.ID, u.Groups, u.Attributes)
	if err != nil {
		return Identity{}, fmt.Errorf("user %q: %w", u.ID, err)
	}
	return i, nil
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
