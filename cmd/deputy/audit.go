package main

import (
	"github.com/spf13/cobra"

	"deputy/internal/admin/trail"
	"deputy/internal/config"
)

func newAudit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Read the audit log, check it, and prove what is in it",
		Long: `Every call is on the record, and every record is in a Merkle tree that Deputy signs. Whoever has the verifier key
can tell whether the log, or one record that was taken out of it, is as it was written.`,
		Example: "  deputy audit list --user taylor --since 7d\n  deputy audit verify --config deputy.yaml",
	}
	return family(c, "deputy audit list, show, report, verify, copy, prove, verify-proof, export, key or index",
		newAuditKey(),
		newAuditVerify(),
		newAuditCopy(),
		newAuditProve(),
		newAuditVerifyProof(),
		newAuditList(),
		newAuditShow(),
		newAuditReport(),
		newAuditIndex(),
		newAuditExport(),
	)
}

// verifierFlag is how a command is told whose signature counts.
func verifierFlag(c *cobra.Command) {
	c.Flags().
		String("key", "", "verifier `key`, as deputy audit key prints it (default: that of the configured private key)")
}

// logOf is the log that the flags name, and whose signature counts on it.
func logOf(c *cobra.Command) trail.Log {
	return trail.Log{Path: flagText(c, "log"), Key: flagText(c, "key"),
		Load: func() (*config.Config, error) { return loadConfig(c) }}
}
