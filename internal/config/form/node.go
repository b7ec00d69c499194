package form

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// What the readers of policies' values, which have a grammar of their own, know of YAML.

// nodeError is an error with the node that it is about.
type nodeError struct {
	at *yaml.Node
	error
}

func (e *nodeError) Unwrap() error { return e.error }

func wrong(n *yaml.Node, format string, args ...any) error {
	return &nodeError{n, fmt.Errorf(format, args...)}
}

func isNull(n *yaml.Node) bool { return n.ShortTag() == "!!null" }

// word is the scalar as it was written: true, 12 and 2026-01-01 are words too.
func word(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", wrong(n, "one word belongs here, not %s", shapeOf(n))
	case isNull(n):
		return "", wrong(n, "there is no value: give one or leave the key out")
	}
	return n.Value, nil
}

// each calls do for every key of a mapping.
func each(n *yaml.Node, do func(key string, k, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return wrong(n, "keys with values belong here, not %s", shapeOf(n))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := do(n.Content[i].Value, n.Content[i], n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// into is where the values of keys go, by their names.
type into map[string]func(*yaml.Node) error

// readKeys reads a mapping that has the keys of a section.
func readKeys(n *yaml.Node, what string, s *Section, to into) error {
	return each(n, func(name string, k, v *yaml.Node) error {
		if known := s.names(); !slices.Contains(known, name) {
			hint := mistake.Hint(name, known)
			return wrong(k, "%s has no key %q%s (known: %s)", what, name, hint, strings.Join(known, ", "))
		}
		return to[name](v)
	})
}

// put is a function that reads a node and keeps the result.
func put[T any](to *T, read func(*yaml.Node) (T, error)) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = read(n)
		return err
	}
}
