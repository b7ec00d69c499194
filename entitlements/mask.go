package entitlements

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"deputy/entitlements/expression"
	"deputy/entitlements/pattern"
	"deputy/internal/mistake"
)

// MaskKind is how a value is hidden.
type MaskKind string

// In the order of strictness: the first hides the most.
const (
	MaskNull     MaskKind = "null"     // a NULL of the column's type
	MaskConstant MaskKind = "constant" // the same value everywhere
	MaskHash     MaskKind = "hash"     // HMAC-SHA-256, hex: equal values stay equal, across tables too
	// other digits for digits, other letters for letters, the rest stays; keyed and stable
	MaskFormatPreserving MaskKind = "format_preserving"
	// the name of the range that the value is in; the column becomes text
	MaskBucket   MaskKind = "bucket"
	MaskTruncate MaskKind = "truncate" // a date or time cut down to its month, year and the like
	MaskRound    MaskKind = "round"    // a number rounded to a step
	MaskEmail    MaskKind = "email"    // ***@ and the domain
	MaskPartial  MaskKind = "partial"  // the first and last characters stay, the rest becomes '*'
	MaskRegex    MaskKind = "regex"    // what matches is replaced
	MaskSQL      MaskKind = "sql"      // an expression the administrator wrote; the column takes its type
)

var strictness = []MaskKind{
	MaskNull,
	MaskConstant,
	MaskHash,
	MaskFormatPreserving,
	MaskBucket,
	MaskTruncate,
	MaskRound,
	MaskEmail,
	MaskPartial,
	MaskRegex,
	MaskSQL,
}

// maskForms is how each mask is written, those of one word first.
var maskForms = []struct {
	kind  MaskKind
	write string
}{
	{MaskNull, "null"},
	{MaskHash, "hash"},
	{MaskEmail, "email"},
	{MaskFormatPreserving, "format_preserving"},
	{MaskConstant, "{constant: TEXT}"},
	{MaskPartial, "{partial: {first: N, last: N}}"},
	{MaskRegex, "{regex: {match: PATTERN, replace: TEXT}}"},
	{MaskRound, "{round: STEP}"},
	{MaskTruncate, "{truncate: UNIT}"},
	{MaskBucket, "{bucket: [{below: N, name: TEXT}]}"},
	{MaskSQL, "{sql: EXPRESSION}"},
}

// NeedsNothing reports whether the mask is written as its name alone.
func (k MaskKind) NeedsNothing() bool {
	return k == MaskNull || k == MaskHash || k == MaskEmail || k == MaskFormatPreserving
}

// KnownMasks is how all masks are written.
func KnownMasks() string {
	var out []string
	for _, f := range maskForms {
		out = append(out, f.write)
	}
	return strings.Join(out, ", ")
}

// NotAMask says how the mask of that name is written, if there is one.
func NotAMask(word string) error {
	for _, f := range maskForms {
		if string(f.kind) == word {
			return fmt.Errorf("the mask %s is written with: %s", word, f.write)
		}
	}
	return fmt.Errorf("%q is not a mask%s (known: %s)", word, mistake.Hint(word, words(strictness)), KnownMasks())
}

// Mask hides a column's values. A mask that does not fit the column's type becomes a NULL of that type: see Fits.
// NULL stays NULL, but for a constant and what an administrator's expression makes of it.
type Mask struct {
	Kind     MaskKind
	Constant string            // for MaskConstant
	First    int               // for MaskPartial: characters kept at the start
	Last     int               // for MaskPartial: characters kept at the end
	Pattern  string            // for MaskRegex, see package pattern for what may be in it
	Replace  string            // for MaskRegex: \1 to \9 stand for what the groups matched
	Keep     bool              // for MaskRegex: a value without a match stays as it is; otherwise it becomes NULL
	Step     string            // for MaskRound: a positive decimal
	Unit     Unit              // for MaskTruncate
	Buckets  []Bucket          // for MaskBucket, in ascending order; only the last may be without a bound
	SQL      []expression.Part // for MaskSQL: its only variable is ThisColumn
}

// Bucket is a range of numbers or dates: everything below Below that is in no bucket before it.
type Bucket struct {
	Below string // a decimal or a date; empty: the rest
	Name  string
}

// Unit is what MaskTruncate cuts down to. Weeks begin on Monday.
type Unit string

var units = []Unit{"year", "quarter", "month", "week", "day", "hour", "minute"}

