package entitlements

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"deputy/entitlements/expression"
)

// What an explanation shows of a policy reads as it does in the file: whatever stands here can be pasted there.

func (t Term) String() string {
	s := t.Word
	if t.Name != "" {
		s += ":" + t.Name
	}
	if t.Value != "" {
		s += "=" + t.Value
	}
	return s
}

// String is the matcher as it is written in a policy. The zero Matcher is written as nobody, which no policy can say.
func (m Matcher) String() string {
	switch {
	case m.not != nil:
		return "{not: " + m.not.String() + "}"
	case m.all != nil:
		return "{all: " + list(m.all) + "}"
	case m.any != nil:
		return list(m.any)
	case m.term.Word == "":
		return "nobody"
	}
	return scalar(m.term.String())
}

func list(matchers []Matcher) string {
	var parts []string
	for _, m := range matchers {
		parts = append(parts, m.String())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// plainScalar is what YAML takes as it stands, even between brackets.
var plainScalar = regexp.MustCompile(`^[\pL\pN_.$/+=<-]([\pL\pN_.$/+=:@-]|[ ]+[\pL\pN_.$/+=-])*$`)

// scalar quotes what YAML would take for something else.
func scalar(s string) string {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(s)
	case !plainScalar.MatchString(s) || strings.Contains(s+" ", ": ") || strings.HasPrefix(s, "-") && !Decimal.MatchString(s) ||
		strings.HasPrefix(s, "...") || s == "<<" || strings.EqualFold(s, "null"):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return s
}

// String is the mask as it is written in a policy.
func (m Mask) String() string {
	pair := func(key, value string) string { return "{" + key + ": " + value + "}" }
	needs := func(value string) string { return pair(string(m.Kind), value) }
	switch m.Kind {
	case MaskConstant:
		return needs(scalar(m.Constant))
	case MaskPartial:
		var kept []string
		if m.First > 0 {
			kept = append(kept, fmt.Sprintf("first: %d", m.First))
		}
		if m.Last > 0 {
			kept = append(kept, fmt.Sprintf("last: %d", m.Last))
		}
		return needs("{" + strings.Join(kept, ", ") + "}")
	case MaskRegex:
		text := "match: " + scalar(m.Pattern) + ", replace: " + scalar(m.Replace)
		if m.Keep {
			text += ", unmatched: keep"
		}
		return needs("{" + text + "}")
	case MaskRound:
		return needs(m.Step)
	case MaskTruncate:
		return needs(string(m.Unit))
	case MaskBucket:
		var ranges []string
		for _, b := range m.Buckets {
			if b.Below == "" {
				ranges = append(ranges, pair("name", scalar(b.Name)))
			} else {
				ranges = append(ranges, "{below: "+b.Below+", name: "+scalar(b.Name)+"}")
			}
		}
		return needs("[" + strings.Join(ranges, ", ") + "]")
	case MaskSQL:
		return needs(scalar(expression.Text(m.SQL)))
	}
	return string(m.Kind)
}

// Rule is what the filter asks of a row, for people to read.
func (f Filter) Rule() string {
	switch {
	case f.Within != nil:
		return fmt.Sprintf("%s within the last %s", f.Within.Column.Name, span(f.Within.Last))
	case f.Sample != nil:
		return f.Sample.String() + " of the rows"
	}
	return expression.Text(f.Where)
}

// span is a length of time as it is written in a policy.
func span(d time.Duration) string {
	if hours := int(d.Hours()); hours%24 != 0 {
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}
