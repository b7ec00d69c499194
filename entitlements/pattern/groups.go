package pattern

import (
	"regexp/syntax"
	"unicode"
)

// sameGroups reports whether the groups of a pattern hold the same in every engine. All take the longest match, but
// where that can be taken apart in several ways, some prefer the first alternative and others the longest. There is
// only one way if alternatives begin with different characters; and of a group that is repeated, engines do not agree
// which turn counts.
func sameGroups(p *syntax.Regexp) bool {
	switch p.Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		if p.MaxCap() > 0 {
			return false
		}
	case syntax.OpQuest:
		if p.Flags&syntax.NonGreedy != 0 { // how Go writes an alternative that is empty
			return false
		}
	case syntax.OpAlternate:
		if beginnings(p) == nil {
			return false
		}
	}
	for _, sub := range p.Sub {
		if !sameGroups(sub) {
			return false
		}
	}
	return true
}

// beginnings are the characters that a match can begin with, as pairs of first and last; nil if it may be empty, if
// alternatives share one, or if that is not known.
func beginnings(p *syntax.Regexp) []rune {
	switch p.Op {
	case syntax.OpLiteral:
		return []rune{p.Rune[0], p.Rune[0]}
	case syntax.OpCharClass:
		return p.Rune
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []rune{0, unicode.MaxRune}
	case syntax.OpCapture, syntax.OpPlus, syntax.OpConcat:
		return beginnings(p.Sub[0])
	case syntax.OpRepeat:
		if p.Min > 0 {
			return beginnings(p.Sub[0])
		}
	case syntax.OpAlternate:
		var all []rune
		for _, sub := range p.Sub {
			own := beginnings(sub)
			if own == nil || overlap(all, own) {
				return nil
			}
			all = append(all, own...)
		}
		return all
	}
	return nil
}

func overlap(a, b []rune) bool {
	for i := 0; i < len(a); i += 2 {
		for j := 0; j < len(b); j += 2 {
			if a[i] <= b[j+1] && b[j] <= a[i+1] {
				return true
			}
		}
	}
	return false
}
