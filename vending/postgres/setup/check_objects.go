package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/internal/mistake"
	"deputy/vending"
	"deputy/vending/postgres/searchpath"
	"deputy/vending/postgres/sqltext"
)

// CheckObjects compares what the configuration names with what is there: tables, schemas and functions, and who else
// may use them. Each finding says what to do.
func CheckObjects(ctx context.Context, db *sqlx.DB, c searchpath.Config) ([]vending.Finding, error) {
	var all []vending.Finding
	for _, check := range []func(context.Context, *sqlx.DB, searchpath.Config) ([]vending.Finding, error){
		checkRelations, checkOpenSchemas, checkFunctions, checkSchemas,
	} {
		findings, err := check(ctx, db, c)
		if err != nil {
			return nil, err
		}
		all = append(all, findings...)
	}
	surroundings, err := Surroundings(ctx, db, c.Schemas)
	return append(all, surroundings...), err
}

// checkRelations names governed tables that cannot be vended, those that need no vending because PUBLIC reads them, and
// those whose rows can be seen through another one as well.
func checkRelations(ctx context.Context, db *sqlx.DB, c searchpath.Config) ([]vending.Finding, error) {
	var tables []struct {
		Schema   string `db:"schema"`
		Table    string `db:"table"`
		Name     string `db:"name"`
		Readable bool   `db:"readable"`
		Public   bool   `db:"public"`
		Parents  string `db:"parents"`
	}
	err := db.SelectContext(ctx, &tables, `
SELECT n.nspname AS schema, c.relname AS "table", n.nspname || '.' || c.relname AS name,
       has_table_privilege('deputy_owner', c.oid, 'SELECT') AND has_schema_privilege('deputy_owner', n.oid, 'USAGE')
         OR c.relispartition AS readable,
       has_table_privilege('deputy_runner', c.oid, 'SELECT') AS public,
       coalesce((SELECT string_agg(i.inhparent::regclass::text, ', ') FROM pg_inherits i
         WHERE i.inhrelid = c.oid AND NOT c.relispartition), '') AS parents
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN `+sqltext.GovernedKinds+` ORDER BY 1`, pq.Array(c.Schemas))
	if err != nil {
		return nil, err
	}
	var findings []vending.Finding
	for _, t := range tables {
		if !t.Readable {
			findings = append(
				findings,
				vending.Finding{
					Table: entitlements.TableName{Schema: t.Schema, Name: t.Table},
					Text:  fmt.Sprintf("deputy_owner cannot read %s: run deputy bootstrap postgres again", t.Name),
				},
			)
		}
		if t.Public {
			findings = append(
				findings,
				vending.Finding{
					Warning: true,
					Text: fmt.Sprintf(
						"%s is granted to PUBLIC, so every role in the database can read it: REVOKE SELECT ON %[1]s FROM PUBLIC",
						t.Name,
					),
				},
			)
		}
		if t.Parents != "" {
			findings = append(
				findings,
				vending.Finding{
					Warning: true,
					Text: fmt.Sprintf(
						"%s inherits from %s: its rows are seen through both, so what masks and filters say of one has to be said of the other",
						t.Name,
						t.Parents,
					),
				},
			)
		}
	}
	return findings, nil
}

