package vending

import "slices"

// Kind is what the values of a parameter are.
type Kind string

// What Kind can be.
const (
	Text      Kind = "text"
	Integer   Kind = "integer" // of up to 64 bits
	Number    Kind = "number"  // exact, as far as the engine has exact numbers
	Boolean   Kind = "boolean"
	Date      Kind = "date"
	Timestamp Kind = "timestamp" // a point in time
)

// Kinds are all of them.
var Kinds = []Kind{Text, Integer, Number, Boolean, Date, Timestamp}

// Parameter is a named place in a statement of an administrator's: ":name" stands there. A value is bound to it when
// the statement runs, and never becomes a part of its text. What a value is, the parameter says and not the value, so
// that the statement means the same whatever is bound.
type Parameter struct {
	Name string // a small letter, and small letters, digits and _ behind it
	Kind Kind
	List bool // values of the kind, any number of them
}

// Argument is a parameter with its value for one call.
type Argument struct {
	Parameter
	Null bool
	// Values are in the one form of their kind: integers and numbers in decimal digits, "true" and "false", 2006-01-02,
	// 2006-01-02T15:04:05.999999Z. One, unless the parameter is a list.
	Values []string
}

// Parameters are those that the arguments are for, in their order.
func Parameters(arguments []Argument) (out []Parameter) {
	for _, a := range arguments {
		out = append(out, a.Parameter)
	}
	return out
}

// Placeholders are the names behind a colon in a statement, each once, as they are written and in the order in which
// they come. A cast is none.
func (d Dialect) Placeholders(sql string) (names []string) {
	d.placeholders(sql, func(_, _ int, name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	return names
}

// Place writes a word in place of each placeholder of a name for which there is one.
func (d Dialect) Place(sql string, word func(name string) (string, bool)) string {
	r := newRewriter(sql)
	d.placeholders(sql, func(start, end int, name string) {
		if w, ok := word(name); ok {
			r.exchange(start, end, w)
		}
	})
	return r.done().SQL
}

// placeholders finds a colon with a name right behind it. It is a part of a cast when another colon is right before it,
// and of a[1:n] when a word or a number is: there a space says which is meant.
func (d Dialect) placeholders(sql string, each func(start, end int, name string)) {
	tokens := d.tokens(sql)
	for i := 1; i < len(tokens); i++ {
		colon, name := tokens[i-1], tokens[i]
		if name.kind != tokenName || !isNameStart(sql[name.start]) || sql[colon.start:colon.end] != ":" {
			continue
		}
		if i > 1 && sql[tokens[i-2].start:tokens[i-2].end] == ":" {
			continue
		}
		each(colon.start, name.end, sql[name.start:name.end])
	}
}
