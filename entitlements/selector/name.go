package selector

import (
	"fmt"
	"regexp"
	"strings"
)

// bareName is a part of a name that needs no quotes, and is no wildcard.
var bareName = regexp.MustCompile(`^[\pL\pN_$-]+$`)

// Split takes a name apart as policies write it: parts joined by dots, and parts with other characters in double
// quotes.
func Split(text string) (parts []string, err error) {
	for rest := text; ; {
		p, after, err := cutPart(rest)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q: %w", text, err)
		case p.glob:
			return nil, fmt.Errorf("%q: one name belongs here, without wildcards", text)
		}
		parts = append(parts, p.text)
		if after == "" {
			return parts, nil
		}
		rest = after[1:]
	}
}

// Join writes a name so that Split, and every selector, reads just that.
func Join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if !bareName.MatchString(p) {
			p = quoteName(p)
		}
		out = append(out, p)
	}
	return strings.Join(out, ".")
}
