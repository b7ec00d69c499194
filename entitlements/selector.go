package entitlements

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"deputy/entitlements/catalog"
)

// selector is a parsed Selectors entry: a tag, or a pattern of one part (a schema: all its tables), two (tables) or
// three (columns).
type selector struct {
	text    string
	tag     string
	pattern []part
}

// part is one part of a pattern. Names are compared letter by letter, as the catalog has them. A quoted part has no
// wildcards.
type part struct {
	text string
	glob bool
}

// The patterns of names that stand in policies and rules.
const (
	TagName       = catalog.TagName
	AttributeName = `[A-Za-z_][A-Za-z0-9_.-]*`
	QuestionName  = `[a-z][a-z0-9_]*` // of the answer to a question of a request rule
)

var (
	plainPart = regexp.MustCompile(`^[\pL\pN_$*?-]+$`)
)

func parseSelector(text string) (selector, error) {
	s := selector{text: text}
	if tag, ok := strings.CutPrefix(text, "tag:"); ok {
		if !catalog.IsTag(tag) {
			return s, fmt.Errorf("%q: a tag is words joined by dots, such as tag:PII.SSN, without wildcards", text)
		}
		s.tag = tag
		return s, nil
	}
	if word, name, colon := strings.Cut(text, ":"); colon && !strings.ContainsAny(word, `."`) {
		return s, fmt.Errorf("%q: write tag:%s for a tag; groups and users are no tables", text, name)
	}
	rest := text
	for {
		p, after, err := cutPart(rest)
		if err != nil {
			return s, fmt.Errorf("%q: %w", text, err)
		}
		s.pattern = append(s.pattern, p)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	if len(s.pattern) > 3 {
		return s, fmt.Errorf("%q: write schema, schema.table, schema.table.column or tag:NAME", text)
	}
	return s, nil
}

// cutPart reads one part; after is empty or starts with the dot that follows it.
func cutPart(s string) (p part, after string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		if !plainPart.MatchString(s[:end]) {
			return p, "", fmt.Errorf(`%q is not a name: put names with other characters in double quotes`, s[:end])
		}
		return part{s[:end], strings.ContainsAny(s[:end], "*?")}, s[end:], nil
	}
	var name strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			name.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			name.WriteByte('"')
			i++
		case i+1 < len(s) && s[i+1] != '.':
			return p, "", errors.New("a dot is missing behind the quoted name")
		case name.Len() == 0:
			return p, "", errors.New("a name is empty")
		default:
			return part{text: name.String()}, s[i+1:], nil
		}
	}
	return p, "", errors.New("a double quote is not closed")
}

// exact reports whether the pattern names one thing, which then has to be there.
func (s selector) exact() bool {
	return !slices.ContainsFunc(s.pattern, func(p part) bool { return p.glob })
}

func (s selector) isSchema() bool { return len(s.pattern) == 1 }
func (s selector) isTable() bool  { return len(s.pattern) == 1 || len(s.pattern) == 2 }
func (s selector) isColumn() bool { return len(s.pattern) == 3 }

func (s selector) matchesTable(t TableName) bool {
	return s.isTable() && s.concerns(t)
}

func (s selector) matchesColumn(t TableName, column string) bool {
	return s.isColumn() && s.concerns(t) && s.pattern[2].matches(column)
}

// concerns reports whether the pattern is about the table or a column that the table may have.
func (s selector) concerns(t TableName) bool {
	return len(s.pattern) > 0 && s.pattern[0].matches(t.Schema) && (s.isSchema() || s.pattern[1].matches(t.Name))
}

// matchesIn reports whether anything in the catalog is named.
func (s selector) matchesIn(c *Catalog) bool {
	return slices.ContainsFunc(c.Tables, func(t Table) bool {
		return s.concerns(t.TableName) && (s.isTable() || slices.ContainsFunc(t.Columns, func(col Column) bool {
			return s.pattern[2].matches(col.Name)
		}))
	})
}

// tableIn is the table of the catalog that an exact selector is about.
func (s selector) tableIn(c *Catalog) (TableName, bool) {
	for _, t := range c.Tables {
		if s.concerns(t.TableName) {
			return t.TableName, true
		}
	}
	return TableName{}, false
}

// likeIn lists what the selector could have meant in the catalog: as many parts, in the writing of selectors.
func (s selector) likeIn(c *Catalog) (names []string) {
	for _, t := range c.Tables {
		schema, table := selectorPart(t.Schema), selectorPart(t.Schema)+"."+selectorPart(t.Name)
		switch {
		case s.isSchema():
			names = appendOnce(names, schema)
		case s.isTable():
			names = append(names, table)
		default:
			for _, col := range t.Columns {
				names = append(names, table+"."+selectorPart(col.Name))
			}
		}
	}
	return names
}

// selectorPart writes a name so that cutPart reads it as it is.
func selectorPart(name string) string {
	if plainPart.MatchString(name) && !strings.ContainsAny(name, "*?") {
		return name
	}
	return quoteName(name)
}

func (p part) matches(name string) bool {
	if !p.glob {
		return p.text == name
	}
	return globMatch(p.text, name)
}

// globMatch is path.Match with * and ? only. path.Match itself will not do: its * stops at a slash, so that a column
// named "a/b" would slip through a mask on every column.
func globMatch(pattern, name string) bool {
	star, retry := -1, 0
	p, n := 0, 0
	for n < len(name) {
		_, size := utf8.DecodeRuneInString(name[n:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, n
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			n += size
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			_, step := utf8.DecodeRuneInString(name[retry:])
			retry += step
			p, n = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// below reports whether tag is the ancestor or one of its dotted descendants.
func below(tag, ancestor string) bool {
	rest, ok := strings.CutPrefix(tag, ancestor)
	return ok && (rest == "" || rest[0] == '.')
}
