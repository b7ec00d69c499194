package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/internal/admin"
	"deputy/internal/admin/trail"
)

func newAuditVerifyProof() *cobra.Command {
	c := &cobra.Command{
		Use:     "verify-proof FILE",
		Short:   "Check a proof with nothing but the verifier key",
		Long:    `Needs neither the log nor a configuration. Says OK and what the records are, or what is wrong, and exits with 1.`,
		Example: "  deputy audit verify-proof proof.txt --key NAME+01234567+A…",
		Args:    exactly(1),
		RunE:    auditVerifyProof,
	}
	verifierFlag(c)
	return c
}

func auditVerifyProof(c *cobra.Command, args []string) error {
	if flagText(c, "key") == "" {
		return admin.Usagef("say whose signature counts with --key: deputy audit key prints it")
	}
	v, err := trail.Verifier(flagText(c, "key"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	proven, err := audit.CheckProof(string(text), v)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	fmt.Fprintf(
		c.OutOrStdout(),
		"OK: in the log that %s signed when it had %d lines\n",
		proven.Checkpoint.Origin,
		proven.Checkpoint.Size,
	)
	for _, r := range proven.Records {
		fmt.Fprintf(c.OutOrStdout(), "line %d: %s\n", r.Index+1, audit.Line(r.Record))
	}
	return nil
}
