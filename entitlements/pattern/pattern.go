// Package pattern is the part of regular expressions that means the same in every database: a mask must not hide less
// on one engine than on another.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxPattern    = 500 // bytes in a pattern
	maxRepetition = 255 // PostgreSQL's own limit
)

// Every engine has its own regular expressions. A mask must not hide less on one than on another, so only what means
// the same everywhere may be in a pattern: characters, classes, groups, greedy repetition, alternatives, ^ and $ for
// the whole value, \d \w \s.

var (
	patternEscape     = regexp.MustCompile(`\\(.?)`)
	repetition        = regexp.MustCompile(`^\{([0-9]{1,3})(?:,([0-9]{0,3}))?\}`)
	repeatedAnchor    = regexp.MustCompile(`[$^][*+?{]`)
	lazy              = regexp.MustCompile(`[*+?}][?+]`)
	replacementEscape = regexp.MustCompile(`\\(.?)`)
)

// Check refuses a pattern that is none, or that another engine would read in another way.
func Check(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("regex needs match: say what is replaced")
	case len(pattern) > maxPattern:
		return fmt.Errorf("the pattern is longer than %d characters", maxPattern)
	case !utf8.ValidString(pattern) || strings.ContainsRune(pattern, 0):
		return errors.New("the pattern is not plain text")
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		var bad *syntax.Error
		if errors.As(err, &bad) {
			return fmt.Errorf("the pattern cannot be read: %s: %q", bad.Code, bad.Expr)
		}
		return err
	}
	if compiled.MatchString("") { // engines do not agree on how often, and it would be put in between all characters
		return errors.New("the pattern matches where nothing is: write + instead of *, or take the empty alternative away")
	}
	return samePattern(pattern)
}

// samePattern refuses what another engine would read in another way.
func samePattern(pattern string) error {
	const same = "write it with characters, [classes], (groups), | * + ? {n,m} ^ $ . \\d \\w \\s, which mean the same in every database"
	for _, escape := range patternEscape.FindAllStringSubmatch(pattern, -1) {
		if c := escape[1]; c == "" || !strings.Contains("dwsDWS", c) && (isWordByte(c[0]) || c[0] >= utf8.RuneSelf) {
			return fmt.Errorf("%q in the pattern is not understood the same everywhere: %s", escape[0], same)
		}
	}
	bare := withoutClasses(patternEscape.ReplaceAllStringFunc(pattern, func(escape string) string {
		if strings.Contains("dwsDWS", escape[1:]) {
			return "\x00" // many characters; none of a pattern's own
		}
		return "x"
	}))
	for i := strings.IndexByte(bare, '{'); i >= 0; {
		counts := repetition.FindStringSubmatch(bare[i:])
		if counts == nil {
			return fmt.Errorf("a { in the pattern that is no repetition is not understood the same everywhere: write \\{")
		}
		if least, _ := strconv.Atoi(counts[1]); least > maxRepetition {
			return fmt.Errorf("%s in the pattern is more than every database can count: %d at most", counts[0], maxRepetition)
		}
		if most, _ := strconv.Atoi(counts[2]); most > maxRepetition {
			return fmt.Errorf("%s in the pattern is more than every database can count: %d at most", counts[0], maxRepetition)
		}
		next := strings.IndexByte(bare[i+1:], '{')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	switch {
	case strings.Contains(strings.ReplaceAll(bare, "(?:", "("), "(?"):
		return fmt.Errorf("(? in the pattern is not understood the same everywhere: %s", same)
	case repeatedAnchor.MatchString(bare):
		return fmt.Errorf(
			"%q in the pattern is not understood the same everywhere: ^ and $ cannot be repeated",
			repeatedAnchor.FindString(bare),
		)
	case lazy.MatchString(bare):
		return fmt.Errorf("%q in the pattern is not understood the same everywhere: %s", lazy.FindString(bare), same)
	case strings.ContainsAny(bare, "[]"):
		return fmt.Errorf(
			"a [class] in the pattern is not understood the same everywhere: put ], [ and - into it as \\], \\[ and \\-",
		)
	}
	return nil
}

// simpleClass is a bracket expression of characters, ranges and, as NUL, \d and the like. A - that makes no range is
// first or last.
var simpleClass = regexp.MustCompile(`\[\^?-?(?:\x00|[^\x00\[\]-](?:-[^\x00\[\]-])?)*-?\]`)

func withoutClasses(pattern string) string { return simpleClass.ReplaceAllString(pattern, "x") }

// CheckReplacement makes sure that what is put in place of a match is text and groups that are there.
func CheckReplacement(pattern, replace string) error {
	if !utf8.ValidString(replace) || strings.ContainsRune(replace, 0) {
		return errors.New("replace is not plain text")
	}
	compiled, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil // said already
	}
	groups := compiled.MaxCap()
	for _, escape := range replacementEscape.FindAllStringSubmatch(replace, -1) {
		switch c := escape[1]; {
		case c == `\`:
		case c >= "1" && c <= "9" && len(c) == 1:
			if int(c[0]-'0') > groups {
				return fmt.Errorf("replace names group %s, and the pattern has %d", escape[0], groups)
			}
			if !sameGroups(compiled) {
				return fmt.Errorf(
					"replace names group %s, which does not hold the same everywhere: write alternatives that begin with different characters, and repeat no group",
					escape[0],
				)
			}
		default:
			return fmt.Errorf(`%q in replace: write \1 to \9 for groups and \\ for a backslash`, escape[0])
		}
	}
	return nil
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
