package entitlements

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// MaskKind is how a value is hidden.
type MaskKind string

const (
	MaskNull     MaskKind = "null"     // a NULL of the column's type
	MaskConstant MaskKind = "constant" // the same value everywhere
	MaskHash     MaskKind = "hash"     // HMAC-SHA-256, hex: equal values stay equal, across tables too
	MaskPartial  MaskKind = "partial"  // the first and last characters stay, the rest becomes '*'
)

// Mask hides a column's values. A mask that does not fit the column's type becomes a NULL of that type: see Fits.
type Mask struct {
	Kind     MaskKind
	Constant string // for MaskConstant
	First    int    // for MaskPartial: characters kept at the start
	Last     int    // for MaskPartial: characters kept at the end
}

var plainDecimal = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`)

// Fits reports whether the mask's values are values of a column of that kind. A mask of unknown kind fits nothing.
func (m Mask) Fits(k Kind) bool {
	switch m.Kind {
	case MaskNull:
		return true
	case MaskHash, MaskPartial:
		return k == Text
	case MaskConstant:
		return constantFits(m.Constant, k)
	}
	return false
}

func constantFits(value string, k Kind) bool {
	switch k {
	case Text:
		return true
	case Number:
		return plainDecimal.MatchString(value)
	case Boolean:
		return value == "true" || value == "false"
	case Time:
		_, notDate := time.Parse(time.DateOnly, value)
		_, notTimestamp := time.Parse(time.RFC3339, value)
		return (notDate == nil || notTimestamp == nil) && !strings.HasPrefix(value, "0000") // no calendar of SQL has a year 0
	}
	return false
}

// check refuses a mask that nobody can have meant.
func (m Mask) check() error {
	switch m.Kind {
	case MaskNull, MaskHash:
		return nil
	case MaskConstant:
		if !utf8.ValidString(m.Constant) || strings.ContainsRune(m.Constant, 0) {
			return errors.New("the constant is not plain text")
		}
		return nil
	case MaskPartial:
		switch {
		case m.First < 0 || m.Last < 0:
			return errors.New("partial counts characters: first and last cannot be negative")
		case m.First == 0 && m.Last == 0:
			return errors.New("partial keeps no character at all: say how many with first or last, or mask with null")
		}
		return nil
	}
	return fmt.Errorf("%q is not a mask: those known are %s", m.Kind, knownMasks)
}

// on is the mask as it takes effect on a column: a NULL where it does not fit.
func (m Mask) on(k Kind) Mask {
	if m.Fits(k) {
		return m
	}
	return Mask{Kind: MaskNull}
}

// compareStrictness orders masks by how much they hide, the strictest first.
func compareStrictness(a, b Mask) int {
	rank := map[MaskKind]int{MaskNull: 0, MaskConstant: 1, MaskHash: 2, MaskPartial: 3}
	if a.Kind != b.Kind {
		return rank[a.Kind] - rank[b.Kind]
	}
	return (a.First + a.Last) - (b.First + b.Last)
}
