package scan

import (
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/vending"
)

// Finding is what is proposed for a column, or why nothing is.
type Finding struct {
	Column   entitlements.ColumnName
	Type     string
	Tag      string   // that is proposed; empty: none
	Doubtful bool     // only some values look like it: somebody has to look
	Reasons  []string // for the tag
	Tagged   []string // tags that cover the column already: then it is not proposed
	Values   int      // that were looked at
	Hits     map[string]int
}

// byPattern is what a pattern is a sign of.
var byPattern = map[string]string{
	"email": Email,
	"phone": Phone,
	"ssn":   SSN,
	"iban":  IBAN,
	"card":  CreditCard,
	"ip":    IP,
}

// Above the first share of the values a pattern is proposed, above the second it is put to somebody to decide: free
// text often has something personal in some rows only.
const (
	likely   = 0.5
	possible = 0.05
)

// Propose judges a column by its name, its type and its profile.
func Propose(table entitlements.TableName, c vending.ColumnProfile, tagsOfTable, tagsOfColumn []string) Finding {
	f := Finding{
		Column: entitlements.ColumnName{TableName: table, Column: c.Name},
		Type:   c.Type,
		Values: c.Values,
		Hits:   map[string]int{},
	}
	for pattern, n := range c.Hits {
		if n > 0 {
			f.Hits[pattern] = n
		}
	}
	pattern, share := best(c)
	byName := ByName(table, c.Column)
	switch {
	case share >= likely && byName != Secret: // a secret may look like anything
		f.Tag = byPattern[pattern]
		f.Reasons = append(f.Reasons, looks(c, pattern))
		if byName == f.Tag {
			f.Reasons = append(f.Reasons, "its name")
		}
	case byName != "":
		f.Tag, f.Reasons = byName, []string{"its name"}
		named := func(p vending.Pattern) bool { return byPattern[p.Name] == byName }
		if i := slices.IndexFunc(vending.Patterns, named); i >= 0 && c.Values > 0 {
			f.Reasons = append(f.Reasons, looks(c, vending.Patterns[i].Name))
		}
	case share >= possible:
		f.Tag, f.Doubtful, f.Reasons = byPattern[pattern], true, []string{looks(c, pattern)}
	}
	f.Tagged = covering(f.Tag, tagsOfTable, tagsOfColumn)
	return f
}

// best is the pattern that most of the values have.
func best(c vending.ColumnProfile) (pattern string, share float64) {
	for _, p := range vending.Patterns {
		if n := c.Hits[p.Name]; n > 0 && float64(n)/float64(c.Values) > share {
			pattern, share = p.Name, float64(n)/float64(c.Values)
		}
	}
	return pattern, share
}

func looks(c vending.ColumnProfile, pattern string) string {
	return fmt.Sprintf("%d of %d values look like %s", c.Hits[pattern], c.Values, nouns[pattern])
}

var nouns = map[string]string{
	"email": "an e-mail address",
	"phone": "a phone number",
	"ssn":   "a social security number",
	"iban":  "an IBAN",
	"card":  "a card number",
	"ip":    "an IP address",
}

// covering are the tags that somebody has given the column, and those of its table that are about the same thing. That
// a column is New or in a table that is, say, Regional, says nothing of what is in it.
func covering(tag string, ofTable, ofColumn []string) (out []string) {
	for _, t := range ofColumn {
		if t != entitlements.New {
			out = append(out, t)
		}
	}
	for _, t := range ofTable {
		if tag != "" && entitlements.Related(t, tag) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// YAML writes the findings as the section tags: of the configuration, each with its reasons, the doubtful ones as
// comments.
func YAML(findings []Finding) string {
	proposed := map[string][]Finding{}
	var tags, tagged []string
	for _, f := range findings {
		switch {
		case len(f.Tagged) > 0:
			tagged = append(
				tagged,
				fmt.Sprintf("# %s is tagged already: %s%s\n", quote(f.Column), strings.Join(f.Tagged, ", "), alsoLooks(f)),
			)
		case f.Tag != "":
			if proposed[f.Tag] == nil {
				tags = append(tags, f.Tag)
			}
			proposed[f.Tag] = append(proposed[f.Tag], f)
		}
	}
	slices.Sort(tags)
	var b strings.Builder
	if len(tags) == 0 {
		b.WriteString("# Nothing looks personal or secret that is not tagged already.\n")
	} else {
		b.WriteString("tags:\n")
	}
	for _, tag := range tags {
		header := marked(!slices.ContainsFunc(proposed[tag], func(f Finding) bool { return !f.Doubtful }))
		fmt.Fprintf(&b, "  %s%s:\n", header, tag)
		for _, f := range proposed[tag] {
			fmt.Fprintf(&b, "    %s- %s  # %s\n", marked(f.Doubtful), quote(f.Column), strings.Join(f.Reasons, ", "))
		}
	}
	return b.String() + strings.Join(tagged, "")
}

// marked begins a line that is only a comment.
func marked(doubtful bool) string {
	if doubtful {
		return "# "
	}
	return ""
}

// alsoLooks tells of what the tags that are there do not say.
func alsoLooks(f Finding) string {
	if f.Tag == "" || slices.ContainsFunc(f.Tagged, func(t string) bool { return entitlements.Related(t, f.Tag) }) {
		return ""
	}
	return fmt.Sprintf("; but it may be %s: %s", f.Tag, strings.Join(f.Reasons, ", "))
}

func quote(c entitlements.ColumnName) string { return Quote(c.Schema, c.Name, c.Column) }
