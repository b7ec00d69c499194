package entitlements

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// The types of this package read their own YAML nodes, since every mistake must be named with its line, and since a
// YAML null (with: null) never reaches the decoder of a pointer.

const maxNesting = 16 // of matchers; also ends aliases that contain themselves

func wrong(n *yaml.Node, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	at := yaml.Mark{Line: n.Line, Column: n.Column}
	return &yaml.LoadErrors{Errors: []*yaml.LoadError{yaml.NewLoadError(yaml.ConstructorStage, err.Error(), at, err)}}
}

func target(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && i < maxNesting; i++ {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.ShortTag() == "!!null" }

// text is the scalar as it was written: true, 12 and 2026-01-01 are words too.
func text(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", wrong(n, "one word belongs here, not %s", form(n))
	case isNull(n):
		return "", wrong(n, "there is no value: give one or leave the key out")
	}
	return n.Value, nil
}

func form(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "one word"
}

// each calls do for every key of a mapping, and refuses keys written twice.
func each(n *yaml.Node, do func(key string, k, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return wrong(n, "keys with values belong here, not %s", form(n))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], target(n.Content[i+1])
		key, err := text(target(k))
		if err != nil {
			return err
		}
		if seen[key] {
			return wrong(k, "key %q is there twice", key)
		}
		seen[key] = true
		if err := do(key, k, v); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalYAML reads a policy and refuses keys that it does not have.
func (p *Policy) UnmarshalYAML(n *yaml.Node) error {
	*p = Policy{}
	return readKeys(target(n), "a policy", []key{
		{"name", into(&p.Name, text)},
		{"platform", into(&p.Platform, text)},
		{"grant", into(&p.Grant, readSelectors)},
		{"guardrail", into(&p.Guardrail, readSelectors)},
		{"mask", into(&p.Mask, readSelectors)},
		{"filter", into(&p.Filter, readSelectors)},
		{"to", into(&p.To, readMatcher)},
		{"require", into(&p.Require, readMatcher)},
		{"for", into(&p.For, readMatcher)},
		{"except", into(&p.Except, readMatcher)},
		{"with", into(&p.With, readMask)},
		{"when", into(&p.When, sqlText)},
		{"where", into(&p.Where, sqlText)},
		{"match", into(&p.Match, readMatch)},
		{"within", into(&p.Within, readWithin)},
		{"sample", into(&p.Sample, readSample)},
	})
}

// key is one that a mapping may have.
type key struct {
	name string
	read func(*yaml.Node) error
}

// readKeys reads a mapping of which all keys are known.
func readKeys(n *yaml.Node, what string, keys []key) error {
	return each(n, func(name string, k, v *yaml.Node) error {
		var known []string
		for _, f := range keys {
			if f.name == name {
				return f.read(v)
			}
			known = append(known, f.name)
		}
		return wrong(k, "%s has no key %q%s (known: %s)", what, name, mistake.Hint(name, known), strings.Join(known, ", "))
	})
}

// sqlText is SQL that somebody wrote; an empty one would mean something else than none.
func sqlText(n *yaml.Node) (string, error) {
	s, err := text(n)
	if err == nil && strings.TrimSpace(s) == "" {
		err = wrong(n, "it is empty: write an expression")
	}
	return s, err
}

func into[T any](to *T, read func(*yaml.Node) (T, error)) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = read(n)
		return err
	}
}

// UnmarshalYAML takes a list of words, or one word.
func (s *Selectors) UnmarshalYAML(n *yaml.Node) (err error) {
	*s, err = readSelectors(target(n))
	return err
}

func readSelectors(n *yaml.Node) (Selectors, error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	out := Selectors{}
	for _, item := range items {
		item = target(item)
		if item.Kind == yaml.MappingNode && len(item.Content) == 2 && item.Content[0].Value == "tag" {
			return nil, wrong(item, "write tag:NAME, without a space behind the colon")
		}
		s, err := text(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// UnmarshalYAML takes a mapping of tag to selectors.
func (t *Tags) UnmarshalYAML(n *yaml.Node) error {
	*t = nil
	return each(target(n), func(key string, k, v *yaml.Node) error {
		selectors, err := readSelectors(v)
		*t = append(*t, Tag{Name: key, Selectors: selectors})
		return err
	})
}

// UnmarshalYAML takes a term, a list of which any may hold, or {all: …}, {any: …}, {not: …}.
func (m *Matcher) UnmarshalYAML(n *yaml.Node) error { return read(m, n, readMatcher) }

func readMatcher(n *yaml.Node) (*Matcher, error) { return readNested(n, 0) }

func readNested(n *yaml.Node, depth int) (*Matcher, error) {
	n = target(n)
	switch {
	case depth == maxNesting:
		return nil, wrong(n, "matchers are nested too deep")
	case n.Kind == yaml.SequenceNode:
		list, err := readList(n, depth)
		return &Matcher{any: list}, err
	case n.Kind == yaml.MappingNode:
		return readJoined(n, depth)
	}
	s, err := text(n)
	if err != nil {
		return nil, err
	}
	m, err := Match(s)
	if err != nil {
		return nil, wrong(n, "%w", err)
	}
	return m, nil
}

func readList(n *yaml.Node, depth int) ([]Matcher, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, wrong(n, "a list of matchers belongs here, not %s", form(n))
	}
	if len(n.Content) == 0 {
		return nil, wrong(n, "the list is empty: name at least one")
	}
	var list []Matcher
	for _, item := range n.Content {
		m, err := readNested(item, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, *m)
	}
	return list, nil
}

func readJoined(n *yaml.Node, depth int) (*Matcher, error) {
	var m Matcher
	err := each(n, func(key string, k, v *yaml.Node) (err error) {
		switch key {
		case "all":
			m.all, err = readList(v, depth)
		case "any":
			m.any, err = readList(v, depth)
		case "not":
			m.not, err = readNested(v, depth+1)
		case "group", "user", "agent", "agent-group", "attribute", "mode", "purpose":
			return wrong(k, "write %s:NAME, without a space behind the colon", key)
		case "and", "or":
			return wrong(
				k,
				"a matcher has no key %q: all holds when all in its list do, any or the list alone when one does",
				key,
			)
		default:
			return wrong(
				k,
				"a matcher has no key %q%s (known: all, any, not)",
				key,
				mistake.Hint(key, []string{"all", "any", "not"}),
			)
		}
		return err
	})
	if err == nil && len(n.Content) != 2 {
		err = wrong(n, "write exactly one of all, any, not here")
	}
	return &m, err
}
