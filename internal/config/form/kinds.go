package form

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"deputy/internal/mistake"
)

// Kind is what the value of a key is: how the reference page calls it, what the schema says of it, what is wrong with
// a value. How text becomes a Go value is the Go type's own matter: see setScalar.
type Kind struct {
	Word string

	part *Section // the kind is a section with these keys
	list *Kind    // the kind is a list of these
	dict *Kind    // the kind is keys of the administrator's own, each with one of these
	own  reader   // the kind reads its YAML itself

	describe func(Kind) *Schema
	// judge says what is wrong with a text, empty if nothing is. It may repeat only what is written in the file.
	judge  func(text, written string) string
	bounds *bounds

	words  []string // the only ones that are taken
	secret bool
	alone  bool // a list may be one value without brackets
	some   bool // a list has at least one entry
	unique bool // no entry of a list is empty, or there twice
	names  *regexp.Regexp
	rename string // what is said of a name that names does not match
}

// reader makes a Go value of a YAML node whose variables are replaced. Its errors may repeat what is in the node.
type reader func(n *yaml.Node) (any, error)

// bounds are of a number; most is 0 where there is none. Where says is empty the package that owns the value judges it.
type bounds struct {
	least, most int64
	says        string
}

func (k Kind) between(least, most int64, says string) Kind {
	k.bounds = &bounds{least, most, says}
	return k
}

func (k Kind) within(least, most int64) Kind { return k.between(least, most, "") }

func (k Kind) readBy(own reader) Kind { k.own = own; return k }

func (k Kind) called(word string) Kind { k.Word = word; return k }

// saying has the form refuse text that the pattern does not match.
func (k Kind) saying(message string) Kind {
	form := regexp.MustCompile(k.describe(k).AnyOf[0].Pattern)
	k.judge = func(text, _ string) string {
		if form.MatchString(text) {
			return ""
		}
		return message
	}
	return k
}

// Section is the section in a kind, or nil.
func (k *Kind) Section() *Section {
	switch {
	case k.list != nil:
		return k.list.Section()
	case k.dict != nil:
		return k.dict.Section()
	}
	return k.part
}

func (k *Kind) schema() *Schema {
	switch {
	case k.list != nil:
		s := &Schema{Type: "array", Items: k.list.schema()}
		if k.some {
			s.MinItems = 1
		}
		if k.alone {
			return anyOf(k.list.schema(), s)
		}
		return s
	case k.dict != nil:
		s := &Schema{Type: "object", AdditionalProperties: k.dict.schema()}
		if k.names != nil {
			s.PropertyNames = &Schema{Pattern: k.names.String()}
		}
		return s
	case k.describe != nil:
		return k.describe(*k)
	}
	return ref(k.part.Name)
}

const spans = `([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+`

var (
	text   = Kind{Word: "text", describe: always("Text")}
	yes    = Kind{Word: "true or false", describe: func(Kind) *Schema { return orVariable(&Schema{Type: "boolean"}) }}
	number = Kind{Word: "whole number", describe: Kind.integer}
	size   = Kind{Word: "size", describe: func(k Kind) *Schema {
		return anyOf(k.integer(), matching(`[0-9]+ *(KiB|MiB|GiB)?`))
	}}
	share    = pattern("percentage", `[0-9]+(\.[0-9]+)?%`)
	duration = pattern("duration", spans)
	age      = pattern("age", `[0-9]{1,5}d|`+spans)
	period   = pattern(
		"period",
		`[0-9]{1,6}[mhdw]|P([0-9]{1,4}W|([0-9]{1,6}D)?(T([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?)`,
	)
	expiry = pattern(
		"date or time",
		`[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?`,
	)

	headcount = Kind{Word: "whole number, or all", describe: func(Kind) *Schema {
		return anyOf(number.within(1, 99).integer(), orVariable(&Schema{Enum: []string{"all"}}))
	}}
)

func always(name string) func(Kind) *Schema { return func(Kind) *Schema { return ref(name) } }

func (k Kind) integer() *Schema {
	s := &Schema{Type: "integer"}
	if b := k.bounds; b != nil {
		s.Minimum = json.Number(strconv.FormatInt(b.least, 10))
		if b.most > 0 {
			s.Maximum = json.Number(strconv.FormatInt(b.most, 10))
		}
	}
	return orVariable(s)
}

// nonEmpty is text that is not blank. Where says is empty the package that owns the value refuses it.
func nonEmpty(says string) Kind {
	k := Kind{Word: "text", describe: always("NonEmpty")}
	if says != "" {
		k.judge = func(text, _ string) string {
			if strings.TrimSpace(text) == "" {
				return says
			}
			return ""
		}
	}
	return k
}

// pattern is text of a form that the package which owns the value insists on: see saying.
func pattern(word, form string) Kind {
	return Kind{Word: word, describe: func(Kind) *Schema { return matching(form) }}
}

// either is text of a form, or what YAML takes for something else.
func either(word string, looks *Schema, form string) Kind {
	return Kind{Word: word, describe: func(Kind) *Schema { return anyOf(clone(looks), matching(form)) }}
}

// among is one of these words. The package that owns the value refuses others.
func among[T ~string](words ...T) Kind {
	var known []string
	for _, w := range words {
		known = append(known, string(w))
	}
	return Kind{Word: strings.Join(known, ", "), words: known, describe: func(k Kind) *Schema {
		return orVariable(&Schema{Enum: k.words})
	}}
}

// oneOf is one of these words, and nothing else is taken.
func oneOf(words ...string) Kind {
	k := among(words...)
	k.judge = func(text, written string) string {
		if slices.Contains(words, text) {
			return ""
		}
		return fmt.Sprintf("%q is not one of %s%s", written, strings.Join(words, ", "), mistake.Hint(written, words))
	}
	return k
}

// secret is a kind whose values no finding shows, not even as they are written.
func secret(k Kind) Kind {
	k.secret, k.Word = true, "secret"
	return k
}

// list may be written without brackets where there is one entry.
func list(item Kind) Kind {
	return Kind{Word: "list of " + item.Word, list: &item, alone: true}
}

// listOf always has brackets or dashes.
func listOf(item Kind) Kind {
	return Kind{Word: "list of " + item.Word, list: &item}
}

func atLeastOne(k Kind) Kind { k.some = true; return k }

func distinct(k Kind) Kind { k.unique = true; return k }

func section(s *Section) Kind  { return Kind{Word: "section", part: s} }
func sections(s *Section) Kind { return listOf(section(s)).called("list of sections") }

// named are sections by names of the administrator's own.
func named(s *Section, names, rename string) Kind {
	return mapping(section(s), names, rename).called("sections by name")
}

// mapping has names of the administrator's own for keys.
func mapping(value Kind, names, rename string) Kind {
	k := Kind{Word: "names, each with " + value.Word, dict: &value, rename: rename, secret: value.secret}
	if names != "" {
		k.names = regexp.MustCompile(`^` + names + `$`)
	}
	return k
}

// ReadsItself reports whether the kind has a grammar of its own.
func (k *Kind) ReadsItself() bool { return k.own != nil }

// shape is what YAML calls such a value.
func (k *Kind) shape() yaml.Kind {
	switch {
	case k.list != nil && !k.alone:
		return yaml.SequenceNode
	case k.part != nil || k.dict != nil:
		return yaml.MappingNode
	}
	return yaml.ScalarNode
}
