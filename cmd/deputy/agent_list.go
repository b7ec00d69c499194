package main

import (
	"cmp"
	"fmt"
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
	all, notes := agents.List(c.Context(), cfg, time.Now())
	for _, note := range notes {
		fmt.Fprintf(c.ErrOrStderr(), "%s.\n", report.Printable(note))
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
	return agents.Page(c.OutOrStdout(), all)
}
