package expectation

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// UnmarshalYAML takes a sentence. Where YAML reads its colon as the end of a key, it takes that, with one text or a
// list of them.
func (t *Test) UnmarshalYAML(n *yaml.Node) error {
	*t = Test{}
	who, expected, err := takeApart(n)
	if err != nil {
		return err
	}
	if t.Who, err = parseWho(who.Value); err != nil {
		return wrong(who, err)
	}
	var table []string
	for _, e := range expected {
		if e.Kind != yaml.ScalarNode || strings.TrimSpace(e.Value) == "" {
			return wrong(e, fmt.Errorf("what is expected is missing here: %s", clauseGrammar))
		}
		clauses, err := parseClauses(e.Value, table)
		if err != nil {
			return wrong(e, err)
		}
		for i := range clauses {
			clauses[i].Line = e.Line
		}
		t.Clauses, table = append(t.Clauses, clauses...), clauses[len(clauses)-1].Table
	}
	return nil
}

// takeApart returns what says who calls, and what says what is expected then, each where it stands in the file.
func takeApart(n *yaml.Node) (who *yaml.Node, expected []*yaml.Node, err error) {
	const sentence = "taylor via marketing-agent: sales.orders is open"
	switch {
	case n.Kind == yaml.ScalarNode:
		before, after, found := strings.Cut(n.Value, ": ")
		if !found {
			return nil, nil, wrong(
				n,
				fmt.Errorf("%q does not say what is expected: write it behind a colon and a space, such as %s", n.Value, sentence),
			)
		}
		who, what := *n, *n
		who.Value, what.Value = before, after
		return &who, []*yaml.Node{&what}, nil
	case n.Kind != yaml.MappingNode || len(n.Content) != 2:
		return nil, nil, wrong(n, fmt.Errorf("one sentence belongs here, such as %s", sentence))
	case n.Content[1].Kind == yaml.SequenceNode && len(n.Content[1].Content) > 0:
		return n.Content[0], n.Content[1].Content, nil
	}
	return n.Content[0], n.Content[1:], nil
}

// wrong puts an error where its cause stands.
func wrong(n *yaml.Node, err error) error {
	at := yaml.Mark{Line: n.Line, Column: n.Column}
	return &yaml.LoadErrors{Errors: []*yaml.LoadError{yaml.NewLoadError(yaml.ConstructorStage, err.Error(), at, err)}}
}
