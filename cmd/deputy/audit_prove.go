package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"deputy/audit"
)

func newAuditProve() *cobra.Command {
	c := &cobra.Command{
		Use:   "prove ID",
		Short: "Write a proof that the records of one call are in the log",
		Long: `Writes the records of the call, and the hashes that lead from them to a signed checkpoint. Nobody needs the log to
check the proof: see deputy audit verify-proof. The ID is the audit_id that the call's answer has.`,
		Example: "  deputy audit prove 06dfz1wq2y8r5v3k9m4n7p0t2c > proof.txt",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, v, err := logOf(c).Audited()
			if err != nil {
				return err
			}
			proof, err := audit.Prove(path, args[0], v)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.OutOrStdout(), proof)
			return err
		},
	}
	c.Flags().String("log", "", "active `file` of the log (default: the configured one)")
	verifierFlag(c)
	return c
}
