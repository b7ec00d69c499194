// Package mask is how values are hidden: the kinds of masks, what each needs, which columns it fits, and which of two
// hides more.
package mask

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

	"deputy/entitlements/catalog"
	"deputy/entitlements/expression"
	"deputy/entitlements/written"
)

// Mask hides a column's values. A mask that does not fit the column's type becomes a NULL of that type: see Fits.
// NULL stays NULL, but for a constant and what an administrator's expression makes of it.
type Mask struct {
	Kind     Kind
	Constant string            // for MaskConstant
	Length   int               // for MaskHash: hexadecimal digits; zero: the usual number
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

// Fits reports whether the mask's values are values of such a column and hide anything of it, and whether equal values
// of it stay equal where the mask promises that. A mask of unknown kind fits nothing.
func (m Mask) Fits(c catalog.Column) bool {
	fits := m.Kind.form().fits
	return fits != nil && fits(m, c)
}

// bounds is what the buckets are ranges of: Number, Date, or Other if they are no ranges of one thing.
func (m Mask) bounds() catalog.Kind {
	for _, k := range []catalog.Kind{catalog.Number, catalog.Date} {
		if !slices.ContainsFunc(m.Buckets, func(b Bucket) bool { return b.Below != "" && !constantFits(b.Below, k) }) {
			return k
		}
	}
	return catalog.Other
}

func constantFits(value string, k catalog.Kind) bool {
	switch k {
	case catalog.Text:
		return true
	case catalog.Number:
		return written.Decimal.MatchString(value)
	case catalog.Boolean:
		return value == "true" || value == "false"
	case catalog.Date, catalog.Time:
		_, notDate := time.Parse(time.DateOnly, value)
		_, notTimestamp := time.Parse(time.RFC3339, value)
		return (notDate == nil || notTimestamp == nil) && !strings.HasPrefix(value, "0000") // no calendar of SQL has a year 0
	}
	return false
}

// Check refuses a mask that nobody can have meant.
func (m Mask) Check() error {
	switch f := m.Kind.form(); {
	case f.Kind == "":
		return NotAMask(string(m.Kind))
	case f.check != nil:
		return f.check(m)
	}
	return nil
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
	if bounds == catalog.Other {
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

func compareBounds(a, b string, k catalog.Kind) int {
	if k == catalog.Date {
		return cmp.Compare(a, b) // ISO dates sort as text
	}
	x, _ := new(big.Rat).SetString(a)
	y, _ := new(big.Rat).SetString(b)
	return x.Cmp(y)
}

// declaredScale are types whose values have a number of digits behind the point, as both engines write them.
var declaredScale = regexp.MustCompile(`^(?:numeric|decimal)\s*\(\s*[0-9]+\s*(?:,\s*([0-9]{1,2})\s*)?\)$`)

// Idle reports whether the mask fits the column's kind, and yet every value of its type would stay as it is: rounded to
// a step that all of them are multiples of.
func (m Mask) Idle(c catalog.Column) bool {
	if m.Kind != MaskRound || c.Kind != catalog.Number {
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

// Compare orders masks by how much they hide, the strictest first. Two of one kind are told apart by what
// they keep.
func Compare(a, b Mask) int {
	return cmp.Or(
		cmp.Compare(a.Kind.form().strict, b.Kind.form().strict),               // of an unknown kind, everything is hidden
		cmp.Compare(slices.Index(units, a.Unit), slices.Index(units, b.Unit)), // a year hides more than a month
		-compareSteps(a.Step, b.Step),
		cmp.Compare(len(a.Buckets), len(b.Buckets)),
		cmp.Compare(a.First+a.Last, b.First+b.Last),
		cmp.Compare(a.HashLength(), b.HashLength()),
	)
}

func compareSteps(a, b string) int {
	if a == "" || b == "" {
		return 0
	}
	return compareBounds(a, b, catalog.Number)
}

func words[T ~string](list []T) (out []string) {
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}

// String is the mask as it is written in a policy.
func (m Mask) String() string {
	if f := m.Kind.form(); f.text != nil {
		if needs := f.text(m); needs != "" || !f.Alone {
			return "{" + string(m.Kind) + ": " + needs + "}"
		}
	}
	return string(m.Kind)
}

// Clone is a copy that shares nothing with the mask.
func (m Mask) Clone() Mask {
	m.SQL, m.Buckets = slices.Clone(m.SQL), slices.Clone(m.Buckets)
	return m
}
