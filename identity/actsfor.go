package identity

import (
	"slices"
	"strings"

	"deputy/internal/mistake"
)

// whom is a list of terms about users, of which one must fit. No list: everybody. The words are those of policies,
// whose package cannot be used here.
type whom []term

// term is about a user's id, groups or attributes.
type term struct{ kind, name, value string }

const termForms = "user:ID, group:NAME or attribute:NAME=VALUE"

func parseWhom(texts []string, key string, wrong *Problems) (all whom) {
	for i, text := range texts {
		t, ok := parseTerm(text)
		if !ok {
			wrong.Add(
				mistake.At(key, i),
				"%q does not say whom it acts for%s: write %s",
				text,
				mistake.Hint(text, []string{"user:", "group:", "attribute:"}),
				termForms,
			)
			continue
		}
		all = append(all, t)
	}
	return all
}

func parseTerm(text string) (t term, ok bool) {
	kind, rest, ok := strings.Cut(text, ":")
	t = term{kind: kind, name: rest}
	switch kind {
	case "user", "group":
	case "attribute":
		t.name, t.value, ok = strings.Cut(rest, "=")
		ok = ok && t.value != "" && strings.TrimSpace(t.value) == t.value
	default:
		return t, false
	}
	return t, ok && t.name != "" && strings.TrimSpace(t.name) == t.name
}

// include reports whether the user is one of them.
func (w whom) include(u Identity) bool {
	return w == nil || slices.ContainsFunc(w, func(t term) bool { return t.fits(u) })
}

func (t term) fits(u Identity) bool {
	switch t.kind {
	case "user":
		return u.ID == t.name
	case "group":
		return u.In(t.name)
	}
	return u.Has(t.name, t.value)
}