// checkOpenSchemas names the schemas with governed tables that PUBLIC may use, and those of named functions that have
// tables. Callers are told nothing of what is in them, but every other role of the database can look names up there.
func checkOpenSchemas(ctx context.Context, db *sqlx.DB, c searchpath.Config) ([]vending.Finding, error) {
	var schemas []struct {
		Name       string         `db:"name"`
		Extensions pq.StringArray `db:"extensions"`
	}
	err := db.SelectContext(ctx, &schemas, `
SELECT n.nspname AS name, array(SELECT x.extname::text FROM pg_catalog.pg_extension x WHERE x.extnamespace = n.oid ORDER BY 1) AS extensions
FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1) AND has_schema_privilege('public', n.oid, 'USAGE')
AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN `+sqltext.GovernedKinds+`) ORDER BY 1`,
		pq.Array(slices.Concat(c.Schemas, c.FunctionSchemas())))
	if err != nil {
		return nil, err
	}
	var findings []vending.Finding
	for _, s := range schemas {
		remedy := fmt.Sprintf(
			"REVOKE USAGE ON SCHEMA %s FROM PUBLIC, and grant it to the roles that need it",
			sqltext.Quote(s.Name),
		)
		key := ""
		if i := slices.Index(c.Schemas, s.Name); i >= 0 {
			key = mistake.At("schemas", i)
		} else {
			remedy = "move the tables to another schema, since callers have to use this one for its functions"
		}
		if len(s.Extensions) > 0 {
			remedy = fmt.Sprintf(
				"move the tables or the extensions (%s) to another schema, since callers have to use this one for them",
				strings.Join(s.Extensions, ", "),
			)
		}
		findings = append(findings, vending.Finding{Key: key, Warning: true, Text: fmt.Sprintf(
			"PUBLIC may use the schema %s, so every role in the database can look up the names of its tables, columns and types: %s",
			s.Name,
			remedy,
		)})
	}
	return findings, nil
}

// checkFunctions names functions of the configuration that callers may not use, and those whose bodies look names up
// among what their caller sees.
func checkFunctions(ctx context.Context, db *sqlx.DB, c searchpath.Config) ([]vending.Finding, error) {
	var functions []string
	err := db.SelectContext(ctx, &functions, `
SELECT f FROM unnest($1::text[]) AS f WHERE NOT EXISTS (
  SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname || '.' || p.proname = f AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE'))`, pq.Array(c.Functions))
	if err != nil {
		return nil, err
	}
	var findings []vending.Finding
	for _, f := range functions {
		findings = append(
			findings,
			vending.Finding{
				Key: mistake.At("functions", slices.Index(c.Functions, f)),
				Text: fmt.Sprintf(
					"function %s is not there or not open to everybody: grant USAGE on its schema and EXECUTE on it to PUBLIC",
					f,
				),
			},
		)
	}
	var unpinned []string
	err = db.SelectContext(ctx, &unpinned, `
SELECT DISTINCT n.nspname || '.' || p.proname AS f FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname || '.' || p.proname = ANY ($1) AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%')
  AND NOT `+sqltext.Member("pg_proc", "p.oid")+` ORDER BY 1`, pq.Array(c.Functions))
	if err != nil {
		return nil, err
	}
	for _, f := range unpinned {
		findings = append(
			findings,
			vending.Finding{
				Key:     mistake.At("functions", slices.Index(c.Functions, f)),
				Warning: true,
				Text: fmt.Sprintf(
					"the function %s looks the names in its body up among what its caller sees, "+
						"whatever policy uses it: "+
						"ALTER FUNCTION %[1]s SET search_path = pg_catalog, or name schemas in it",
					f,
				),
			},
		)
	}
	return findings, nil
}

// checkSchemas names governed schemas that are not there.
func checkSchemas(ctx context.Context, db *sqlx.DB, c searchpath.Config) ([]vending.Finding, error) {
	var missing, there []string
	if err := db.SelectContext(
		ctx,
		&there,
		`SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1`,
	); err != nil {
		return nil, err
	}
	err := db.SelectContext(
		ctx,
		&missing,
		`SELECT s FROM unnest($1::text[]) AS s WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = s)`,
		pq.Array(c.Schemas),
	)
	var findings []vending.Finding
	for _, s := range missing {
		findings = append(
			findings,
			vending.Finding{
				Key:  mistake.At("schemas", slices.Index(c.Schemas, s)),
				Text: fmt.Sprintf("there is no schema %s%s", s, mistake.Hint(s, there)),
			},
		)
	}
	return findings, err
}
