package setup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres/sqltext"
)

// calledQuery are the functions that governed views call, that are not PostgreSQL's or an extension's, and that run as
// the role of the call.
const calledQuery = `
SELECT DISTINCT ` + named + ` AS view, p.oid::pg_catalog.regprocedure::text AS function, p.prosrc AS body,
  p.prosqlbody IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_depend b
    WHERE b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND b.objid = p.oid
      AND b.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS reads
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
  AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname = ANY ($1) AND c.relkind = 'v' AND l.lanname NOT IN ('c', 'internal') AND NOT p.prosecdef
  AND NOT ` + eventMember + `
ORDER BY 1, 2`

// viewsWithFunctions names the views whose functions read tables: those see only what is vended to the call. It goes by
// the words of a function's body.
func viewsWithFunctions(ctx context.Context, db *sqlx.DB, schemas []string) ([]vending.Finding, error) {
	var called []struct {
		View     string `db:"view"`
		Function string `db:"function"`
		Body     string `db:"body"`
		Reads    bool   `db:"reads"`
	}
	if err := db.SelectContext(ctx, &called, calledQuery, pq.Array(schemas)); err != nil {
		return nil, fmt.Errorf("looking at the functions of views: %w", err)
	}
	words := map[string]bool{}
	for _, f := range called {
		maps.Copy(words, sqltext.Dialect.Names(f.Body))
	}
	var tables []string
	err := db.SelectContext(ctx, &tables, `SELECT DISTINCT c.relname FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = ANY ($1) AND c.relkind IN `+sqltext.GovernedKinds+`
		AND n.nspname NOT IN `+sqltext.SystemSchemas, pq.Array(slices.Sorted(maps.Keys(words))))
	if err != nil {
		return nil, fmt.Errorf("looking at the tables of views' functions: %w", err)
	}
	var findings []vending.Finding
	for _, f := range called {
		names := sqltext.Dialect.Names(f.Body)
		read := slices.DeleteFunc(slices.Clone(tables), func(t string) bool { return !names[t] })
		if len(read) == 0 && !f.Reads {
			continue
		}
		what := strings.Join(read, ", ")
		if what == "" {
			what = "tables"
		}
		findings = append(findings, vending.Finding{Warning: true, Text: fmt.Sprintf(
			"the view %s calls the function %s, which reads %s as the role of a call, and so sees only what is vended: "+
				"ALTER FUNCTION %[2]s SECURITY DEFINER, with SET search_path, or write the view without it",
			f.View,
			f.Function,
			what,
		)})
	}
	return findings, nil
}
