package assembly

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/internal/config"
	"deputy/tools"
	"deputy/vending"
)

// ForOperator is New without the part that verifies callers: an administrator's own commands have none. They need no
// issuer to be up, and are on the record like every call. Their standard output is for what they were asked: a sink of
// that type gets the other.
func ForOperator(ctx context.Context, c *config.Config, log zerolog.Logger) (_ *Deputy, err error) {
	d := &Deputy{Config: c, Log: log}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if d.Engines, err = Engines(c); err != nil {
		return nil, err
	}
	if err = d.checkEngines(ctx); err != nil {
		return nil, err
	}
	if d.Audit, err = openAudit(c.Audit, log, os.Stderr); err != nil {
		return nil, err
	}
	d.Tools, err = tools.New(ctx, ToolsConfig(c, d.Engines, d.Audit, log))
	return d, err
}

// AuditForOperator is the audit log alone, for an administrator's command that asks no platform.
func AuditForOperator(c *config.Config, log zerolog.Logger) (*AuditLog, error) {
	return openAudit(c.Audit, log, os.Stderr)
}

// Catalogs asks every engine for what it governs now.
func Catalogs(ctx context.Context, engines map[string]vending.Engine) (map[string]*entitlements.Catalog, error) {
	out := map[string]*entitlements.Catalog{}
	for name, engine := range engines {
		var err error
		if out[name], err = engine.Catalog(ctx); err != nil {
			return nil, fmt.Errorf("platform %s: %w", name, err)
		}
	}
	return out, nil
}
