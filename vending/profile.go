package vending

import (
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"deputy/entitlements"
)

// Profile is what the values of a table look like: counts only, no value.
type Profile struct {
	Role    Role
	Rows    int // that were sampled
	Columns []ColumnProfile
}

// ColumnProfile counts how many of a column's sampled values look like something.
type ColumnProfile struct {
	entitlements.Column
	Values int            // that are not NULL
	Hits   map[string]int // by the name of the pattern
}

// MaxProfiled is the length of the longest value that can look like anything, in characters.
const MaxProfiled = 100

// ProfileTime is how long the profile of one table may take in the database.
const ProfileTime = time.Minute

// Pattern is something that a value may look like. Blanks around the value do not count.
type Pattern struct {
	Name  string
	Strip string // characters that may stand between the others
	Is    string // a regular expression that every engine reads alike, see entitlements' patterns
	Not   string // one for what looks the same and is something else; may be empty
	Check Check
}

// Check is an arithmetic that made-up numbers fail most of the time.
type Check string

// What Check can be, besides none.
const (
	Luhn  Check = "luhn"   // of payment cards
	Mod97 Check = "mod 97" // of IBANs, ISO 7064
)

const octet = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`

// Patterns are all that a profile looks for.
var Patterns = []Pattern{
	{Name: "email", Is: `^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}$`},
	{
		Name: "phone",
		Is:   `^(\+[0-9]([ .()-]{0,2}[0-9]){6,14}|\([0-9]{1,4}\)[ .-]?[0-9]{2,4}([ .-][0-9]{2,4}){0,4}|[0-9]{3}[ -][0-9]{4}|[0-9]{2,4}([ .-][0-9]{2,4}){2,4})$`,
		// dates, fractions, the patterns below
		Not: `^([0-9]{4}[.-][0-9]{2}([.-][0-9]{2})?|[0-9]{2}[.-][0-9]{2}[.-][0-9]{2,4}|[0-9]{2,4}[.-][0-9]{1,2}|[0-9]{3}-[0-9]{2}-[0-9]{4}|([0-9]{1,3}\.){3}[0-9]{1,3}|([0-9]{4}[ -]){3,4}[0-9]{1,4})$`,
	},
	{Name: "ssn", Is: `^[0-9]{3}-[0-9]{2}-[0-9]{4}$`, Not: `^(000|666|9)|-00-|-0000$`},
	{Name: "iban", Strip: " ", Is: `^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`, Check: Mod97},
	{Name: "card", Strip: " -", Is: `^[2-6][0-9]{12,18}$`, Check: Luhn},
	{
		Name: "ip",
		Is:   `^((` + octet + `\.){3}` + octet + `|([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,6})?::([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,6})?)(/[0-9]{1,3})?$`,
		Not:  `^::$`,
	},
}

var compiled = sync.OnceValue(func() map[string]*regexp.Regexp {
	out := map[string]*regexp.Regexp{}
	for _, p := range Patterns {
		out[p.Is], out[p.Not] = regexp.MustCompile(p.Is), regexp.MustCompile(p.Not)
	}
	return out
})

// Matches reports whether a value looks like it: for engines that cannot ask their database.
func (p Pattern) Matches(value string) bool {
	value = strings.Trim(value, " ")
	if utf8.RuneCountInString(value) > MaxProfiled {
		return false
	}
	value = strings.Map(func(r rune) rune {
		if strings.ContainsRune(p.Strip, r) {
			return -1
		}
		return r
	}, value)
	if !compiled()[p.Is].MatchString(value) || p.Not != "" && compiled()[p.Not].MatchString(value) {
		return false
	}
	switch p.Check {
	case Luhn:
		return luhn(value)
	case Mod97:
		return mod97(value[4:]+value[:4]) == 1
	}
	return true
}

// luhn takes digits.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// mod97 takes digits and capital letters, which stand for 10 to 35.
func mod97(text string) (rest int) {
	for i := range len(text) {
		if c := int(text[i]); c <= '9' {
			rest = (rest*10 + c - '0') % 97
		} else {
			rest = (rest*100 + c - 'A' + 10) % 97
		}
	}
	return rest
}

// Whole is the access to everything of a table, for a profile.
func Whole(t entitlements.Table) entitlements.Access {
	access := entitlements.Access{Table: t.TableName}
	for _, c := range t.Columns {
		access.Columns = append(access.Columns, entitlements.ColumnAccess{Column: c})
	}
	return access
}
