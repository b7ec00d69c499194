package agents

import (
	"io"
	"strings"

	"deputy/internal/report"
)

// Page writes the agents as a table, a line for each credential.
func Page(w io.Writer, all []Agent) error {
	t := report.NewColumns(w)
	t.Row("AGENT", "STATE", "OWNER", "MODES", "CREDENTIAL", "EXPIRES", "LAST USED")
	for _, a := range all {
		var modes []string
		for _, m := range a.Modes {
			modes = append(modes, string(m))
		}
		state := "enabled"
		switch {
		case a.Stopped != nil:
			state = report.StoppedBy(a.Stopped)
		case a.Disabled:
			state = "DISABLED"
		}
		for _, credential := range a.Credentials {
			t.Row(
				a.Name,
				state,
				a.Owner,
				strings.Join(modes, ", "),
				credentialText(credential),
				expiryText(credential),
				report.Moment(credential.LastUsed),
			)
		}
	}
	return t.Flush()
}

func credentialText(l Credential) string {
	if len(l.ClientIDs) > 0 {
		return l.Name + " of " + strings.Join(l.ClientIDs, ", ")
	}
	if l.Label != "" {
		return l.Name + " (" + l.Label + ")"
	}
	return l.Name
}

func expiryText(l Credential) string {
	if l.Expired {
		return report.Moment(l.Expires) + " EXPIRED"
	}
	return report.Moment(l.Expires)
}
