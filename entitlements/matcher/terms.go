package matcher

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"deputy/identity"
	"deputy/internal/mistake"
)

// Form is all that is known of one kind of term.
type Form struct {
	Word string
	// Write is how such terms are written.
	Write []string
	// Alone is set where nothing follows the word.
	Alone bool
	// Valued is set where a value stands behind the name.
	Valued bool
	// Names are the only names that there are; nil where any may be.
	Names []string
	// AboutAgent is set where the term asks about the acting agent and the call instead of the judged identity.
	AboutAgent bool
	// Could reports whether some call of the agent could fulfil the term, and Said lists the names for which one could;
	// nil where nothing is known of it before a call.
	Could func(a identity.Agent, name string) bool
	Said  func(a identity.Agent) []string

	// single is set where an identity or a call has one such name, and no other beside it.
	single bool
	holds  func(t Term, c call) bool
}

// call is what a term is held against.
type call struct {
	judged *identity.Identity
	who    *identity.Principal
	alike  func(a, b string) bool
}

func (c call) in(i *identity.Identity, name string) bool {
	return i.In(name) || slices.ContainsFunc(i.Groups, func(group string) bool { return c.alike(group, name) })
}

// forms are the kinds of terms. A new one is a row here, with what it asks of a call.
var forms = []Form{
	{
		Word: "everyone", Write: []string{"everyone"}, Alone: true,
		holds: func(Term, call) bool { return true },
	},
	{
		Word: "group", Write: []string{"group:NAME"},
		holds: func(t Term, c call) bool { return c.in(c.judged, t.Name) },
	},
	{
		Word: "attribute", Write: []string{"attribute:NAME=VALUE"}, Valued: true,
		holds: func(t Term, c call) bool {
			return slices.ContainsFunc(c.judged.Attributes[t.Name], func(value string) bool { return c.alike(value, t.Value) })
		},
	},
	{
		Word: "user", Write: []string{"user:ID"}, single: true,
		holds: func(t Term, c call) bool { return c.judged.Kind == identity.KindUser && c.alike(c.judged.ID, t.Name) },
	},
	{
		Word: "agent", Write: []string{"agent:NAME"}, AboutAgent: true, single: true,
		holds: func(t Term, c call) bool { return c.who.Agent.ID == t.Name },
		Could: func(a identity.Agent, name string) bool { return a.ID == name },
		Said:  func(a identity.Agent) []string { return []string{a.ID} },
	},
	{
		Word: "agent-group", Write: []string{"agent-group:NAME"}, AboutAgent: true,
		holds: func(t Term, c call) bool { return c.in(&c.who.Agent.Identity, t.Name) },
		Could: func(a identity.Agent, name string) bool { return a.In(name) },
		Said:  func(a identity.Agent) []string { return a.Groups },
	},
	{
		Word: "mode", Write: []string{"mode:on_behalf_of", "mode:autonomous"}, AboutAgent: true, single: true,
		Names: []string{string(identity.OnBehalfOf), string(identity.Autonomous)},
		holds: func(t Term, c call) bool { return string(c.who.Mode()) == t.Name },
		Could: func(a identity.Agent, name string) bool { return a.May(identity.Mode(name)) },
		Said: func(a identity.Agent) (out []string) {
			for _, m := range a.Modes {
				out = append(out, string(m))
			}
			return out
		},
	},
	{
		Word: "purpose", Write: []string{"purpose:NAME"}, AboutAgent: true, single: true,
		holds: func(t Term, c call) bool { return c.who.Purpose == t.Name },
	},
}

// Forms are the kinds of terms, those about the judged identity first.
func Forms() []Form { return slices.Clone(forms) }

// FormOf is the row of a word; the zero Form of a word that there is not, which holds for nothing.
func FormOf(word string) Form { return *row(word) }

func row(word string) *Form {
	for i := range forms {
		if forms[i].Word == word {
			return &forms[i]
		}
	}
	return &Form{}
}

// KnownTerms is how all terms are written.
func KnownTerms() string {
	var out []string
	for _, f := range forms {
		out = append(out, f.Write...)
	}
	return strings.Join(out, ", ")
}

// secondTerm finds what would silently become part of a name: "group:A, group:B" is one text in YAML, and a group that
// nobody is in. A comma alone is none: names from a directory have them.
var secondTerm = regexp.MustCompile(`[\s,;](?:` + strings.Join(wordsBeforeNames(), "|") + `):`)

// wordsBeforeNames are the words that a colon and a name follow.
func wordsBeforeNames() (out []string) {
	for _, f := range forms {
		if !f.Alone {
			out = append(out, f.Word)
		}
	}
	return out
}

func parseTerm(text string) (Term, error) {
	word, name, colon := strings.Cut(text, ":")
	t := Term{Word: word, Name: name}
	switch f := row(word); {
	case f.Word == "":
		return Term{}, notATerm(text, word)
	case f.Alone && colon:
		return Term{}, fmt.Errorf("%q: %s stands alone", text, word)
	case f.Alone:
		return t, nil
	case f.Valued:
		var equals bool
		if t.Name, t.Value, equals = strings.Cut(name, "="); !equals || t.Value == "" {
			return Term{}, fmt.Errorf("%q: write %s", text, f.Write[0])
		}
	case f.Names != nil && !slices.Contains(f.Names, name):
		return Term{}, fmt.Errorf(
			"%q is not a %s%s (known: %s)",
			name,
			word,
			mistake.Hint(name, f.Names),
			strings.Join(f.Names, ", "),
		)
	}
	if t.Name == "" {
		return Term{}, fmt.Errorf("%q: write %s:NAME", text, word)
	}
	if err := t.checkNames(text); err != nil {
		return Term{}, err
	}
	return t, nil
}

func notATerm(text, word string) error {
	var known []string
	for _, f := range forms {
		known = append(known, f.Word)
	}
	hint := ""
	if meant := mistake.Nearest(word, known); meant != "" {
		hint = fmt.Sprintf("; did you mean %q?", meant+text[len(word):])
	}
	return fmt.Errorf("%q is not a term%s (known: %s)", text, hint, KnownTerms())
}

// checkNames refuses a name or value that its author cannot have meant.
func (t Term) checkNames(text string) error {
	for _, s := range []string{t.Name, t.Value} {
		switch {
		case strings.TrimSpace(s) != s:
			return fmt.Errorf("%q: there is a space beside the name", text)
		case strings.Contains(s, "*"):
			return fmt.Errorf(
				"%q: a * stands for nothing here, names are compared letter by letter: write everyone, or a list of names",
				text,
			)
		case secondTerm.MatchString(s):
			return fmt.Errorf(
				"%q: there is more than one term in it: write a list, [group:A, group:B], or {all: [...]} for all at once",
				text,
			)
		}
	}
	return nil
}

// AboutAgent reports whether the term asks about the acting agent instead of the judged identity.
func (t Term) AboutAgent() bool { return row(t.Word).AboutAgent }

func (t Term) holds(judged *identity.Identity, who *identity.Principal, alike func(a, b string) bool) bool {
	holds := row(t.Word).holds
	return holds != nil && holds(t, call{judged, who, alike})
}
