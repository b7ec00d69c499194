// Package written is how words and numbers stand in a policy file: what an explanation shows of a policy can be pasted
// there.
package written

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Decimal is how numbers are written in masks, so that every engine reads the same: no exponent, 18 digits at most
// before and after the point.
var Decimal = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`)

// plainScalar is what YAML takes as it stands, even between brackets.
var plainScalar = regexp.MustCompile(`^[\pL\pN_.$/+=<-]([\pL\pN_.$/+=:@-]|[ ]+[\pL\pN_.$/+=-])*$`)

// Scalar quotes what YAML would take for something else.
func Scalar(s string) string {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(s)
	case !plainScalar.MatchString(s) || strings.Contains(s+" ", ": ") || strings.HasPrefix(s, "-") && !Decimal.MatchString(s) ||
		strings.HasPrefix(s, "...") || s == "<<" || strings.EqualFold(s, "null"):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return s
}
