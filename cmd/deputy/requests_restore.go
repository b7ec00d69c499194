package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"deputy/entitlements/requests/store"
	"deputy/internal/admin"
	"deputy/internal/admin/restore"
	"deputy/internal/report"
)

func newAcceptRestore() *cobra.Command {
	c := &cobra.Command{
		Use:   "accept-restore",
		Short: "Go on with a state of access requests that was restored from a copy",
		Long: `For an administrator, on the machine of a server, with its configuration and its audit log. A state that
has come less far than the audit log has seen it was restored from a copy, or a standby took its place: nothing that was
approved counts then. This command ends again what the log knows as revoked, denied or cancelled, and holds everything
else that is approved until a steward who is signed in has confirmed it: deputy requests confirm ID. It is on the
record. Where several servers keep logs of their own, run it on each.`,
		Example: "  deputy requests accept-restore --config deputy.yaml",
		Args:    exactly(0),
		RunE:    acceptRestore,
	}
	c.Flags().Bool("yes", false, "do not ask")
	return c
}

func acceptRestore(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	done, err := restore.Accept(c.Context(), cfg, newLog(os.Stderr, cfg.Server.LogLevel),
		func(r store.Restored) (bool, error) {
			if flagIs(c, "yes") {
				return true, nil
			}
			if err := report.Restored(c.ErrOrStderr(), r, false); err != nil {
				return false, err
			}
			return admin.Confirmed(c.Context(), c.InOrStdin(), c.ErrOrStderr(), "\nAccept it? [y/N] "), nil
		})
	if errors.Is(err, restore.ErrNothing) {
		_, err = fmt.Fprintln(c.OutOrStdout(), "There is nothing to accept: "+err.Error()+".")
		return err
	}
	if err != nil {
		return err
	}
	return report.Restored(c.OutOrStdout(), done, true)
}
