package config

import (
	"encoding"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// decoder walks the YAML tree against the Go types, so that each mistake has a line and a key, and one does not hide
// the next. The library's own decoder would stop early, and repeat values in its errors.
type decoder struct {
	*problems
	getenv  func(string) (string, bool)
	written map[string]place
}

// place is where a key stands and what is written there, before variables are replaced: that much may be shown.
type place struct {
	line int
	text string
}

func (d *decoder) decode(root *yaml.Node, c *Config) {
	d.value(root, reflect.ValueOf(c).Elem(), "", root.Line)
}

// value decodes one node. A section at the top may be empty; elsewhere null is refused, but by types that read their
// own nodes.
func (d *decoder) value(n *yaml.Node, to reflect.Value, path string, line int) {
	if n.Kind == yaml.ScalarNode {
		d.written[path] = place{line, n.Value}
	} else {
		d.written[path] = place{line: line}
	}
	null := n.ShortTag() == "!!null"
	if section := !strings.ContainsAny(path, ".["); section && null {
		return
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		to = to.Elem()
	}
	known := fields(to.Type())
	if own, ok := to.Addr().Interface().(yaml.Unmarshaler); ok && known == nil {
		d.own(n, own, path)
		return
	}
	switch {
	case null:
		d.add(n.Line, path, "there is no value: give one or leave the key out")
	case known != nil:
		d.structure(n, to, known, path)
	case to.Kind() == reflect.Slice:
		d.sequence(n, to, path)
	case to.Kind() == reflect.Map:
		d.mapping(n, to, path)
	default:
		d.scalar(n, to, path)
	}
}

func (d *decoder) structure(n *yaml.Node, to reflect.Value, known []field, path string) {
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node) {
		i := slices.IndexFunc(known, func(f field) bool { return f.key == key.Value })
		if i < 0 {
			d.add(
				key.Line,
				path,
				"unknown key %q%s (known: %s)",
				key.Value,
				mistake.Hint(key.Value, keys(known)),
				strings.Join(keys(known), ", "),
			)
			return
		}
		d.value(value, to.Field(known[i].index), mistake.Below(path, key.Value), key.Line)
	})
}

func (d *decoder) mapping(n *yaml.Node, to reflect.Value, path string) {
	to.Set(reflect.MakeMap(to.Type()))
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node) {
		v := reflect.New(to.Type().Elem()).Elem()
		d.value(value, v, mistake.Below(path, key.Value), key.Line)
		to.SetMapIndex(reflect.ValueOf(key.Value), v)
	})
}

func (d *decoder) pairs(n *yaml.Node, path string, do func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.add(n.Line, path, "keys with values belong here, not %s", form(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(n.Content[i], n.Content[i+1])
	}
}

// sequence decodes a list. As everywhere in the file, one word alone may be written without brackets.
func (d *decoder) sequence(n *yaml.Node, to reflect.Value, path string) {
	items := n.Content
	switch {
	case n.Kind == yaml.ScalarNode && to.Type().Elem().Kind() == reflect.String:
		items = []*yaml.Node{n}
	case n.Kind != yaml.SequenceNode:
		d.add(n.Line, path, "a list belongs here, not %s", form(n))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, to.Index(i), mistake.At(path, i), item.Line)
	}
}

func (d *decoder) scalar(n *yaml.Node, to reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.add(n.Line, path, "one value belongs here, not %s", form(n))
		return
	}
	text, err := expand(n.Value, d.getenv)
	if err != nil {
		d.add(n.Line, path, "%v", err)
		return
	}
	if err := setScalar(to, text); err != nil {
		d.add(n.Line, path, "%v", err)
	}
}

