package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit/index"
	"deputy/internal/admin/agents"
	"deputy/internal/report"
)

func newAgentList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the agents: whose they are, how they prove themselves, and when they last did",
		Long: fmt.Sprintf(
			`Lists the agents of the configuration with each of their credentials. When one was last used is what the audit log says of the
agent's last %d calls; records from before they named the credential say nothing.`,
			agents.MostCalls,
		),
		Example: "  deputy agent list\n  deputy agent list --json",
		Args:    exactly(0),
		RunE:    agentList,
	}
	logFlag(c)
	c.Flags().Bool("json", false, "print JSON")
	return c
}

func agentList(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	all, unreadable := agents.List(cfg, time.Now())
	if unreadable != nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s: every call is refused until it can.\n", report.Printable(unreadable.Error()))
	}
	partly, err := agents.FindUses(all, func() (*index.Index, error) {
		return indexOf(cmp.Or(flagText(c, "log"), cfg.Audit.File), false, c.ErrOrStderr())
	})
	for _, name := range partly {
		fmt.Fprintf(
			c.ErrOrStderr(),
			"Of agent %s the last %d calls were looked at: a credential may have been used before.\n",
			name,
			agents.MostCalls,
		)
	}
	if err != nil {
		return err
	}
	if flagIs(c, "json") {
		return printJSON(c.OutOrStdout(), all)
	}
	return printAgents(c.OutOrStdout(), all)
}

func printAgents(w io.Writer, all []agents.Agent) error {
	t := newTable(w)
	t.row("AGENT", "STATE", "OWNER", "MODES", "CREDENTIAL", "EXPIRES", "LAST USED")
	for _, a := range all {
		var modes []string
		for _, m := range a.Modes {
			modes = append(modes, string(m))
		}
		state := "enabled"
		switch {
		case a.Stopped != nil:
			state = stoppedBy(a.Stopped)
		case a.Disabled:
			state = "DISABLED"
		}
		for _, credential := range a.Credentials {
			t.row(
				a.Name,
				state,
				a.Owner,
				strings.Join(modes, ", "),
				credentialText(credential),
				expiryText(credential),
				at(credential.LastUsed),
			)
		}
	}
	return t.Flush()
}

// table is written in columns; a cell without anything in it is a dash.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = report.Printable(cmp.Or(cell, "-"))
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

func credentialText(l agents.Credential) string {
	if len(l.ClientIDs) > 0 {
		return l.Name + " of " + strings.Join(l.ClientIDs, ", ")
	}
	if l.Label != "" {
		return l.Name + " (" + l.Label + ")"
	}
	return l.Name
}

func expiryText(l agents.Credential) string {
	if l.Expired {
		return at(l.Expires) + " EXPIRED"
	}
	return at(l.Expires)
}

func at(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
