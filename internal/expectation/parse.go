package expectation

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/identity"
)

const (
	whoGrammar    = "write USER via AGENT, USER (GROUP, ATTRIBUTE=VALUE) via AGENT, or AGENT alone, and behind it for PURPOSE or on PLATFORM where it matters"
	clauseGrammar = `write TABLE is open, TABLE is denied, TABLE.COLUMN is clear, TABLE.COLUMN is masked with KIND by "POLICY", TABLE.COLUMN is partly masked, ` +
		"sees 5 rows, sees no rows, via user, via agent or via both"
)

var (
	onBehalf = regexp.MustCompile(`^(.+?)(?:\s+\(([^()]*)\))?\s+via\s+(\S+)(?:\s+for\s+(.+?))?(?:\s+on\s+(\S+))?$`)
	alone    = regexp.MustCompile(`^(\S+)\s+alone(?:\s+for\s+(.+?))?(?:\s+on\s+(\S+))?$`)
	// What policies write would be a group here that nobody is in, and every test of it would hold.
	purposeSaid = regexp.MustCompile(`^purpose(?:[:=]|\s)\s*(.+)$`)
	matcherSaid = regexp.MustCompile(`^(` + strings.Join(wordsAboutPeople(), "|") + `):`)
	userID      = regexp.MustCompile(`^[^\s(),"]+$`)
)

// wordsAboutPeople begin the terms of policies that ask about the judged identity.
func wordsAboutPeople() (out []string) {
	for _, f := range entitlements.TermForms() {
		if !f.AboutAgent && !f.Alone {
			out = append(out, f.Word)
		}
	}
	return out
}

// Example is a sentence as a test is.
const Example = "taylor via marketing-agent: sales.orders is open"

// Parse reads a sentence: who calls, and behind a colon and a space what is expected.
func Parse(sentence string) (t Test, err error) {
	who, expected, found := strings.Cut(sentence, ": ")
	if !found {
		return t, NoColon(sentence)
	}
	if t.Who, err = ParseWho(who); err == nil {
		err = t.Expect(expected, 0)
	}
	return t, err
}

// NoColon says that a sentence expects nothing.
func NoColon(sentence string) error {
	return fmt.Errorf(
		"%q does not say what is expected: write it behind a colon and a space, such as %s",
		sentence,
		Example,
	)
}

// Expect adds what is expected, and stands on that line of the file.
func (t *Test) Expect(text string, line int) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("what is expected is missing here: %s", clauseGrammar)
	}
	var table []string
	if n := len(t.Clauses); n > 0 {
		table = t.Clauses[n-1].Table
	}
	clauses, err := parseClauses(text, table)
	for _, c := range clauses {
		c.Line = line
		t.Clauses = append(t.Clauses, c)
	}
	return err
}

// ParseWho reads who calls.
func ParseWho(text string) (Who, error) {
	text = strings.TrimSpace(text)
	w := Who{Text: text}
	if found := onBehalf.FindStringSubmatch(text); found != nil {
		w.User, w.Agent, w.Purpose, w.Platform = found[1], found[3], found[4], found[5]
		if userID.MatchString(w.User) {
			return w, w.suppose(found[2])
		}
	}
	if found := alone.FindStringSubmatch(text); found != nil {
		return Who{Text: text, Agent: found[1], Purpose: found[2], Platform: found[3]}, nil
	}
	return Who{}, fmt.Errorf("%q does not say who calls: %s", text, whoGrammar)
}

// suppose reads what stands in parentheses: groups, and attributes with their values.
func (w *Who) suppose(list string) error {
	if strings.TrimSpace(list) == "" {
		return nil
	}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		name, value, attribute := strings.Cut(item, "=")
		switch purpose := purposeSaid.FindStringSubmatch(item); {
		case purpose != nil:
			return fmt.Errorf("%q: write the purpose behind the agent: USER via AGENT for %s", item, purpose[1])
		case matcherSaid.MatchString(item):
			return fmt.Errorf("%q: write GROUP or ATTRIBUTE=VALUE, without a word before it", item)
		case item == "", attribute && (name == "" || value == ""):
			return fmt.Errorf("%q is neither a group nor an attribute: write GROUP or ATTRIBUTE=VALUE", item)
		case attribute:
			if w.Attributes == nil {
				w.Attributes = map[string]identity.Values{}
			}
			w.Attributes[name] = append(w.Attributes[name], value)
		default:
			w.Groups = append(w.Groups, item)
		}
	}
	return nil
}

