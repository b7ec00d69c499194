package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// Party is an agent or a user of the file.
type Party struct {
	User bool
	ID   string // an agent's name, a user's id
}

func (p Party) String() string {
	if p.User {
		return "user " + p.ID
	}
	return "agent " + p.ID
}

// ByHandError is a change that is left to whoever knows the file.
type ByHandError struct {
	Why   string
	Line  int    // where; 0: nobody can tell
	Write string // what
}

func (e *ByHandError) Error() string {
	where := ""
	if e.Line > 0 {
		where = fmt.Sprintf(", at line %d", e.Line)
	}
	return fmt.Sprintf("%s: nothing was changed\nwrite by hand%s: %s", e.Why, where, e.Write)
}

// Switch disables an agent or a user in the file, or enables them again. It changes the one word, or adds the one line, and leaves the
// rest of the text as it is. The new file takes the place of the old one in one step, and only if it says nothing else than before but
// that, and nothing is wrong with it that was not wrong before. changed is false when it said so already.
func Switch(path string, who Party, disabled bool, getenv func(string) (string, bool)) (changed bool, err error) {
	file, err := openForChange(path)
	if err != nil {
		return false, err
	}
	after, err := switched(file.text, who, disabled)
	if err != nil || bytes.Equal(after, file.text) {
		return false, err
	}
	before := wrongWith(path, file.text, getenv)
	for _, problem := range wrongWith(path, after, getenv) {
		if !slices.ContainsFunc(before, func(p Problem) bool { return p.Message == problem.Message }) {
			return false, fmt.Errorf("with that change the file would not hold, so nothing was changed: %s: %s", problem.Key, problem.Message)
		}
	}
	if err := file.replace(after); err != nil {
		return false, (&editing{who: who, wanted: wanted(disabled)}).byHand(nothing, err.Error())
	}
	return true, nil
}

func wanted(disabled bool) string { return fmt.Sprintf("disabled: %t", disabled) }

func wrongWith(path string, text []byte, getenv func(string) (string, bool)) []Problem {
	_, err := parse(path, text, getenv)
	var wrong *Error
	if errors.As(err, &wrong) {
		return wrong.Problems
	}
	return nil
}

// switched is the text with the change.
func switched(text []byte, who Party, disabled bool) ([]byte, error) {
	root, err := treeOf(text)
	if err != nil {
		return nil, err
	}
	e := &editing{text: text, who: who, wanted: wanted(disabled)}
	parties, id := member(root, "agents"), "name"
	if who.User {
		parties, id = member(member(root, "identity"), "users"), "id"
	}
	found := -1
	for i, item := range parties.Content {
		if name := member(item, id); name.Kind != yaml.ScalarNode || name.Value != who.ID {
			continue
		}
		if found >= 0 {
			return nil, e.byHand(item, "the "+who.String()+" is there twice")
		}
		found = i
	}
	want := plainly(root)
	var after []byte
	switch {
	case found >= 0:
		item := parties.Content[found]
		flag := member(item, "disabled")
		if flag.Kind == 0 && !disabled || flag.Value == fmt.Sprint(disabled) && flag.ShortTag() == "!!bool" {
			return text, nil
		}
		if after, err = e.set(item, id, flag); err != nil {
			return nil, err
		}
		listed(want, who)[found].(map[string]any)["disabled"] = "!!bool " + fmt.Sprint(disabled)
	case !who.User:
		return nil, fmt.Errorf("there is no agent %s in the file%s", who.ID, nearNames(parties, who.ID))
	case !disabled:
		return text, nil // a user of whom the file says nothing
	default:
		if after, err = e.add(root, parties); err != nil {
			return nil, err
		}
		added := map[string]any{"id": "!!str " + who.ID, "disabled": "!!bool true"}
		section, _ := want.(map[string]any)["identity"].(map[string]any)
		section["users"] = append([]any{added}, listed(want, who)...)
	}
	// Whatever was overlooked about how the text is written: it must say now what it is meant to say.
	if changed, err := treeOf(after); err != nil || !reflect.DeepEqual(plainly(changed), want) {
		return nil, e.byHand(parties, "the file is written in a way that is not understood well enough to change it")
	}
	return after, nil
}

func treeOf(text []byte) (*yaml.Node, error) {
	p := &problems{}
	root := loadTree(text, p)
	if root == nil {
		return nil, p.err()
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("the file has no keys")
	}
	return root, nil
}

// nothing is what a key that is not there holds.
var nothing = &yaml.Node{}

func member(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nothing
}

func keyOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
	return nothing
}

// plainly is what a tree says, without how it is written.
func plainly(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = plainly(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			out = append(out, plainly(item))
		}
		return out
	}
	return n.ShortTag() + " " + n.Value
}

// listed are the agents or users of what a tree says.
func listed(said any, who Party) []any {
	top, _ := said.(map[string]any)
	if !who.User {
		list, _ := top["agents"].([]any)
		return list
	}
	section, _ := top["identity"].(map[string]any)
	list, _ := section["users"].([]any)
	return list
}

func nearNames(agents *yaml.Node, name string) string {
	known := map[string]bool{}
	for _, item := range agents.Content {
		known[member(item, "name").Value] = true
	}
	return mistake.Hint(name, slices.Sorted(maps.Keys(known)))
}

// editing is one change of one text.
type editing struct {
	text   []byte
	who    Party
	wanted string // the key and its value
}

