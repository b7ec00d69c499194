package main

import (
	"errors"

	"github.com/spf13/cobra"

	"deputy/audit/checkpoint"
)

func newAudit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Read the audit log, check it, and prove what is in it",
		Long: `Every call is on the record, and every record is in a Merkle tree that Deputy signs. Whoever has the verifier key
can tell whether the log, or one record that was taken out of it, is as it was written.`,
		Example: "  deputy audit list --user taylor --since 7d\n  deputy audit verify --config deputy.yaml",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{
				errors.New("say what to do: deputy audit list, show, report, verify, prove, verify-proof, export, key or index"),
			}
		},
	}
	c.AddCommand(
		newAuditKey(),
		newAuditVerify(),
		newAuditProve(),
		newAuditVerifyProof(),
		newAuditList(),
		newAuditShow(),
		newAuditReport(),
		newAuditIndex(),
		newAuditExport(),
	)
	return c
}

// verifierFlag is how a command is told whose signature counts.
func verifierFlag(c *cobra.Command) {
	c.Flags().
		String("key", "", "verifier `key`, as deputy audit key prints it (default: that of the configured private key)")
}

// verifier is the public key that was given, or the one that belongs to the private key.
func verifier(c *cobra.Command, keyFile string) (*checkpoint.Verifier, error) {
	if text, _ := c.Flags().GetString("key"); text != "" {
		v, err := checkpoint.ParseVerifier(text)
		if err != nil {
			return nil, &usageError{err}
		}
		return v, nil
	}
	key, err := checkpoint.LoadKey(keyFile)
	if err != nil {
		return nil, err
	}
	return key.Verifier(), nil
}
