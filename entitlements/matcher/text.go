package matcher

import (
	"strings"

	"deputy/entitlements/written"
)

// String is the term as it is written in a policy.
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
	return written.Scalar(m.term.String())
}

func list(matchers []Matcher) string {
	var parts []string
	for _, m := range matchers {
		parts = append(parts, m.String())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
