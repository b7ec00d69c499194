package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"deputy/audit/checkpoint"
)

func newAuditKey() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make the key that signs the audit log, and print its public half",
		Long: `Prints the verifier key. The private key goes into the file that audit.key in the configuration names, unless it is
there already. Give the verifier key to whoever audits: with it alone the log can be checked, and not signed.`,
		Example: "  deputy audit key --config deputy.yaml",
		Args:    exactly(0),
		RunE:    auditKey,
	}
	c.Flags().String("name", "", "`name` in the log's checkpoints, without spaces (default deputy-audit/HOST)")
	return c
}

func auditKey(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	name := flagText(c, "name")
	if name == "" {
		name = checkpoint.DefaultKeyName()
	}
	key, made, err := checkpoint.LoadOrMakeKey(cfg.Audit.Key, name)
	if err != nil {
		return err
	}
	if made {
		fmt.Fprintf(
			c.ErrOrStderr(),
			"The private key is in %s. Whoever has it can sign another log: keep it like one.\n",
			cfg.Audit.Key,
		)
	} else {
		fmt.Fprintf(c.ErrOrStderr(), "The private key was in %s already.\n", cfg.Audit.Key)
	}
	fmt.Fprintln(c.OutOrStdout(), key.Verifier())
	return nil
}
