package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// maxDepth is how deep the file may nest. Nothing in it needs a third of that.
const maxDepth = 32

const emptyFile = "there is nothing in it; the least it needs is identity (an issuer), agents, platforms and policies"

// loadTree reads the one YAML document that the file is, and makes sure that it is plain: one document, nothing said
// twice, nothing said elsewhere (aliases, merge keys), no type but those that can be seen. It returns nil when that
// ends the reading.
func loadTree(data []byte, p *problems) *yaml.Node {
	if line := notText(data); line > 0 {
		p.Add(line, "", "not UTF-8 text: there is a byte or a control character in it that no text has")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		p.Add(0, "", "%v", err)
		return nil
	}
	var document, second yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF):
		p.Add(0, "", emptyFile)
		return nil
	case err != nil:
		notYAML(err, data, p)
		return nil
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		notYAML(err, data, p)
		return nil
	default:
		p.Add(second.Line, "", "a second document starts here: the file is one document")
		return nil
	}
	root := document.Content[0]
	if root.ShortTag() == "!!null" {
		p.Add(0, "", emptyFile)
		return nil
	}
	before := len(p.list)
	checkPlain(root, "", 0, p)
	if len(p.list) > before {
		return nil
	}
	return root
}

// notText returns the line of the first character that does not belong into a text file, or 0.
func notText(data []byte) int {
	line := 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1, unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t':
			return line
		case r == '\n':
			line++
		}
		i += size
	}
	return 0
}

func notYAML(err error, data []byte, p *problems) {
	var bad *yaml.LoadError
	if !errors.As(err, &bad) {
		p.Add(0, "", "not YAML: %v", err)
		return
	}
	message := bad.Message
	switch {
	case indentedByTab(data, bad.Mark.Line):
		message = "there is a tab: lines are indented with spaces"
	case message == "did not find expected node content":
		message = "a value or a closing bracket is missing before this"
	case message == "did not find expected alphabetic or numeric character", strings.HasPrefix(message, "unknown anchor"):
		message = `a value that begins with * or & goes into quotes, such as "*.*"`
	case strings.HasPrefix(message, "mapping values are not allowed"):
		message += ": text with a colon and a space in it goes into quotes"
	}
	if from := bad.ContextMark.Line; from > 0 && from < bad.Mark.Line {
		message = fmt.Sprintf("%s since line %d: %s", bad.ContextMsg, from, message) // where a bracket was opened
	}
	p.Add(bad.Mark.Line, "", "not YAML: %s", message)
}

func indentedByTab(data []byte, line int) bool {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return false
	}
	text := lines[line-1]
	indentation := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
	return bytes.ContainsRune(indentation, '\t')
}

// checkPlain walks the tree and names what is not plain in it.
func checkPlain(n *yaml.Node, path string, depth int, p *problems) {
	switch {
	case depth > maxDepth:
		p.Add(n.Line, "", "nested deeper than %d levels: nothing needs that", maxDepth)
		return
	case n.Kind == yaml.AliasNode:
		p.Add(n.Line, path, "aliases (*%s) are not understood here: write it out", n.Value)
		return
	case n.Anchor != "":
		p.Add(n.Line, path, "anchors (&%s) are not understood here: leave it out", n.Anchor)
		return
	case n.Style&yaml.TaggedStyle != 0:
		p.Add(n.Line, path, "types (%s) are not understood here: leave it out", n.ShortTag())
		return
	}
	if n.Kind != yaml.MappingNode {
		for i, item := range n.Content {
			checkPlain(item, mistake.At(path, i), depth+1, p)
		}
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
			p.Add(key.Line, path, "a key is one plain word")
			continue
		}
		if key.ShortTag() == "!!merge" {
			p.Add(key.Line, path, "merge keys (<<) are not understood here: write it out")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			p.Add(key.Line, path, "key %q is there twice, first on line %d", key.Value, first)
			continue
		}
		seen[key.Value] = key.Line
		checkPlain(value, mistake.Below(path, key.Value), depth+1, p)
	}
}
