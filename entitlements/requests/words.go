package requests

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const longestSentence = 1000 // characters, of a reason, an answer or a note

// Sentence is text that a person wrote for another one, on one line, without what could not be seen.
func Sentence(s string) (string, error) {
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool { return unicode.IsSpace(c) }), " ")
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > longestSentence ||
		strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return "", errors.New("not a sentence")
	}
	return s, nil
}

// StillNeeded says in words who still has to approve, one stage after the other.
func (q Requirement) StillNeeded(r Request) (out []string) {
	for _, s := range q.outstanding(r) {
		var people []string
		for _, m := range s.Approvers {
			people = append(people, inWords(m.String()))
		}
		switch {
		case s.Every:
			out = append(out, "one each of "+strings.Join(people, " and "))
		case s.Need > 1:
			out = append(out, fmt.Sprintf("%d of %s", s.Need, strings.Join(people, " or ")))
		default:
			out = append(out, "somebody of "+strings.Join(people, " or "))
		}
	}
	if len(out) == 0 {
		out = append(out, "nobody: the rules have changed, and none lets anybody approve it now")
	}
	return out
}

// outstanding are the stage that a request waits for, and those after it.
func (q Requirement) outstanding(r Request) []Stage {
	waits := q.Waits(r)
	if waits == nil {
		return nil
	}
	i := slices.IndexFunc(
		q.Stages,
		func(s Stage) bool { return s.Rule == waits.Rule && s.Number == waits.Number },
	)
	return q.Stages[i:]
}

func inWords(matcher string) string {
	kind, name, _ := strings.Cut(matcher, ":")
	switch kind {
	case "group":
		return "the group " + name
	case "user":
		return name
	}
	return matcher
}
