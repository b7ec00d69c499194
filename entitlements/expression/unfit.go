package expression

import (
	"regexp"
	"slices"
	"strings"
)

// Misfit is a value of one part of a condition that does not fit the type that it is compared with.
type Misfit struct {
	Part  int    // its place among the parts
	Value string // what is taken out
	Same  string // another spelling of the value that fits; empty: there is none
}

// Fit returns the condition without the values that do not fit. In the places where an unknown comparison can show no
// row it counts as NULL beside the others; anywhere else, as below NOT, in CASE or in an argument, the variable loses
// all its values, because the condition could turn "no row for this value" into "all rows".
func Fit(parts []Part, misfits []Misfit) []Part {
	out := slices.Clone(parts)
	for _, m := range misfits {
		p := &out[m.Part]
		p.Values = slices.Clone(p.Values)
		if at := slices.Index(p.Values, m.Value); at >= 0 && m.Same != "" {
			p.Values[at] = m.Same
			continue
		}
		p.Values = slices.DeleteFunc(p.Values, func(v string) bool { return v == m.Value })
		if p.Unfit = true; p.One() || !OnlyNarrows(parts, m.Part) {
			p.Values = nil
		}
	}
	return out
}

// Integral is the integer that a text such as 1.0 writes, as JSON may write numbers; empty for any other text.
func Integral(value string) string {
	if match := integral.FindStringSubmatch(value); match != nil {
		return match[1]
	}
	return ""
}

var integral = regexp.MustCompile(`^(-?(?:0|[1-9][0-9]{0,17}))\.0{1,9}$`)

// token is one word, operator, bracket or value of a condition. text is in lower case for bare words; a string or a
// quoted name is only a quote, because what is in it means nothing here.
type token struct {
	text  string
	name  bool // it may be a column's name
	depth int  // brackets that are open before it, or that it closes down to
	part  int  // of the variable that it is, and else -1
}

var tokens = regexp.MustCompile(`(?s)^(?:(\s+)|('(?:[^']|'')*')|((?:"(?:[^"]|"")*"|[\pL_][\pL\pN_$]*)` +
	`(?:\s*\.\s*(?:"(?:[^"]|"")*"|[\pL_*][\pL\pN_$]*))*)|([0-9][0-9A-Za-z_.]*)|([-=<>!~+*/%^&|@#?:]+)|(.))`)

// scan takes a condition apart.
func scan(parts []Part) (all []token) {
	depth := 0
	for n, p := range parts {
		text := p.SQL
		if p.Column != "" {
			all = append(all, token{text: `"`, name: true, depth: depth, part: -1})
		}
		for text != "" {
			match := tokens.FindStringSubmatch(text)
			text = text[len(match[0]):]
			t := token{text: strings.ToLower(match[0]), depth: depth, part: -1}
			switch {
			case match[1] != "":
				continue
			case match[2] != "":
				t.text = "'"
			case match[3] != "":
				if t.name = !reserved[t.text]; strings.ContainsAny(t.text, `".`) {
					t.text = `"`
				}
			case match[6] == "(" || match[6] == "[":
				depth++
			case match[6] == ")" || match[6] == "]":
				depth--
				t.depth = depth
			}
			all = append(all, t)
		}
		if p.Variable != "" {
			all = append(all, token{text: "'", depth: depth, part: n})
		}
	}
	return all
}

// reserved are words of SQL that are no names. narrowing are those of them that may stand beside a comparison, and
// beside the brackets around it, where one that is unknown shows no more than one that is false.
var (
	reserved = words(
		`and or not is in any all exists select from where on join inner cross union as null true false case
		when then else end between like ilike having group order by limit offset except intersect with values left right
		full outer natural distinct some collate escape similar isnull notnull glob regexp match over filter window
		lateral using`,
	)
	narrowing = words(`and or in any all exists select from where on join inner cross union as null true false lateral`)
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// OnlyNarrows reports whether a comparison with the variable of a part, where it is unknown, shows no row that would
// not be shown if it were false, and none if the condition is about what is not equal. It may say no where that is so:
// it knows a few forms only, which are AND, OR, EXISTS and IN (SELECT ...).
func OnlyNarrows(parts []Part, part int) bool {
	all := scan(parts)
	at := slices.IndexFunc(all, func(t token) bool { return t.part == part })
	if at < 0 || all[at].depth == 0 {
		return false
	}
	// the brackets right around the variable are those of any(...) or all(...)
	first, last := around(all, at)
	if first < 1 || all[first-1].text != "any" && all[first-1].text != "all" || !ends(all, last) {
		return false
	}
	for {
		begin, end := around(all, first)
		selects := begin+1 < len(all) && all[begin+1].text == "select"
		if !plain(all, begin+1, end, all[first].depth, selects && before(all, begin) == "in") {
			return false
		}
		switch {
		case begin < 0:
			return !selects
		case selects && before(all, begin) == "exists":
			if !starts(all, begin-2) {
				return false
			}
		case selects && before(all, begin) == "in":
		case selects || !starts(all, begin-1):
			return false
		}
		if !ends(all, end) {
			return false
		}
		first = begin
	}
}

// around are the places of the brackets around a token: -1 and the number of all tokens where there are none.
func around(all []token, at int) (first, last int) {
	depth := all[at].depth
	for first = at - 1; first >= 0 && all[first].depth >= depth; first-- {
	}
	for last = at + 1; last < len(all) && all[last].depth >= depth; last++ {
	}
	return first, last
}

// before is the token before a bracket.
func before(all []token, bracket int) string {
	if bracket < 1 {
		return ""
	}
	return all[bracket-1].text
}

// starts reports whether a condition of its own may begin behind the token.
func starts(all []token, at int) bool {
	return at < 0 || slices.Contains([]string{"(", "and", "or", "where", "on"}, all[at].text)
}

// ends reports whether a condition ends with the bracket that closes there.
func ends(all []token, bracket int) bool {
	next := bracket + 1
	return next >= len(all) ||
		slices.Contains([]string{")", "and", "or", "union", "where", "join", "inner"}, all[next].text)
}

// plain reports whether the tokens of one depth hold nothing but names, values, operators and narrowing words, and "x
// IS NULL" standing alone. Where the rows of a SELECT count one by one, nothing may be computed from several of them.
func plain(all []token, from, to, depth int, rows bool) bool {
	for i := from; i < to; i++ {
		t := all[i]
		switch {
		case t.depth != depth || !reserved[t.text] || narrowing[t.text]:
			if rows && t.depth == depth && t.name && i+1 < to && all[i+1].text == "(" && before(all, i) != "from" {
				return false
			}
			continue
		case t.text == "is" && i > from && all[i-1].name && starts(all, i-2):
			if i++; i < to && all[i].text == "not" {
				i++
			}
			if i < to && all[i].text == "null" && ends(all, i) {
				continue
			}
		}
		return false
	}
	return true
}
