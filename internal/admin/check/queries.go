package check

import (
	"context"
	"fmt"

	"deputy/entitlements"
	"deputy/internal/admin"
	"deputy/internal/assembly"
	"deputy/internal/mistake"
	"deputy/tools/platforms"
	"deputy/tools/queries"
)

// checkQueries has each open platform understand the queries that have a statement for it.
func checkQueries(ctx context.Context, site *admin.Site, open []*platforms.Platform) (out []entitlements.Problem) {
	for _, q := range assembly.Queries(site.Config) {
		for _, p := range open {
			if q.Statements[p.Name] == "" {
				continue
			}
			key := mistake.Below(mistake.Below("queries", q.Name)+".statements", p.Name)
			message, warning := checkQuery(ctx, q, p)
			if message != "" {
				out = append(out, entitlements.Problem{Key: key, Warning: warning, Message: message})
			}
		}
	}
	return out
}

// checkQuery says what is wrong with a query on a platform: that it cannot be read, that the gate refuses it, or that
// no caller can run it.
func checkQuery(ctx context.Context, q queries.Query, p *platforms.Platform) (message string, warning bool) {
	statement, err := p.Engine.Analyze(ctx, q.Statements[p.Name], q.Places()...)
	if err != nil {
		return fmt.Sprintf("the statement is not run: %v", err), false
	}
	if len(statement.Forbidden) > 0 {
		f := statement.Forbidden[0]
		if f.What == "table" || f.What == "hidden" {
			return fmt.Sprintf("the statement reads %s, which is not governed", f.Name), false
		}
		return fmt.Sprintf("the statement is not run: the %s %s may not be used", f.What, f.Name), false
	}
	compiled, err := p.Entitlements(ctx)
	if err != nil {
		return err.Error(), false
	}
	for _, use := range statement.Tables {
		if view, there := compiled.View(use.Table); there && len(view.Grants) == 0 {
			return fmt.Sprintf(
				"no policy grants %s, so no caller can run it without an approved request",
				use.Table,
			), true
		}
	}
	return "", false
}
