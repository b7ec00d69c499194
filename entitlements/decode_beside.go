package entitlements

import "go.yaml.in/yaml/v4"

// Key is one key that a mapping of the file may have, and how its value is read.
type Key = key

// KeyOf is a key whose value is read into a variable.
func KeyOf[T any](name string, to *T, read func(*yaml.Node) (T, error)) Key {
	return key{name, into(to, read)}
}

// ReadKeys reads a mapping of which all keys are known. what is said of it in errors: "a rule".
func ReadKeys(n *yaml.Node, what string, keys []Key) error { return readKeys(target(n), what, keys) }

// ReadList reads a list, one entry after the other.
func ReadList[T any](read func(*yaml.Node) (T, error)) func(*yaml.Node) ([]T, error) {
	return func(n *yaml.Node) ([]T, error) {
		out := []T{}
		if n.Kind != yaml.SequenceNode {
			return nil, wrong(n, "a list belongs here, not %s", form(n))
		}
		for _, item := range n.Content {
			one, err := read(target(item))
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		return out, nil
	}
}

// ReadText reads one word as it was written.
func ReadText(n *yaml.Node) (string, error) { return text(n) }

// ReadSelectors reads a list of selectors, or one.
func ReadSelectors(n *yaml.Node) (Selectors, error) { return readSelectors(n) }

// ReadMatcher reads whom something is about.
func ReadMatcher(n *yaml.Node) (*Matcher, error) { return readMatcher(n) }

// Wrong is a mistake that stands at the node.
func Wrong(n *yaml.Node, format string, args ...any) error { return wrong(n, format, args...) }
