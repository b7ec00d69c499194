package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres/setup"
)

// Check compares the database with what the set-up makes of it, and tries to vend a role.
func (e *Engine) Check(ctx context.Context) ([]vending.Finding, error) {
	findings, ready, err := setup.CheckRunner(ctx, e.db)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	if !ready {
		return findings, nil
	}
	if pooled, err := setup.CheckTransactions(ctx, e.db); err != nil {
		return nil, cutOff(ctx, err)
	} else if pooled != nil {
		return append(findings, pooled...), nil
	}
	seen, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, seen.clockFindings()...)
	parts := seen.paths.Findings()
	more, err := setup.CheckObjects(ctx, e.db, e.config.schemas())
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	for _, f := range append(parts, more...) {
		f.Part = !f.Warning
		findings = append(findings, f)
	}
	if err := e.tryVend(ctx); err != nil {
		findings = append(findings, vending.Finding{Key: "signing_key", Text: err.Error()})
	}
	return findings, nil
}

// tryVend vends a role with no view, to see whether the signing key is the one that the database knows.
func (e *Engine) tryVend(ctx context.Context) error {
	_, err := e.Run(
		ctx,
		vending.Lease{ID: "check000000", SQL: "SELECT 1", MaxRows: 1, MaxBytes: 1 << 10, Timeout: analysisLimit},
	)
	var known *vending.Error
	if !errors.As(err, &known) {
		return err
	}
	if state(err) == "28000" {
		return errors.New(
			"the signing key is not the one the database was set up with: run deputy bootstrap postgres again, or correct signing_key",
		)
	}
	var pe *pq.Error
	if errors.As(err, &pe) {
		return fmt.Errorf("no role can be vended: %s (%s)", pe.Message, pe.Code)
	}
	return err
}
