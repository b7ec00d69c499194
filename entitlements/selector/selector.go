// Package selector is how policies name schemas, tables and columns of a catalog, by their names, with wildcards or by
// a tag.
package selector

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"deputy/entitlements/catalog"
)

// Selector is a parsed entry of a list of selectors: a tag, or a pattern of one part (a schema: all its tables), two
// (tables) or three (columns).
type Selector struct {
	Text    string
	Tag     string
	pattern []part
}

// part is one part of a pattern. Names are compared letter by letter, as the catalog has them. A quoted part has no
// wildcards.
type part struct {
	text string
	glob bool
}

var (
	plainPart = regexp.MustCompile(`^[\pL\pN_$*?-]+$`)
)

// Parse reads one selector as it is written in a policy.
func Parse(text string) (Selector, error) {
	s := Selector{Text: text}
	if tag, ok := strings.CutPrefix(text, "tag:"); ok {
		if !catalog.IsTag(tag) {
			return s, fmt.Errorf("%q: a tag is words joined by dots, such as tag:PII.SSN, without wildcards", text)
		}
		s.Tag = tag
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

// Exact reports whether the pattern names one thing, which then has to be there.
func (s Selector) Exact() bool {
	return !slices.ContainsFunc(s.pattern, func(p part) bool { return p.glob })
}

// Schema is the text of the part that names the schema.
func (s Selector) Schema() string { return s.pattern[0].text }

// IsSchema reports whether the pattern names schemas.
func (s Selector) IsSchema() bool { return len(s.pattern) == 1 }

// IsTable reports whether the pattern names tables; a schema stands for all its tables.
func (s Selector) IsTable() bool { return len(s.pattern) == 1 || len(s.pattern) == 2 }

// IsColumn reports whether the pattern names columns.
func (s Selector) IsColumn() bool { return len(s.pattern) == 3 }

// MatchesTable reports whether the pattern names the table.
func (s Selector) MatchesTable(t catalog.TableName) bool {
	return s.IsTable() && s.Concerns(t)
}

// MatchesColumn reports whether the pattern names the column of the table.
func (s Selector) MatchesColumn(t catalog.TableName, column string) bool {
	return s.IsColumn() && s.Concerns(t) && s.pattern[2].matches(column)
}

// Concerns reports whether the pattern is about the table or a column that the table may have.
func (s Selector) Concerns(t catalog.TableName) bool {
	return len(s.pattern) > 0 && s.pattern[0].matches(t.Schema) && (s.IsSchema() || s.pattern[1].matches(t.Name))
}

// MatchesIn reports whether anything in the catalog is named.
func (s Selector) MatchesIn(c *catalog.Catalog) bool {
	return slices.ContainsFunc(c.Tables, func(t catalog.Table) bool {
		return s.Concerns(t.TableName) && (s.IsTable() || slices.ContainsFunc(t.Columns, func(col catalog.Column) bool {
			return s.pattern[2].matches(col.Name)
		}))
	})
}

// TableIn is the table of the catalog that an exact selector is about.
func (s Selector) TableIn(c *catalog.Catalog) (catalog.TableName, bool) {
	for _, t := range c.Tables {
		if s.Concerns(t.TableName) {
			return t.TableName, true
		}
	}
	return catalog.TableName{}, false
}

// LikeIn lists what the selector could have meant in the catalog: as many parts, in the writing of selectors.
func (s Selector) LikeIn(c *catalog.Catalog) (names []string) {
	for _, t := range c.Tables {
		schema, table := selectorPart(t.Schema), selectorPart(t.Schema)+"."+selectorPart(t.Name)
		switch {
		case s.IsSchema():
			if !slices.Contains(names, schema) {
				names = append(names, schema)
			}
		case s.IsTable():
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

// Below reports whether tag is the ancestor or one of its dotted descendants.
func Below(tag, ancestor string) bool {
	rest, ok := strings.CutPrefix(tag, ancestor)
	return ok && (rest == "" || rest[0] == '.')
}

// quoteName writes a name so that selectors take it letter by letter.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
