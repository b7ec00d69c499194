package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"deputy/internal/admin/trail"
)

func newAuditCopy() *cobra.Command {
	c := &cobra.Command{
		Use:   "copy DIR",
		Short: "Copy the audit log as it is at one moment, while Deputy goes on writing",
		Long: `Copies segments and head into DIR, which must be empty or not there.
The copy verifies with deputy audit verify and --log. The key that signs is not copied.`,
		Example: "  deputy audit copy /backup/audit-monday",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			copied, err := logOf(c).Copy(c.Context(), args[0], trail.Progress(c.ErrOrStderr()))
			if err == nil && flagIs(c, "json") {
				return json.NewEncoder(c.OutOrStdout()).Encode(copied)
			}
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%d files, %d bytes: %s\n", copied.Files, copied.Bytes, copied.Log)
			}
			return err
		},
	}
	logFlag(c)
	c.Flags().Bool("json", false, "say what was copied as JSON")
	return c
}
