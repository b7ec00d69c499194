package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newAuditIndex() *cobra.Command {
	c := &cobra.Command{
		Use:   "index",
		Short: "Build the index that makes list, show and report quick",
		Long: `The index is a file beside the log. It is built from the log when it is needed, and may be deleted at any time. It holds
keys and what reports count, and no statement. This command builds it ahead of time, or anew.`,
		Example: "  deputy audit index --rebuild",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			rebuild := flagIs(c, "rebuild")
			x, err := openIndex(c, rebuild)
			if err != nil {
				return err
			}
			defer x.Close()
			line, err := x.End()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "The index goes up to line %d of the log.\n", line+1)
			return nil
		},
	}
	logFlag(c)
	c.Flags().Bool("rebuild", false, "begin anew, whatever there is")
	return c
}
