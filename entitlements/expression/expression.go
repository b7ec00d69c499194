// Package expression reads the SQL conditions and expressions that an administrator writes in policies. It does not
// understand the SQL: it makes sure that a text stays one expression wherever an engine puts it, and finds the
// variables in it.
package expression

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// UserGroups is the variable of the user's groups, and AttributePrefix is what the variables of attributes begin with.
const (
	UserGroups      = "user.groups"
	AttributePrefix = "attribute."
)

// Part is a piece of an expression: SQL as the administrator wrote it or, when Variable is set, what to put there.
//
// A list variable stands in two forms only, "= any(:attribute.NAME)" and "<> all(:attribute.NAME)". Whatever their case
// and spacing, the SQL before it ends in just "= any(" or "<> all(", and the SQL behind it starts with ")". A single
// one (One) is a value.
type Part struct {
	Column   string // a column of the table that stands before SQL; engines quote it as their language wants it
	SQL      string // including the operator and the opening "any(" or "all(" that precede a list
	Variable string // attribute.NAME, user.groups, user.id; or column: the masked column itself, in a sql mask
	// of the variable; data, never SQL: engines quote them. None (in a rehearsal): NULL, or an empty list
	Values []string
	// Unfit says that a value was taken out because it does not fit the type that it is compared with. What is compared
	// with it is unknown, as with NULL, and a variable that has no value left leaves the condition unknown as a whole.
	Unfit bool
}

// The variables that are not a list of values.
const (
	UserID     = "user.id"
	ThisColumn = "column"
)

// column is the name for people to read.
func (p Part) column() string {
	if p.Column == "" {
		return ""
	}
	return `"` + strings.ReplaceAll(p.Column, `"`, `""`) + `"`
}

// One reports whether the variable is a single value and not a list.
func (p Part) One() bool { return p.Variable == UserID }

const onlyForms = "write = any(:attribute.NAME), <> all(:attribute.NAME), the same with :user.groups, or :user.id for one value"

var (
	// listUse is a list in one of the two forms, anchored at its operator.
	listUse = regexp.MustCompile(
		`^(=\s*(?i:any)|<>\s*(?i:all))\s*\(\s*:(attribute\.[A-Za-z_][A-Za-z0-9_.-]*|user\.groups)\s*\)`,
	)
	userIDUse    = regexp.MustCompile(`^:user\.id($|[^A-Za-z0-9_.$-])`)
	inList       = regexp.MustCompile(`(?i)\b(any|all)\s*\(\s*$`)
	columnUse    = regexp.MustCompile(`^\$column($|[^A-Za-z0-9_$])`)
	variableWord = regexp.MustCompile(`(?i):\s*(attribute|user)\b`)
)

// Parse takes a condition on rows apart. It does not understand the SQL: it makes sure that the text stays one
// expression wherever an engine puts it in parentheses, and finds the variables in it. What else is wrong, the database
// says. In the parts, a list is always preceded and followed by SQL as Part says.
func Parse(text string) ([]Part, error) { return parse(text, false) }

// ParseOfColumn does the same for the expression of a sql mask, whose only variable is $column.
func ParseOfColumn(text string) ([]Part, error) {
	parts, err := parse(text, true)
	for _, p := range parts {
		if p.Variable != "" && p.Variable != ThisColumn {
			return nil, fmt.Errorf("a mask is the same for all whom it is for: :%s is for filters and when", p.Variable)
		}
	}
	return parts, err
}

func parse(where string, ofColumn bool) ([]Part, error) {
	if strings.TrimSpace(where) == "" {
		return nil, errors.New("it is empty: write an expression")
	}
	if !utf8.ValidString(where) || strings.ContainsRune(where, 0) {
		return nil, errors.New("it is not plain text")
	}
	w := conditionScanner{text: where, ofColumn: ofColumn}
	for w.at < len(where) {
		if err := w.next(); err != nil {
			return nil, err
		}
	}
	if n := len(w.open); n > 0 {
		return nil, fmt.Errorf("%q is not closed", w.open[n-1])
	}
	return append(w.parts, Part{SQL: where[w.from:]}), nil
}

type conditionScanner struct {
	text     string
	ofColumn bool // $column may stand in it
	at       int
	from     int // start of the SQL that is in no part yet
	open     []byte
	parts    []Part
}

