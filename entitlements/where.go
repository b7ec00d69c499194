package entitlements

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const onlyForms = "write = any(:attribute.NAME) or <> all(:attribute.NAME)"

var (
	// attributeUse is an attribute in one of the two forms, anchored at its operator.
	attributeUse  = regexp.MustCompile(`^(=\s*(?i:any)|<>\s*(?i:all))\s*\(\s*:attribute\.([A-Za-z_][A-Za-z0-9_.-]*)\s*\)`)
	attributeWord = regexp.MustCompile(`(?i):\s*attribute\b`)
)

// parseWhere takes a row filter apart. It does not understand the SQL: it makes sure that the text stays one expression
// wherever an engine puts it in parentheses, and finds the attributes in it. What else is wrong, the database says.
//
// In the parts, an attribute is always preceded by SQL that ends in "= any(" or "<> all(", in just these characters, and
// followed by SQL that starts with ")".
func parseWhere(where string) ([]Part, error) {
	if strings.TrimSpace(where) == "" {
		return nil, errors.New("it is empty")
	}
	if !utf8.ValidString(where) || strings.ContainsRune(where, 0) {
		return nil, errors.New("it is not plain text")
	}
	w := whereScanner{text: where}
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

type whereScanner struct {
	text  string
	at    int
	from  int // start of the SQL that is in no part yet
	open  []byte
	parts []Part
}

func (w *whereScanner) next() error {
	rest := w.text[w.at:]
	switch c := rest[0]; {
	case c == ';':
		return errors.New("it must be one expression: there is a ; in it")
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"), strings.HasPrefix(rest, "*/"):
		return errors.New("it must be one expression: there is a comment in it")
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
	case c == ':' && attributeWord.MatchString(rest):
		return fmt.Errorf("an attribute may stand in two forms only: %s", onlyForms)
	case c == ':':
		return errors.New("a colon is a cast (::) or an attribute: " + onlyForms)
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
func (w *whereScanner) operator() error {
	if use := attributeUse.FindStringSubmatch(w.text[w.at:]); use != nil {
		op := "= any("
		if use[1][0] == '<' {
			op = "<> all("
		}
		w.parts = append(w.parts, Part{SQL: w.text[w.from:w.at] + op}, Part{Attribute: use[2]})
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
func (w *whereScanner) quoted(quote byte) error {
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
		if attributeWord.MatchString(w.text[start:w.at]) {
			return fmt.Errorf("in quotes, :attribute is only text: %s", onlyForms)
		}
		return nil
	}
	return fmt.Errorf("a quote %c is not closed", quote)
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
