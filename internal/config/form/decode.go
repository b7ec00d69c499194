package form

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// The tree is walked against the table and Go values at once, so that each mistake has a line and a key, and one does
// not hide the next. The YAML library's own decoder would stop early, and repeat values in its errors.

func (d *Document) decode(root *yaml.Node, to any) {
	v := reflect.ValueOf(to).Elem()
	withDefaults(File, v)
	d.value(&Kind{part: File}, root, v, "", root.Line)
}

// withDefaults puts the defaults of a section into its struct.
func withDefaults(s *Section, to reflect.Value) {
	for i := range s.Keys {
		k := &s.Keys[i]
		v := fieldOf(to, k.Name)
		switch {
		case k.Default != "":
			if err := setScalar(v, k.Default); err != nil {
				panic("form: the default of " + k.Name + " does not fit: " + err.Error())
			}
		case k.Kind.part != nil && v.Kind() == reflect.Struct && k.Kind.own == nil:
			withDefaults(k.Kind.part, v)
		}
	}
}

// fieldOf is the field of a struct that has the name of a key.
func fieldOf(v reflect.Value, key string) reflect.Value {
	field, found := v.Type().FieldByNameFunc(func(name string) bool {
		return unicode.IsUpper(rune(name[0])) && strings.EqualFold(name, strings.ReplaceAll(key, "_", ""))
	})
	if !found {
		panic("form: " + v.Type().String() + " has no field for the key " + key)
	}
	return v.FieldByIndex(field.Index)
}

// value decodes one node. A section at the top may be empty; elsewhere null is refused, but by kinds that read their
// own nodes.
func (d *Document) value(k *Kind, n *yaml.Node, to reflect.Value, path string, line int) {
	d.Places[path] = place{line: line, secret: k.secret}
	if n.Kind == yaml.ScalarNode {
		d.Places[path] = place{line, n.Value, k.secret}
	}
	null := n.ShortTag() == "!!null"
	if atTop := !strings.ContainsAny(path, ".["); atTop && null {
		return
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		to = to.Elem()
	}
	switch {
	case k.own != nil:
		d.own(k.own, n, to, path)
	case null:
		d.Add(n.Line, path, "there is no value: give one or leave the key out")
	case k.part != nil:
		d.section(k.part, n, to, path)
	case k.list != nil:
		d.sequence(k, n, to, path)
	case k.dict != nil:
		d.mapping(k, n, to, path)
	default:
		d.scalar(k, n, to, path)
	}
}

func (d *Document) section(s *Section, n *yaml.Node, to reflect.Value, path string) {
	if path != "" {
		withDefaults(s, to)
	}
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node) {
		row := s.key(key.Value)
		if row == nil {
			known := s.names()
			hint := mistake.Hint(key.Value, known)
			d.Add(key.Line, path, "unknown key %q%s (known: %s)", key.Value, hint, strings.Join(known, ", "))
			return
		}
		kind := row.Kind
		if row.Missing != "" && value.Kind == yaml.ScalarNode && strings.TrimSpace(value.Value) == "" {
			kind.judge = nil // what is missing is said below
		}
		d.value(&kind, value, fieldOf(to, row.Name), mistake.Below(path, key.Value), key.Line)
	})
	d.together(s, to, path)
}

// together judges which keys of a section are there.
func (d *Document) together(s *Section, to reflect.Value, path string) {
	variant := ""
	if s.Variant != "" {
		variant = fieldOf(to, s.Variant).String()
		if !slices.Contains(s.key(s.Variant).Kind.words, variant) {
			variant = ""
		}
	}
	for i := range s.Keys {
		k, v := &s.Keys[i], fieldOf(to, s.Keys[i].Name)
		key := mistake.Below(path, k.Name)
		switch belongs := k.Of == "" || k.Of == variant; {
		case !belongs && variant != "" && d.Wrote(key):
			d.judged.drop(key) // its value does not matter
			d.judge(key, "only a "+strings.ToLower(s.Name)+" with "+s.Variant+" "+k.Of+" has it")
		case belongs && k.Missing != "" && blank(v):
			d.judge(key, k.Missing)
		}
	}
}