// parseClauses reads what is expected. A clause without a table is about the last one that was named, so before is what
// was.
func parseClauses(text string, before []string) (out []Clause, err error) {
	for _, part := range split(text, ',') {
		c, err := parseClause(strings.TrimSpace(part), before)
		if err != nil {
			return nil, err
		}
		out, before = append(out, c), c.Table
	}
	return out, nil
}

func parseClause(text string, before []string) (Clause, error) {
	c := Clause{Text: text, Table: before}
	words := slices.DeleteFunc(split(text, ' '), func(w string) bool { return w == "" })
	wrong := fmt.Errorf("%q is not understood: %s", text, clauseGrammar)
	if len(words) > 0 && !slices.Contains([]string{"sees", "via"}, words[0]) {
		name, err := selector.Split(words[0])
		if err != nil || len(words) < 2 {
			return c, errors.Join(wrong, err)
		}
		if c.Table = name; words[1] == "is" {
			return c.parseIs(words[2:], wrong)
		}
		words = words[1:]
	}
	if len(c.Table) == 0 || len(c.Table) > 2 {
		return c, fmt.Errorf("%q does not say of which table: write TABLE %[1]s, or something about a table before it", text)
	}
	switch {
	case len(words) == 3 && words[0] == "sees" && (words[2] == "rows" || words[2] == "row"):
		n, err := strconv.Atoi(words[1])
		if words[1] != "no" && (err != nil || n < 0) {
			return c, wrong
		}
		c.Kind, c.Rows = Sees, n
		return c, nil
	case len(words) == 2 && words[0] == "via" && slices.Contains([]string{"user", "agent", "both"}, words[1]):
		c.Kind, c.Via = Via, words[1]
		return c, nil
	}
	return c, wrong
}

func (c Clause) parseIs(words []string, wrong error) (Clause, error) {
	switch strings.Join(words, " ") {
	case "open", "denied":
		if c.Kind = Kind(words[0]); len(c.Table) > 2 {
			return c, fmt.Errorf("%q: a table is %s, and a column is clear or masked", c.Text, c.Kind)
		}
		return c, nil
	case "clear":
		c.Kind, words = Clear, nil
	default:
		c.Kind = Masked
		if len(words) > 1 && words[0] == "partly" {
			c.Kind, words = PartlyMasked, words[1:]
		}
		if len(words) == 0 || words[0] != "masked" {
			return c, wrong
		}
		words = words[1:]
	}
	if len(c.Table) < 2 || len(c.Table) > 3 {
		return c, fmt.Errorf("%q: a column is %s: write TABLE.COLUMN or SCHEMA.TABLE.COLUMN", c.Text, c.Kind)
	}
	last := len(c.Table) - 1
	c.Table, c.Column = c.Table[:last:last], c.Table[last]
	return c.parseMask(words, wrong)
}

func (c Clause) parseMask(words []string, wrong error) (Clause, error) {
	if len(words) >= 2 && words[0] == "with" {
		masks := entitlements.MaskKinds()
		if c.Mask, words = words[1], words[2:]; !slices.Contains(masks, entitlements.MaskKind(c.Mask)) {
			return c, fmt.Errorf("%q: there is no mask %s: those known are %v", c.Text, c.Mask, masks)
		}
	}
	if len(words) == 2 && words[0] == "by" {
		name := words[1]
		if len(name) < 3 || name[0] != '"' || name[len(name)-1] != '"' {
			return c, fmt.Errorf(`%q: put the policy's name in double quotes: by "hide personal data"`, c.Text)
		}
		c.Policy, words = strings.ReplaceAll(name[1:len(name)-1], `""`, `"`), nil
	}
	if len(words) > 0 {
		return c, wrong
	}
	return c, nil
}

// split cuts a text at a character wherever that stands outside of double quotes.
func split(text string, at rune) (parts []string) {
	quoted, start := false, 0
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == at && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