func (e *editing) byHand(at *yaml.Node, why string) error {
	write := e.wanted + ", below the name of " + e.who.String()
	if e.who.User {
		write = fmt.Sprintf("{id: %s, %s}, below users: of identity", scalar(e.who.ID), e.wanted)
	}
	return &ByHandError{Why: why, Line: at.Line, Write: write}
}

// set changes the flag of a party that is there, or adds it behind the party's name.
func (e *editing) set(item *yaml.Node, id string, flag *yaml.Node) ([]byte, error) {
	if flag.Kind != 0 {
		start, end, ok := e.token(flag)
		if !ok || flag.ShortTag() != "!!bool" || string(e.text[start:end]) != flag.Value {
			return nil, e.byHand(flag, "what disabled is now is not written as true or false")
		}
		return e.exchange(start, end, strings.TrimPrefix(e.wanted, "disabled: ")), nil
	}
	_, end, ok := e.token(member(item, id))
	if !ok {
		return nil, e.byHand(item, "the name is not written in one piece on one line")
	}
	if item.Style&yaml.FlowStyle != 0 {
		return e.exchange(end, end, ", "+e.wanted), nil
	}
	next, ok := e.lineAfter(end)
	if !ok {
		return nil, e.byHand(item, "something follows the name on its line")
	}
	return e.insert(next, strings.Repeat(" ", keyOf(item, id).Column-1)+e.wanted), nil
}

// add puts a user into the list of whom nothing was said before.
func (e *editing) add(root, users *yaml.Node) ([]byte, error) {
	entry := fmt.Sprintf("{id: %s, %s}", scalar(e.who.ID), e.wanted)
	section := member(root, "identity")
	switch {
	case section.Kind != yaml.MappingNode || len(section.Content) == 0:
		return nil, e.byHand(root, "the file has no section identity")
	case users.Kind == yaml.SequenceNode && users.Style&yaml.FlowStyle != 0:
		start, ok := e.offset(users)
		if !ok || e.text[start] != '[' {
			break
		}
		if len(users.Content) > 0 {
			entry += ", "
		}
		return e.exchange(start+1, start+1, entry), nil
	case section.Style&yaml.FlowStyle != 0:
	case users.Kind == yaml.SequenceNode, users.Kind == yaml.ScalarNode && users.Value == "":
		key := keyOf(section, "users")
		_, end, ok := e.token(key)
		next, alone := e.lineAfter(end + 1)
		if !ok || !alone || e.text[end] != ':' {
			break
		}
		indent := key.Column + 1
		if users.Kind == yaml.SequenceNode {
			indent = users.Column - 1
		}
		return e.insert(next, strings.Repeat(" ", indent)+"- "+entry), nil
	case users.Kind == 0:
		_, end, ok := e.token(keyOf(root, "identity"))
		next, alone := e.lineAfter(end + 1)
		if !ok || !alone || e.text[end] != ':' {
			break
		}
		indent := strings.Repeat(" ", section.Content[0].Column-1)
		return e.insert(next, indent+"users:\n"+indent+"  - "+entry), nil
	}
	return nil, e.byHand(section, "the list of users is written in a way that is not understood well enough to add to it")
}

var (
	restOfLine = regexp.MustCompile(`^[ \t]*(#[^\n]*)?(\r?\n|$)`)
	plainWord  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._@/-]*$`)
	otherWords = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"} // to YAML, in one version or another
)

// scalar is how an id is written.
func scalar(id string) string {
	if plainWord.MatchString(id) && !slices.Contains(otherWords, strings.ToLower(id)) {
		return id
	}
	quoted, _ := json.Marshal(id) // a string always can be
	return string(quoted)
}

// offset is where a node begins.
func (e *editing) offset(n *yaml.Node) (int, bool) {
	at := 0
	for range n.Line - 1 {
		end := bytes.IndexByte(e.text[at:], '\n')
		if end < 0 {
			return 0, false
		}
		at += end + 1
	}
	column := 1
	for i := range string(e.text[at:]) {
		if column == n.Column {
			return at + i, true
		}
		column++
	}
	return 0, false
}

// token is where a scalar begins and ends that is written in one piece.
func (e *editing) token(n *yaml.Node) (start, end int, ok bool) {
	start, ok = e.offset(n)
	if !ok || n.Kind != yaml.ScalarNode || n.Value == "" {
		return 0, 0, false
	}
	quote := ""
	if n.Style&yaml.DoubleQuotedStyle != 0 {
		quote = `"`
	} else if n.Style&yaml.SingleQuotedStyle != 0 {
		quote = `'`
	}
	written := quote + n.Value + quote // with anything escaped in it, it is not that
	return start, start + len(written), strings.HasPrefix(string(e.text[start:]), written)
}

// lineAfter is where the next line begins, if nothing but a comment stands before it.
func (e *editing) lineAfter(at int) (int, bool) {
	if at > len(e.text) {
		return 0, false
	}
	rest := restOfLine.FindIndex(e.text[at:])
	if rest == nil {
		return 0, false
	}
	return at + rest[1], true
}

func (e *editing) exchange(start, end int, with string) []byte {
	return slices.Concat(e.text[:start], []byte(with), e.text[end:])
}

// insert puts lines where a line begins, with the line ends that the text has.
func (e *editing) insert(at int, lines string) []byte {
	end := "\n"
	if bytes.Contains(e.text, []byte("\r\n")) {
		end = "\r\n"
	}
	lines = strings.ReplaceAll(lines, "\n", end) + end
	if at > 0 && e.text[at-1] != '\n' { // the last line has no end
		lines = end + strings.TrimSuffix(lines, end)
	}
	return e.exchange(at, at, lines)
}
