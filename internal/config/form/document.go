package form

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Document is one file that is being read, and what is wrong with it.
type Document struct {
	problems
	Places
	// judged is what is wrong with values in a file whose form is right.
	judged problems
	root   *yaml.Node
	getenv func(string) (string, bool)
	varied bool // there are variables in it
}

// Places tells where each key stands that is in the file, such as policies[2].mask[0].
type Places map[string]place

// place is where a key stands and what is written there, before variables are replaced: that much may be shown, unless
// it is a secret.
type place struct {
	line   int
	text   string
	secret bool
}

// NewDocument is about a file, or what stands for one, of which nothing was read.
func NewDocument(file string) *Document {
	return &Document{problems: problems{file: file}, judged: problems{file: file}, Places: Places{}}
}

// Read reads a file as YAML. Values of the environment come from getenv.
func Read(file string, data []byte, getenv func(string) (string, bool)) *Document {
	d := NewDocument(file)
	d.getenv, d.root = getenv, loadTree(data, &d.problems)
	return d
}

// Empty reports whether there is nothing that could be decoded.
func (d *Document) Empty() bool { return d.root == nil }

// Retry reads other text in place of the first, and forgets what was wrong with that.
func (d *Document) Retry(data []byte) {
	d.list = nil
	d.root = loadTree(data, &d.problems)
}

// Decode puts defaults and then the file into a pointer to a struct. The error is all that is wrong with the form.
func (d *Document) Decode(to any) error {
	if d.root == nil {
		return d.Err()
	}
	d.decode(d.root, to)
	return d.Err()
}

// Judge adds what Decode found wrong with values, in a file whose form is right.
func (d *Document) Judge() { d.list = append(d.list, d.judged.list...) }

// DecodeAsWritten puts the file into a struct as it is written, with its variables unreplaced: where one stands for a
// number, the default holds. It reports whether there are any variables.
//
// Packages repeat values in what they say of them. What they say of this may be shown.
func (d *Document) DecodeAsWritten(to any) bool {
	if !d.varied {
		return false
	}
	written := NewDocument(d.file)
	written.root = d.root
	written.getenv = func(name string) (string, bool) { return "${" + name + "}", true }
	written.decode(d.root, to)
	return true
}

// Keep drops all problems but those of some keys.
func (d *Document) Keep(key func(string) bool) {
	d.list = slices.DeleteFunc(d.list, func(p Problem) bool { return !key(p.Key) })
}

// Say adds a problem of a key; a key that is not there stands where the one around it does.
func (d *Document) Say(key, format string, args ...any) { d.Add(d.Line(key), key, format, args...) }

// Line is the line of a key, or of the nearest around it that is there; 0: none is.
func (p Places) Line(key string) int {
	for {
		if at, ok := p[key]; ok || key == "" {
			return at.line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
}

// Wrote reports whether a key stands in the file.
func (p Places) Wrote(key string) bool {
	_, there := p[key]
	return there
}

// Written is a value as it stands in the file, with variables unreplaced. A secret is not shown.
func (p Places) Written(key string) string {
	if p[key].secret {
		return "(secret)"
	}
	return p[key].text
}

// Shown is Written in quotes.
func (p Places) Shown(key string) string { return strconv.Quote(p.Written(key)) }
