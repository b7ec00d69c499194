package form

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Fragment reads text as the value of one key of the table, such as policies or policies.to, into what to points to.
// Tests and examples write parts of a file so. Variables are not replaced.
func Fragment(path, text string, to any) error {
	d := fragmentOf(text)
	if d.root != nil {
		d.part(path, d.root, to)
	}
	return d.Err()
}

// Fragments reads a text with several keys. They are given by their paths in the table, and the text has the last part
// of each: requests.rules is rules there.
func Fragments(text string, parts map[string]any) error {
	d := fragmentOf(text)
	if d.root == nil {
		return d.Err()
	}
	d.pairs(d.root, "", func(key, value *yaml.Node) {
		for path, to := range parts {
			if path[strings.LastIndexByte(path, '.')+1:] == key.Value {
				d.part(path, value, to)
				return
			}
		}
		d.Add(key.Line, key.Value, "unknown key")
	})
	return d.Err()
}

func fragmentOf(text string) *Document {
	return Read("fragment", []byte(text), func(string) (string, bool) { return "", false })
}

func (d *Document) part(path string, n *yaml.Node, to any) {
	kind := &Kind{part: File}
	for name := range strings.SplitSeq(path, ".") {
		row := kind.Section().key(name)
		if row == nil {
			panic(fmt.Sprintf("form: the table has no %s", path))
		}
		kind = &row.Kind
	}
	d.value(kind, n, reflect.ValueOf(to).Elem(), path, n.Line)
}
