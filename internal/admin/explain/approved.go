package explain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/logged"
)

// approved are the requests that were approved.
func approved(ctx context.Context, cfg *config.Config) ([]requests.Request, error) {
	if len(cfg.Requests.Rules) == 0 {
		return nil, nil
	}
	if file := cfg.Requests.State.File; file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil // there is no request yet, and to look makes no file
		}
	}
	kept, err := store.Open(ctx, assembly.StateConfig(cfg))
	if err != nil {
		return nil, fmt.Errorf("looking up what was approved: %w", err)
	}
	defer kept.Close()
	known, err := logged.Position(cfg.Audit.File)
	if err != nil {
		return nil, fmt.Errorf("looking up how far the audit log has seen the state come: %w", err)
	}
	kept.Know(known)
	all, err := kept.List(ctx, requests.Filter{Status: []requests.Status{requests.StatusApproved}})
	if err != nil {
		return nil, fmt.Errorf("looking up what was approved: %w", err)
	}
	return all, nil
}

// approve puts into the policies what was approved for the principal and is in force, as a call would find it. The
// requests are those of the user with that id, whichever issuer said so; the principal becomes that account.
func approve(
	platforms map[string]*requests.Compiled,
	all []requests.Request,
	who *identity.Principal,
	now time.Time,
) {
	approvals := map[string][]entitlements.Approval{}
	for _, q := range all {
		a, inForce := q.Approval(now)
		if !inForce || !askedFor(q.Asker, *who) {
			continue
		}
		if who.User != nil {
			who.User.Issuer, who.User.Subject = q.Asker.User.Issuer, q.Asker.User.Subject
		}
		approvals[q.Platform] = append(approvals[q.Platform], a)
	}
	for name, e := range platforms {
		platforms[name] = e.With(e.Covered(approvals[name]), now)
	}
}

func askedFor(a requests.Asker, who identity.Principal) bool {
	if a.User == nil || who.User == nil {
		return a.User == nil && who.User == nil && a.Agent == who.Agent.ID
	}
	return a.User.ID == who.User.ID
}
