package report

import (
	"cmp"
	"strings"

	"deputy/identity/stops"
)

// StoppedBy is a stop in words, for a list.
func StoppedBy(s *stops.Stop) string {
	text := "STOPPED by " + cmp.Or(s.By, "unknown") + " " + Moment(&s.At)
	if s.Why != "" {
		text += ": " + s.Why
	}
	return strings.TrimSpace(text)
}
