package form

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/expectation"
	"deputy/internal/mistake"
)

// The readers of selectors, tags, matchers, attribute values and tests.

const maxNesting = 16 // of matchers

func readValues(n *yaml.Node) (any, error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	values := make(identity.Values, 0, len(items))
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || isNull(item) {
			return nil, wrong(n, "one value or a list of them belongs here")
		}
		values = append(values, item.Value)
	}
	return values, nil
}

func readSelectors(n *yaml.Node) (any, error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	out := entitlements.Selectors{}
	for _, item := range items {
		if item.Kind == yaml.MappingNode && len(item.Content) == 2 && item.Content[0].Value == "tag" {
			return nil, wrong(item, "write tag:NAME, without a space behind the colon")
		}
		s, err := word(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func readTags(n *yaml.Node) (any, error) {
	var tags entitlements.Tags
	err := each(n, func(key string, _, v *yaml.Node) error {
		selectors, err := readSelectors(v)
		if err == nil {
			tags = append(tags, entitlements.Tag{Name: key, Selectors: selectors.(entitlements.Selectors)})
		}
		return err
	})
	return tags, err
}

// readMatcher takes a term, a list of which any may hold, or {all: …}, {any: …}, {not: …}.
func readMatcher(n *yaml.Node) (any, error) { return readNested(n, 0) }

func readNested(n *yaml.Node, depth int) (m entitlements.Matcher, err error) {
	switch {
	case depth == maxNesting:
		return m, wrong(n, "matchers are nested too deep")
	case n.Kind == yaml.SequenceNode:
		list, err := readList(n, depth)
		return entitlements.AnyOf(list...), err
	case n.Kind == yaml.MappingNode:
		return readJoined(n, depth)
	}
	s, err := word(n)
	if err != nil {
		return m, err
	}
	one, err := entitlements.Match(s)
	if err != nil {
		return m, wrong(n, "%w", err)
	}
	return *one, nil
}

func readList(n *yaml.Node, depth int) ([]entitlements.Matcher, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, wrong(n, "a list of matchers belongs here, not %s", shapeOf(n))
	}
	if len(n.Content) == 0 {
		return nil, wrong(n, "the list is empty: name at least one")
	}
	var list []entitlements.Matcher
	for _, item := range n.Content {
		m, err := readNested(item, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func readJoined(n *yaml.Node, depth int) (m entitlements.Matcher, err error) {
	err = each(n, func(key string, k, v *yaml.Node) (err error) {
		var list []entitlements.Matcher
		switch key {
		case "all":
			list, err = readList(v, depth)
			m = entitlements.AllOf(list...)
		case "any":
			list, err = readList(v, depth)
			m = entitlements.AnyOf(list...)
		case "not":
			m, err = readNested(v, depth+1)
			m = entitlements.Not(m)
		case "and", "or":
			return wrong(
				k,
				"a matcher has no key %q: all holds when all in its list do, any or the list alone when one does",
				key,
			)
		default:
			if f := entitlements.TermFormOf(key); f.Word != "" && !f.Alone {
				return wrong(k, "write %s:NAME, without a space behind the colon", key)
			}
			known := []string{"all", "any", "not"}
			return wrong(k, "a matcher has no key %q%s (known: all, any, not)", key, mistake.Hint(key, known))
		}
		return err
	})
	if err == nil && len(n.Content) != 2 {
		err = wrong(n, "write exactly one of all, any, not here")
	}
	return m, err
}

// termPattern is a term as the schema has it.
func termPattern() string {
	var alone, before, others []string
	for _, f := range entitlements.TermForms() {
		switch {
		case f.Alone:
			alone = append(alone, f.Word)
		case f.Valued:
			others = append(others, valued(f.Word))
		case f.Names != nil:
			others = append(others, f.Word+`:(`+strings.Join(f.Names, "|")+`)`)
		default:
			before = append(before, f.Word)
		}
	}
	alone = append(alone, `(`+strings.Join(before, "|")+`):`+plain)
	return `(` + strings.Join(append(alone, others...), "|") + `)`
}

// valued is a term with a name and a value.
func valued(word string) string { return word + `:[^=\s]([^=]*[^=\s])?=` + plain }

// termDoc says which terms ask about whom.
func termDoc() string {
	var judged, agent []string
	for _, f := range entitlements.TermForms() {
		if f.AboutAgent {
			agent = append(agent, f.Write...)
		} else {
			judged = append(judged, f.Write...)
		}
	}
	return strings.Join(judged, ", ") + " ask about the identity being judged; " +
		strings.Join(agent, ", ") + " about the acting agent and the call."
}

// readSentence takes a sentence. Where YAML reads its colon as the end of a key, it takes that, with one text or a list
// of them.
func readSentence(n *yaml.Node) (any, error) {
	var test expectation.Test
	who, expected, err := takeApart(n)
	if err != nil {
		return nil, err
	}
	if test.Who, err = expectation.ParseWho(who.Value); err != nil {
		return nil, wrong(who, "%w", err)
	}
	for _, e := range expected {
		if e.Kind != yaml.ScalarNode {
			e = &yaml.Node{Line: e.Line, Column: e.Column}
		}
		if err := test.Expect(e.Value, e.Line); err != nil {
			return nil, wrong(e, "%w", err)
		}
	}
	return test, nil
}

// takeApart returns what says who calls, and what says what is expected then, each where it stands in the file.
func takeApart(n *yaml.Node) (who *yaml.Node, expected []*yaml.Node, err error) {
	switch {
	case n.Kind == yaml.ScalarNode:
		before, after, found := strings.Cut(n.Value, ": ")
		if !found {
			return nil, nil, wrong(n, "%w", expectation.NoColon(n.Value))
		}
		who, what := *n, *n
		who.Value, what.Value = before, after
		return &who, []*yaml.Node{&what}, nil
	case n.Kind != yaml.MappingNode || len(n.Content) != 2:
		return nil, nil, wrong(n, "one sentence belongs here, such as %s", expectation.Example)
	case n.Content[1].Kind == yaml.SequenceNode && len(n.Content[1].Content) > 0:
		return n.Content[0], n.Content[1].Content, nil
	}
	return n.Content[0], n.Content[1:], nil
}
