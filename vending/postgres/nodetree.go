package postgres

import (
	"errors"
	"strconv"
	"strings"
)

// node is one node of a query as PostgreSQL writes it into pg_rewrite.ev_action: {NAME :field value :field value …}.
// Values are nodes, lists in parentheses or plain words; for what is asked here, a list is just several values.
type node struct {
	name   string
	fields map[string][]value
}

type value struct {
	word string  // a plain word, unescaped
	node *node   // or a node
	list []value // or a list
}

const maxDepth = 10_000 // PostgreSQL's own stack ends far below

var (
	errNodeTree = errors.New("the database's node tree cannot be read")
	errTooDeep  = errors.New("the database's node tree is nested too deep")
)

// parseNodeTree reads the text of a node tree: a list with one QUERY in it.
func parseNodeTree(text string) (node, error) {
	p := &treeParser{text: text}
	v, err := p.value(0)
	if err != nil {
		return node{}, err
	}
	if len(v.list) == 1 && v.list[0].node != nil && v.list[0].node.name == "QUERY" {
		return *v.list[0].node, nil
	}
	return node{}, errNodeTree
}

// parseExpression reads the text of one node, as pg_constraint.conbin has it.
func parseExpression(text string) (node, error) {
	v, err := (&treeParser{text: text}).value(0)
	if err != nil || v.node == nil {
		return node{}, errNodeTree
	}
	return *v.node, nil
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

func (p *treeParser) value(depth int) (value, error) {
	word, bracket := p.next()
	return p.valueFrom(word, bracket, depth)
}

func (p *treeParser) valueFrom(word string, bracket bool, depth int) (value, error) {
	switch {
	case depth > maxDepth:
		return value{}, errTooDeep
	case word == "":
		return value{}, errNodeTree
	case !bracket:
		return value{word: unescape(word)}, nil
	case word == "(":
		return p.list(depth)
	case word == "{":
		return p.object(depth)
	}
	return value{}, errNodeTree
}

func (p *treeParser) list(depth int) (value, error) {
	out := []value{}
	for {
		word, bracket := p.next()
		if bracket && word == ")" {
			return value{list: out}, nil
		}
		v, err := p.valueFrom(word, bracket, depth+1)
		if err != nil {
			return value{}, err
		}
		out = append(out, v)
	}
}

func (p *treeParser) object(depth int) (value, error) {
	name, bracket := p.next()
	if bracket || name == "" {
		return value{}, errNodeTree
	}
	n := &node{name: name, fields: map[string][]value{}}
	field := ""
	for {
		word, bracket := p.next()
		if bracket && word == "}" {
			return value{node: n}, nil
		}
		// else it is a value: AS ":a"
		if _, named := n.fields[field]; !bracket && strings.HasPrefix(word, ":") && (field == "" || named) {
			field = word[1:]
			continue
		}
		v, err := p.valueFrom(word, bracket, depth+1)
		if err != nil {
			return value{}, err
		}
		n.fields[field] = append(n.fields[field], v)
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

// walk visits the node and every node below it.
func (n node) walk(visit func(node)) {
	visit(n)
	for _, values := range n.fields {
		walkValues(values, visit)
	}
}

func walkValues(values []value, visit func(node)) {
	for _, v := range values {
		if v.node != nil {
			v.node.walk(visit)
		}
		walkValues(v.list, visit)
	}
}

func (n node) text(field string) string {
	if v := n.fields[field]; len(v) > 0 {
		return v[0].word
	}
	return ""
}

func (n node) number(field string) int {
	i, _ := strconv.Atoi(n.text(field))
	return i
}

// nodes returns the nodes that stand in a field, alone or as a list.
func (n node) nodes(field string) []node {
	var out []node
	for _, v := range n.fields[field] {
		if v.node != nil {
			out = append(out, *v.node)
		}
		for _, w := range v.list {
			if w.node != nil {
				out = append(out, *w.node)
			}
		}
	}
	return out
}

// oids returns the object ids among values, in lists too: (o 16384 16385).
func oids(values []value) []uint32 {
	var out []uint32
	for _, v := range values {
		if id, err := strconv.ParseUint(v.word, 10, 32); err == nil {
			out = append(out, uint32(id))
		}
		out = append(out, oids(v.list)...)
	}
	return out
}