// Decimal is how numbers are written in masks, so that every engine reads the same: no exponent, 18 digits at most
// before and after the point.
var Decimal = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`)

// Fits reports whether the mask's values are values of such a column and hide anything of it, and whether equal values
// of it stay equal where the mask promises that. A mask of unknown kind fits nothing.
func (m Mask) Fits(c Column) bool {
	k := c.Kind
	switch m.Kind {
	case MaskNull, MaskSQL: // whether the SQL fits, the database says at the start
		return true
	case MaskHash, MaskFormatPreserving:
		return k == Text && c.Equality != Unsaid
	case MaskEmail, MaskPartial, MaskRegex:
		return k == Text
	case MaskConstant:
		return constantFits(m.Constant, k)
	case MaskRound:
		return k == Number
	case MaskTruncate:
		// a date has no more than a day
		return k == Time || k == Date && slices.Index(units, m.Unit) < slices.Index(units, "day")
	case MaskBucket:
		return m.bounds() == k || k == Time && m.bounds() == Date
	}
	return false
}

// bounds is what the buckets are ranges of: Number, Date, or Other if they are no ranges of one thing.
func (m Mask) bounds() Kind {
	for _, k := range []Kind{Number, Date} {
		if !slices.ContainsFunc(m.Buckets, func(b Bucket) bool { return b.Below != "" && !constantFits(b.Below, k) }) {
			return k
		}
	}
	return Other
}

func constantFits(value string, k Kind) bool {
	switch k {
	case Text:
		return true
	case Number:
		return Decimal.MatchString(value)
	case Boolean:
		return value == "true" || value == "false"
	case Date, Time:
		_, notDate := time.Parse(time.DateOnly, value)
		_, notTimestamp := time.Parse(time.RFC3339, value)
		return (notDate == nil || notTimestamp == nil) && !strings.HasPrefix(value, "0000") // no calendar of SQL has a year 0
	}
	return false
}

// Check refuses a mask that nobody can have meant.
func (m Mask) Check() error {
	switch m.Kind {
	case MaskNull, MaskHash, MaskEmail, MaskFormatPreserving:
		return nil
	case MaskConstant:
		return plainText("the constant", m.Constant)
	case MaskPartial:
		switch {
		case m.First < 0 || m.Last < 0:
			return errors.New("partial counts characters: first and last cannot be negative")
		case m.First == 0 && m.Last == 0:
			return errors.New("partial keeps no character at all: say how many with first or last, or mask with null")
		}
		return nil
	case MaskRegex:
		return errors.Join(pattern.Check(m.Pattern), pattern.CheckReplacement(m.Pattern, m.Replace))
	case MaskRound:
		if step, ok := new(big.Rat).SetString(m.Step); !Decimal.MatchString(m.Step) || !ok || step.Sign() <= 0 {
			return fmt.Errorf("%q is not a step: round takes a number above 0, such as 100 or 0.5", m.Step)
		}
		return nil
	case MaskTruncate:
		if !slices.Contains(units, m.Unit) {
			return fmt.Errorf(
				"%q is not a unit%s (known: %s)",
				m.Unit,
				mistake.Hint(string(m.Unit), words(units)),
				strings.Join(words(units), ", "),
			)
		}
		return nil
	case MaskBucket:
		return m.checkBuckets()
	case MaskSQL:
		if len(m.SQL) == 0 {
			return errors.New("sql is empty: write an expression over $column")
		}
		return nil
	}
	return NotAMask(string(m.Kind))
}

func plainText(what, s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return errors.New(what + " is not plain text")
	}
	return nil
}

func (m Mask) checkBuckets() error {
	if len(m.Buckets) == 0 {
		return errors.New("bucket has no ranges: write {below: 100, name: small}, and {name: large} for the rest")
	}
	bounds := m.bounds()
	if bounds == Other {
		return errors.New("bucket takes ranges of numbers (below: 100) or of dates (below: 2026-01-01), and not of both")
	}
	for i, b := range m.Buckets {
		switch {
		case b.Name == "":
			return fmt.Errorf("range %d has no name: write {below: 100, name: small}", i+1)
		case plainText("a range's name", b.Name) != nil:
			return plainText("a range's name", b.Name)
		case b.Below == "" && i+1 < len(m.Buckets):
			return fmt.Errorf("range %q has no below and takes the rest: it must be the last", b.Name)
		case i > 0 && b.Below != "" && compareBounds(m.Buckets[i-1].Below, b.Below, bounds) >= 0:
			return fmt.Errorf(
				"range %q is empty: bounds must rise, and %s does not come after %s",
				b.Name,
				b.Below,
				m.Buckets[i-1].Below,
			)
		}
	}
	return nil
}

func compareBounds(a, b string, k Kind) int {
	if k == Date {
		return cmp.Compare(a, b) // ISO dates sort as text
	}
	x, _ := new(big.Rat).SetString(a)
	y, _ := new(big.Rat).SetString(b)
	return x.Cmp(y)
}

// declaredScale are types whose values have a number of digits behind the point, as both engines write them.
var declaredScale = regexp.MustCompile(`^(?:numeric|decimal)\s*\(\s*[0-9]+\s*(?:,\s*([0-9]{1,2})\s*)?\)$`)

// idle reports whether the mask fits the column's kind, and yet every value of its type would stay as it is: rounded to
// a step that all of them are multiples of.
func (m Mask) idle(c Column) bool {
	if m.Kind != MaskRound || c.Kind != Number {
		return false
	}
	least := big.NewRat(1, 1)
	if declared := declaredScale.FindStringSubmatch(c.Type); declared != nil {
		least.SetString("1e-" + cmp.Or(declared[1], "0"))
	} else if !strings.Contains(c.Type, "int") {
		return false
	}
	step, ok := new(big.Rat).SetString(m.Step)
	return ok && step.Sign() > 0 && least.Quo(least, step).IsInt()
}

// compareStrictness orders masks by how much they hide, the strictest first. Two of one kind are told apart by what
// they keep.
func CompareStrictness(a, b Mask) int {
	return cmp.Or(
		cmp.Compare(slices.Index(strictness, a.Kind), slices.Index(strictness, b.Kind)),
		cmp.Compare(slices.Index(units, a.Unit), slices.Index(units, b.Unit)), // a year hides more than a month
		-compareSteps(a.Step, b.Step),
		cmp.Compare(len(a.Buckets), len(b.Buckets)),
		cmp.Compare(a.First+a.Last, b.First+b.Last),
	)
}

func compareSteps(a, b string) int {
	if a == "" || b == "" {
		return 0
	}
	return compareBounds(a, b, Number)
}

func words[T ~string](list []T) (out []string) {
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}
