package check

import (
	"context"
	"fmt"

	"deputy/identity/stops"
	"deputy/internal/admin/halt"
	"deputy/internal/config"
)

// checkStops says what is wrong with the list of stops beside the configuration, and with the one that servers share.
func checkStops(ctx context.Context, cfg *config.Config) (findings []Finding) {
	all, _, err := stops.Read(cfg.StopsFile())
	if err != nil {
		text := fmt.Sprintf("%v: every call is refused until it can", err)
		findings = append(findings, Finding{level(false), cfg.StopsFile(), text})
	}
	findings = append(findings, forNothing(cfg, cfg.StopsFile(), all)...)
	shared, err := halt.ReadShared(ctx, cfg)
	const key = "requests.state.dsn"
	stale := cfg.Requests.State.Stale
	switch {
	case err != nil:
		return append(
			findings,
			Misread(cfg.Problem(key, "the list of stops that the servers share cannot be read: %v; "+
				"a server that has no copy of it refuses every call, and others do %s after they read it last",
				err, stale))...)
	case shared == nil:
		return findings
	case shared.Trouble != "":
		findings = append(
			findings,
			Misread(cfg.Problem(key, "the list of stops that the servers share cannot be read: "+
				"%s; each server refuses every call %s after it read the list last", shared.Trouble, stale))...)
	}
	return append(findings, forNothing(cfg, "the list of stops that the servers share", shared.Stops)...)
}

// forNothing warns of stops that name no agent and no issuer.
func forNothing(cfg *config.Config, where string, all []stops.Stop) (findings []Finding) {
	for _, s := range all {
		if unknown := halt.Unknown(cfg, s); unknown != "" {
			findings = append(findings, Finding{level(true), where, "a stop is for nothing: " + unknown})
		}
	}
	return findings
}