func blank(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return strings.TrimSpace(v.String()) == ""
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// judge adds to what is said once the form is right.
func (d *Document) judge(key, message string) {
	if message != "" {
		d.judged.Add(d.Line(key), key, "%s", message)
	}
}

func (d *Document) mapping(k *Kind, n *yaml.Node, to reflect.Value, path string) {
	to.Set(reflect.MakeMap(to.Type()))
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node) {
		v := reflect.New(to.Type().Elem()).Elem()
		at := mistake.Below(path, key.Value)
		d.value(k.dict, value, v, at, key.Line)
		if k.names != nil && !k.names.MatchString(key.Value) {
			d.judge(at, k.rename)
		}
		to.SetMapIndex(reflect.ValueOf(key.Value), v)
	})
}

func (d *Document) pairs(n *yaml.Node, path string, do func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.Add(n.Line, path, "keys with values belong here, not %s", shapeOf(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(n.Content[i], n.Content[i+1])
	}
}

// sequence decodes a list. As everywhere in the file, one word alone may be written without brackets.
func (d *Document) sequence(k *Kind, n *yaml.Node, to reflect.Value, path string) {
	items := n.Content
	switch {
	case n.Kind == yaml.ScalarNode && k.alone:
		items = []*yaml.Node{n}
	case n.Kind != yaml.SequenceNode:
		d.Add(n.Line, path, "a list belongs here, not %s", shapeOf(n))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(k.list, item, to.Index(i), mistake.At(path, i), item.Line)
	}
	if !k.unique {
		return
	}
	values := to.Interface().([]string)
	for i, v := range values {
		if v == "" {
			d.judge(mistake.At(path, i), "there is no value")
		} else if slices.Contains(values[:i], v) {
			d.judge(mistake.At(path, i), "it is there twice")
		}
	}
}

func (d *Document) scalar(k *Kind, n *yaml.Node, to reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.Add(n.Line, path, "one value belongs here, not %s", shapeOf(n))
		return
	}
	text, err := expand(n.Value, d.getenv)
	if err == nil {
		d.varied = d.varied || text != n.Value
		err = setScalar(to, text)
	}
	if err != nil {
		d.Add(n.Line, path, "%v", err)
		return
	}
	if k.judge != nil {
		d.judge(path, k.judge(text, n.Value))
	}
	if b := k.bounds; b != nil && b.says != "" && (to.Int() < b.least || b.most > 0 && to.Int() > b.most) {
		d.judge(path, "out of range: it may be "+b.says)
	}
}

const variablesDoNotFit = "what the variables in it hold does not fit here"

// own has a kind read its node. When it refuses what came out of variables, it is asked again about what is written in
// the file, so that its error cannot repeat the content of a variable.
func (d *Document) own(read reader, n *yaml.Node, to reflect.Value, path string) {
	walk(n, path, n.Line, func(n *yaml.Node, path string, line int) { d.Places[path] = place{line: line, text: n.Value} })
	before := len(d.list)
	expanded, changed := d.expandAll(n, path)
	if len(d.list) > before {
		return
	}
	d.varied = d.varied || changed
	value, err := read(expanded)
	if err == nil {
		to.Set(reflect.ValueOf(value))
		return
	}
	if changed {
		if _, err = read(n); err == nil {
			err = errors.New(variablesDoNotFit)
		}
	}
	at := n
	if misplaced, ok := errors.AsType[*nodeError](err); ok {
		at = misplaced.at
	}
	d.Add(at.Line, keyAt(n, path, at), "%v", err)
}

// keyAt finds the key of what stands where a node does: the innermost one around it.
func keyAt(n *yaml.Node, path string, at *yaml.Node) string {
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

// expandAll copies the tree with its variables replaced; changed says whether there were any.
func (d *Document) expandAll(n *yaml.Node, path string) (copied *yaml.Node, changed bool) {
	c := *n
	if n.Kind == yaml.ScalarNode {
		text, err := expand(n.Value, d.getenv)
		if err != nil {
			d.Add(n.Line, path, "%v", err)
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

// shapeOf is what a node is, in words.
func shapeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "one value"
}
