// Package explain says who can see what, and which policy decides it, as a call would be decided.
package explain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/internal/admin"
	"deputy/internal/config"
	"deputy/internal/report"
)

// Question is what is asked.
type Question struct {
	Who      Who
	Platform string  // empty: every platform
	Table    *string // [SCHEMA.]TABLE[.COLUMN]; nil: every table
}

// Answer decides with the policies of a configuration on the tables that are there now. It reads the catalogs and no
// row.
func Answer(ctx context.Context, cfg *config.Config, q Question) (x report.Explained, err error) {
	who, err := q.Who.principal(cfg)
	if err != nil {
		return x, err
	}
	site, err := admin.Open(cfg)
	if err != nil {
		return x, err
	}
	defer site.Close()
	platforms, err := site.Compile(ctx)
	if err != nil {
		return x, err
	}
	if platforms, err = admin.OnlyOf(platforms, q.Platform); err != nil {
		return x, err
	}
	if err := knownPurpose(platforms, who.Purpose); err != nil {
		return x, err
	}
	requested, err := approved(ctx, cfg)
	if err != nil {
		return x, err
	}
	approve(platforms, requested, &who, time.Now())
	x = report.Explained{Principal: report.NewPrincipal(who), Tables: []report.Table{}}
	if q.Table == nil {
		x.Tables = append(x.Tables, allTables(platforms, who)...)
		return x, nil
	}
	table, err := oneTable(platforms, who, *q.Table)
	x.Tables = append(x.Tables, table)
	return x, err
}

func allTables(platforms map[string]*requests.Compiled, who identity.Principal) (out []report.Table) {
	for _, name := range slices.Sorted(maps.Keys(platforms)) {
		for _, table := range platforms[name].Tables() {
			explanation, _ := review.Explain(platforms[name].Entitlements, who, table)
			out = append(out, report.Table{Platform: name, Explanation: explanation})
		}
	}
	return out
}

// oneTable explains a table, or of one of its columns only that.
func oneTable(platforms map[string]*requests.Compiled, who identity.Principal, name string) (
	t report.Table, err error) {
	f, err := findTable(platforms, name)
	if err != nil {
		return t, err
	}
	table, _ := review.Explain(platforms[f.platform].Entitlements, who, f.TableName)
	if f.column != "" {
		table.Columns = slices.DeleteFunc(table.Columns,
			func(v review.ColumnVerdict) bool { return v.Name != f.column })
	}
	return report.Table{Platform: f.platform, Explanation: table}, nil
}

func knownPurpose(platforms map[string]*requests.Compiled, purpose string) error {
	for _, e := range platforms {
		if purposes := e.Purposes(); purpose != "" && !slices.Contains(purposes, purpose) {
			hint := admin.Near(purpose, purposes)
			if hint == "" {
				hint = ": none is defined"
				if len(purposes) > 0 {
					hint = ": those defined are " + strings.Join(purposes, ", ")
				}
			}
			return fmt.Errorf("there is no purpose %s%s", purpose, hint)
		}
	}
	return nil
}