// setScalar puts text into a value. Its errors never repeat the text. Words that YAML takes for something else (true,
// 12, 2026-01-01) are words as they are written.
func setScalar(to reflect.Value, text string) error {
	if own, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return own.UnmarshalText([]byte(text))
	}
	switch {
	case to.Type() == reflect.TypeFor[time.Duration]():
		duration, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("not a duration: write 30s or 2m")
		}
		to.SetInt(int64(duration))
	case to.Kind() == reflect.Int:
		n, err := wholeNumber(text)
		if err != nil {
			return err
		}
		to.SetInt(int64(n))
	case to.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("not a yes or no: write true or false")
		}
		to.SetBool(text == "true")
	case to.Kind() == reflect.String:
		to.SetString(text)
	default:
		panic("config: no way to read a " + to.Type().String())
	}
	return nil
}

func wholeNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errors.New("not a whole number: write digits only, such as 1000")
	}
	return n, nil
}

const variablesDoNotFit = "what the variables in it hold does not fit here"

// own lets a type read its node. When the type refuses what came out of variables, it is asked again about what is
// written in the file, so that its error cannot repeat the content of a variable.
func (d *decoder) own(n *yaml.Node, to yaml.Unmarshaler, path string) {
	d.note(n, path)
	before := len(d.list)
	expanded, changed := d.expandAll(n, path)
	if len(d.list) > before {
		return
	}
	err := to.UnmarshalYAML(expanded)
	if err == nil {
		return
	}
	if changed {
		scratch := reflect.New(reflect.TypeOf(to).Elem()).Interface().(yaml.Unmarshaler)
		if err = scratch.UnmarshalYAML(n); err == nil {
			err = errors.New(variablesDoNotFit)
		}
	}
	var all *yaml.LoadErrors
	if !errors.As(err, &all) {
		d.add(n.Line, path, "%s", linePrefix.ReplaceAllString(err.Error(), ""))
		return
	}
	for _, bad := range all.Errors {
		d.add(bad.Mark.Line, keyAt(n, path, bad.Mark), "%s", bad.Message)
	}
}

// note remembers where the keys stand that a type reads by itself.
func (d *decoder) note(n *yaml.Node, path string) {
	walk(n, path, n.Line, func(n *yaml.Node, path string, line int) {
		d.written[path] = place{line, n.Value}
	})
}

// keyAt finds the key of what stands at a place: the innermost one around it.
func keyAt(n *yaml.Node, path string, at yaml.Mark) string {
	found := path
	walk(n, path, n.Line, func(n *yaml.Node, path string, _ int) {
		if n.Line == at.Line && n.Column == at.Column {
			found = path
		}
	})
	return found
}

// walk visits a node and all below it, with its key and the line that the key stands on.
func walk(n *yaml.Node, path string, line int, visit func(n *yaml.Node, path string, line int)) {
	visit(n, path, line)
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			walk(item, mistake.At(path, i), item.Line, visit)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(n.Content[i+1], mistake.Below(path, n.Content[i].Value), n.Content[i].Line, visit)
		}
	}
}

var linePrefix = regexp.MustCompile(`^line [0-9]+: `)

// expandAll copies the tree with its variables replaced; changed says whether there were any.
func (d *decoder) expandAll(n *yaml.Node, path string) (copied *yaml.Node, changed bool) {
	c := *n
	if n.Kind == yaml.ScalarNode {
		text, err := expand(n.Value, d.getenv)
		if err != nil {
			d.add(n.Line, path, "%v", err)
		}
		c.Value = text
		return &c, text != n.Value
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 { // a key
			c.Content[i] = item
			continue
		}
		var inner bool
		key := mistake.At(path, i)
		if n.Kind == yaml.MappingNode {
			key = mistake.Below(path, n.Content[i-1].Value)
		}
		c.Content[i], inner = d.expandAll(item, key)
		changed = changed || inner
	}
	return &c, changed
}

// field is one key that a struct knows.
type field struct {
	key   string
	index int
}

// fields lists the keys of a struct in their order; nil: it has none, or is none.
func fields(t reflect.Type) []field {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []field
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			out = append(out, field{key, i})
		}
	}
	return out
}

func keys(known []field) (out []string) {
	for _, f := range known {
		out = append(out, f.key)
	}
	return out
}

func form(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "one value"
}
