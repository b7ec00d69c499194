// Package nodetree reads how PostgreSQL itself writes what it has understood: the trees of nodes in its catalogs.
package nodetree

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// Node is one node of a query as PostgreSQL writes it into pg_rewrite.ev_action: {NAME :field value :field value …}.
// Values are nodes, lists in parentheses or plain words; for what is asked here, a list is just several values.
type Node struct {
	Name   string
	Fields map[string][]Value
}

// Value is a node, a list of values, or a word.
type Value struct {
	Word string  // a plain word, unescaped
	Node *Node   // or a node
	List []Value // or a list
}

// Kinds of the entries of a query's range table, as they stand in the field rtekind.
const (
	RTERelation = 0
	RTESubquery = 1
	RTEJoin     = 2
	RTECTE      = 6
	RTEGroup    = 9
)

const maxDepth = 10_000 // PostgreSQL's own stack ends far below

var (
	errNodeTree = errors.New("the database's node tree cannot be read")

	// ErrTooDeep is returned for a tree that is nested deeper than any statement needs.
	ErrTooDeep = errors.New("the database's node tree is nested too deep")
)

// Parse reads the text of a node tree: a list with one QUERY in it.
func Parse(text string) (Node, error) {
	p := &treeParser{text: text}
	v, err := p.value(0)
	if err != nil {
		return Node{}, err
	}
	if len(v.List) == 1 && v.List[0].Node != nil && v.List[0].Node.Name == "QUERY" {
		return *v.List[0].Node, nil
	}
	return Node{}, errNodeTree
}

// ParseExpression reads the text of one node, as pg_constraint.conbin has it.
func ParseExpression(text string) (Node, error) {
	v, err := (&treeParser{text: text}).value(0)
	if err != nil || v.Node == nil {
		return Node{}, errNodeTree
	}
	return *v.Node, nil
}

type treeParser struct {
	text string
	at   int
}

// next returns the next word or bracket, and whether it is a bracket. "" means the end. As in PostgreSQL's own reader,
// a backslash hides the character behind it and quotes mean nothing.
func (p *treeParser) next() (word string, bracket bool) {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\n' || p.text[p.at] == '\t') {
		p.at++
	}
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; c {
		case '(', ')', '{', '}':
			if p.at == start {
				p.at++
				return string(c), true
			}
			return p.text[start:p.at], false
		case ' ', '\n', '\t':
			return p.text[start:p.at], false
		case '\\':
			p.at++
		}
		p.at++
	}
	return p.text[start:min(p.at, len(p.text))], false
}

func (p *treeParser) value(depth int) (Value, error) {
	word, bracket := p.next()
	return p.valueFrom(word, bracket, depth)
}

func (p *treeParser) valueFrom(word string, bracket bool, depth int) (Value, error) {
	switch {
	case depth > maxDepth:
		return Value{}, ErrTooDeep
	case word == "":
		return Value{}, errNodeTree
	case !bracket:
		return Value{Word: unescape(word)}, nil
	case word == "(":
		return p.list(depth)
	case word == "{":
		return p.object(depth)
	}
	return Value{}, errNodeTree
}

func (p *treeParser) list(depth int) (Value, error) {
	out := []Value{}
	for {
		word, bracket := p.next()
		if bracket && word == ")" {
			return Value{List: out}, nil
		}
		v, err := p.valueFrom(word, bracket, depth+1)
		if err != nil {
			return Value{}, err
		}
		out = append(out, v)
	}
}

func (p *treeParser) object(depth int) (Value, error) {
	name, bracket := p.next()
	if bracket || name == "" {
		return Value{}, errNodeTree
	}
	n := &Node{Name: name, Fields: map[string][]Value{}}
	field := ""
	for {
		word, bracket := p.next()
		if bracket && word == "}" {
			return Value{Node: n}, nil
		}
		// else it is a value: AS ":a"
		if _, named := n.Fields[field]; !bracket && strings.HasPrefix(word, ":") && (field == "" || named) {
			field = word[1:]
			continue
		}
		v, err := p.valueFrom(word, bracket, depth+1)
		if err != nil {
			return Value{}, err
		}
		n.Fields[field] = append(n.Fields[field], v)
	}
}

func unescape(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Walk visits the node and every node below it.
func (n Node) Walk(visit func(Node)) {
	visit(n)
	for _, values := range n.Fields {
		WalkValues(values, visit)
	}
}

// WalkValues visits every node among the values and below them.
func WalkValues(values []Value, visit func(Node)) {
	for _, v := range values {
		if v.Node != nil {
			v.Node.Walk(visit)
		}
		WalkValues(v.List, visit)
	}
}

// Text returns the word that stands in a field.
func (n Node) Text(field string) string {
	if v := n.Fields[field]; len(v) > 0 {
		return v[0].Word
	}
	return ""
}

// Number returns the number that stands in a field, and 0 for any other word.
func (n Node) Number(field string) int {
	i, _ := strconv.Atoi(n.Text(field))
	return i
}

// Nodes returns the nodes that stand in a field, alone or as a list.
func (n Node) Nodes(field string) []Node {
	var out []Node
	for _, v := range n.Fields[field] {
		if v.Node != nil {
			out = append(out, *v.Node)
		}
		for _, w := range v.List {
			if w.Node != nil {
				out = append(out, *w.Node)
			}
		}
	}
	return out
}

// OIDs returns the object ids among values, in lists too: (o 16384 16385).
func OIDs(values []Value) []uint32 {
	var out []uint32
	for _, v := range values {
		if id, err := strconv.ParseUint(v.Word, 10, 32); err == nil {
			out = append(out, uint32(id))
		}
		out = append(out, OIDs(v.List)...)
	}
	return out
}

// ConstantOID is the value of a constant that is four bytes long: {CONST … :constvalue 4 [ 193 14 0 0 0 0 0 0 ]}.
func (n Node) ConstantOID() (uint32, bool) {
	var bytes []byte
	for _, v := range n.Fields["constvalue"] {
		if b, err := strconv.Atoi(v.Word); err == nil { // negative where the byte has its highest bit
			bytes = append(bytes, byte(b))
		}
	}
	if n.Name != "CONST" || len(bytes) < 5 || bytes[0] != 4 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(bytes[1:5]), true
}
