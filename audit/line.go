package audit

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// maxText is how much of a statement Line shows, in characters.
const maxText = 160

// Line is the record for people to read, in one line that is safe to print: when, who, on whose behalf, through which
// role, how it ended, what was asked, and for which purpose. The statement comes last, so that nothing in it can pass
// for the rest.
func Line(r Record) string {
	role := "no role"
	if r.Role != nil {
		role = r.Role.Name
	}
	ended := string(r.Outcome)
	if r.Phase == Intent {
		ended = "begun"
	}
	if r.Code != "" {
		ended += " (" + r.Code + ")"
	}
	if r.Outcome == Answered && r.Role != nil {
		ended += ", " + rows(r)
	}
	what := r.Tool
	if r.Purpose != "" {
		what += " for " + r.Purpose
	}
	statement := plain(r.SQL + r.SQLDigest + r.Table)
	if q := r.Request; q != nil && r.Role != nil { // rows were counted for it
		what = plain(what+" "+q.ID) + ": " + shorten(statement)
	} else if q != nil {
		asked := strings.TrimSuffix(q.Table+" "+strings.Join(q.Columns, ", "), " ")
		what += " " + q.ID + ": " + asked + " for " + cmp.Or(q.User, q.Agent)
		if q.Status != "" {
			what += ", " + q.Status
		}
		what = plain(what)
	} else if statement != "" {
		what += ": " + shorten(statement)
	}
	return strings.Join(
		[]string{r.Time.UTC().Format(time.RFC3339), plain(r.Who()), plain(role), plain(ended), plain(what)},
		" | ",
	)
}

// Who is the agent of a record and on whose behalf it acted, as far as they are known, for people to read.
func (r Record) Who() string {
	switch agent := r.Agent.ID; {
	case r.Tool == Expire:
		return "nobody: a time was over"
	case r.Tool == NoteState:
		return "Deputy itself"
	case agent == "" && r.User == nil:
		return "nobody known"
	case agent == "" && r.Mode == InPerson:
		return r.User.ID + " in person"
	case agent == "":
		return "a client that is no agent for " + r.User.ID
	case r.User == nil:
		return agent + " on its own"
	default:
		return agent + " for " + r.User.ID
	}
}

func rows(r Record) string {
	switch {
	case r.Truncated:
		return fmt.Sprintf("%d rows of more", r.Rows)
	case r.Rows == 1:
		return "1 row"
	}
	return fmt.Sprintf("%d rows", r.Rows)
}

// plain makes text fit for one line of a terminal: any run of white space becomes one space, what cannot be seen goes.
func plain(s string) string {
	seen := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsGraphic(r):
			return r
		}
		return -1
	}, s)
	return strings.Join(strings.Fields(seen), " ")
}

func shorten(s string) string {
	characters := []rune(s)
	if len(characters) <= maxText {
		return s
	}
	return string(characters[:maxText]) + "…"
}
