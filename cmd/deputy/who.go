package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin/explain"
)

func newWho() *cobra.Command {
	c := &cobra.Command{
		Use:   "who [SCHEMA.]TABLE.COLUMN",
		Short: "Say who can see a column, in the clear or masked, and through what",
		Long: `Decides for every kind of people that the policies on the table tell apart, through each agent, and
by name for the users of the configuration and the people of the audit log, with the groups of their
last call and what was approved for them. It lists who sees the column as it is, who sees it masked,
and what opens it to them. Only the catalog is read: no row, no issuer.`,
		Example: "  deputy who crm.customer.email\n  deputy who customer.email --platform shop --json",
		Args:    exactly(1),
		RunE:    runWho,
	}
	logFlag(c)
	c.Flags().String("platform", "", "`name` of the platform, when there are several")
	c.Flags().Bool("json", false, "print JSON")
	completeNames(c)
	return c
}

func runWho(c *cobra.Command, args []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	log, err := indexOf(cmp.Or(flagText(c, "log"), cfg.Audit.File), false, c.ErrOrStderr())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if log != nil {
		defer log.Close()
	}
	seers, err := explain.Seers(ctx, cfg, flagText(c, "platform"), args[0], log)
	if err != nil {
		return err
	}
	return printAnswer(c, seers, seers.Page)
}
