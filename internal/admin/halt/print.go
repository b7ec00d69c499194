package halt

import (
	"fmt"
	"io"
	"strings"

	"deputy/internal/report"
)

// standings say, for people, how a server stands with the lists.
var standings = map[Standing]string{
	Has:        "has the list",
	HasAnother: "HAS ANOTHER LIST: the change is not in force there",
	CannotRead: "CANNOT READ its list, and refuses every call",
	NoAnswer:   "DOES NOT SAY which list it has: the change may not be in force there",
	NotRunning: "no server listens here; " +
		"one that starts, or serves over standard input, reads the list before every call",
}

// Print says what came of a change. verb is "enable" or "disable".
func (r *StopResult) Print(w io.Writer, verb string) (err error) {
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintln(w, report.Printable(fmt.Sprintf(format, args...)))
		}
	}
	when := func(changed bool) string {
		if changed {
			return "now"
		}
		return "already"
	}
	say("%s: %s is %sd %s", r.List, r.Party, verb, when(r.Changed))
	if r.Shared != nil && r.Shared.Done {
		say("the list that the servers share: %s is %sd %s", r.Party, verb, when(r.Shared.Changed))
	}
	for _, s := range r.Servers {
		line := standings[s.Standing]
		if s.Detail != "" {
			line += ": " + s.Detail
		}
		say("%s: %s", s.URL, line)
	}
	for _, note := range r.Notes {
		for line := range strings.Lines(note) {
			say("%s", strings.TrimSuffix(line, "\n"))
		}
	}
	return err
}