// variable ends the SQL so far and takes a variable of that length.
func (w *conditionScanner) variable(name string, length int) {
	w.parts = append(w.parts, Part{SQL: w.text[w.from:w.at]}, Part{Variable: name})
	w.at += length
	w.from = w.at
}

func (w *conditionScanner) next() error {
	rest := w.text[w.at:]
	switch c := rest[0]; {
	case c == ';':
		return errors.New("it must be one expression: there is a ; in it")
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"), strings.HasPrefix(rest, "*/"):
		return errors.New("it must be one expression: there is a comment in it")
	case w.ofColumn && columnUse.MatchString(rest):
		w.variable(ThisColumn, len("$column"))
		return nil
	case strings.HasPrefix(rest, "$column"):
		return errors.New("$column is what a sql mask works on: name the column here")
	case c == '$' && w.ofColumn:
		return errors.New("$column is the only word with a $ here")
	case c == '`', c == '$', c == '\\':
		return fmt.Errorf("%q outside of quotes is not understood the same everywhere: write it another way", c)
	case c == '\'' || c == '"':
		return w.quoted(c)
	case c == '(' || c == '[':
		w.open = append(w.open, c)
	case c == ')' || c == ']':
		if n := len(w.open); n == 0 || w.open[n-1] != opening(c) {
			return fmt.Errorf("%q closes nothing", c)
		}
		w.open = w.open[:len(w.open)-1]
	case strings.HasPrefix(rest, "::"):
		w.at += 2
		return nil
	case userIDUse.MatchString(rest) && inList.MatchString(w.text[:w.at]):
		return errors.New(":user.id is one value and no list: write = :user.id")
	case userIDUse.MatchString(rest):
		w.variable(UserID, len(":user.id"))
		return nil
	case c == ':' && variableWord.MatchString(rest):
		return fmt.Errorf("what is known of the caller may stand in these forms only: %s", onlyForms)
	case c == ':':
		return errors.New("a colon is a cast (::) or stands before what is known of the caller: " + onlyForms)
	case isOperator(c):
		return w.operator()
	}
	w.at++
	return nil
}

func opening(closing byte) byte {
	if closing == ')' {
		return '('
	}
	return '['
}

func isOperator(c byte) bool { return strings.IndexByte("=<>!~+-*/%^&|@#?", c) >= 0 }

// operator passes a whole run of operator characters, so that "<= any(" is not taken for "= any(".
func (w *conditionScanner) operator() error {
	if use := listUse.FindStringSubmatch(w.text[w.at:]); use != nil {
		op := "= any("
		if use[1][0] == '<' {
			op = "<> all("
		}
		w.parts = append(w.parts, Part{SQL: w.text[w.from:w.at] + op}, Part{Variable: use[2]})
		w.at += len(use[0])
		w.from = w.at - 1 // at the closing parenthesis
		return nil
	}
	for w.at < len(w.text) && isOperator(w.text[w.at]) {
		rest := w.text[w.at:]
		if strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") || strings.HasPrefix(rest, "*/") {
			return errors.New("it must be one expression: there is a comment in it")
		}
		w.at++
	}
	return nil
}

// quoted passes a string or a quoted name. What stands right before it must not change where it ends, as E'…' would.
func (w *conditionScanner) quoted(quote byte) error {
	if w.at > 0 {
		if before := w.text[w.at-1]; before == '&' || before == '_' || before >= utf8.RuneSelf || isWordByte(before) {
			return fmt.Errorf("a string may not have a prefix: put a space before %c if there is none", quote)
		}
	}
	start := w.at
	for w.at++; w.at < len(w.text); w.at++ {
		if w.text[w.at] != quote {
			continue
		}
		if w.at++; w.at < len(w.text) && w.text[w.at] == quote {
			continue
		}
		if variableWord.MatchString(w.text[start:w.at]) {
			return fmt.Errorf("in quotes, :attribute and :user are only text: %s", onlyForms)
		}
		return nil
	}
	return fmt.Errorf("a quote %c is not closed", quote)
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Text is an expression for people to read, never to run: with the values it is bound to, or the variable
// where it has none.
func Text(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Variable == "":
			b.WriteString(p.column() + p.SQL)
		case p.Variable == ThisColumn:
			b.WriteString("$column")
		case len(p.Values) == 0:
			b.WriteString(":" + p.Variable)
		default:
			for i, v := range p.Values {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString("'" + strings.ReplaceAll(v, "'", "''") + "'")
			}
		}
	}
	return strings.TrimSpace(b.String())
}
