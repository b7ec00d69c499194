package check

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/logged"
)

// checkState holds the state of access requests against the audit log: nothing that was approved counts in a state that
// was restored from a copy, or that cannot be used.
func checkState(ctx context.Context, cfg *config.Config) []Finding {
	if len(cfg.Requests.Rules) == 0 {
		return nil
	}
	key, file := "requests.state", cfg.Requests.State.File
	known, err := logged.Position(cfg.Audit.File)
	if err != nil {
		return Misread(cfg.Problem("audit.file", "how far it has seen the state of access requests come "+
			"cannot be read: %v", err))
	}
	if _, err := os.Stat(file); file != "" && errors.Is(err, fs.ErrNotExist) {
		if known == (requests.Position{}) {
			return nil // there is no request yet, and to look makes no file
		}
		return Misread(
			cfg.Problem(key, "%s is gone, and the audit log knows of its event %d: nothing "+
				"that was approved counts until it is back, or "+
				"an administrator runs deputy requests accept-restore", file, known.Sequence),
		)
	}
	state, err := store.Open(ctx, assembly.StateConfig(cfg))
	if err == nil {
		defer state.Close()
		state.Know(known)
		err = state.Sound(ctx)
	}
	if err != nil {
		return Misread(cfg.Problem(key, "%v", err))
	}
	return nil
}
