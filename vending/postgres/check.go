package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/internal/mistake"
	"deputy/vending"
)

// Check compares the database with what bootstrap.sql sets up. Each finding says what to do.
func (e *Engine) Check(ctx context.Context) ([]vending.Finding, error) {
	var who struct {
		User      string `db:"who"`
		Super     bool   `db:"super"`
		Version   int    `db:"version"`
		Vend      bool   `db:"vend"`
		Older     bool   `db:"older"`
		Inherit   bool   `db:"inherit"`
		Encoding  string `db:"encoding"`
		Elsewhere int    `db:"elsewhere"`
	}
	// Nothing here resolves a name within the schema deputy: to_regprocedure fails for those who may not use it.
	err := e.db.GetContext(ctx, &who, `
SELECT session_user AS who, r.rolsuper OR r.rolbypassrls OR r.rolcreaterole AS super, r.rolinherit AS inherit,
       current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = 'deputy' AND p.proname = 'vend' AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')) AS vend,
       NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname = 'deputy' AND p.proname = 'stray' AND p.proargtypes = '26 1009'::oidvector) AS older,
       (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) AS elsewhere
FROM pg_roles r WHERE r.rolname = session_user`)
	if err != nil {
		return nil, unavailable(err)
	}
	var findings []vending.Finding
	add := func(format string, args ...any) {
		findings = append(findings, vending.Finding{Key: "dsn", Text: fmt.Sprintf(format, args...)})
	}
	if who.Version < 140000 {
		add("the server is PostgreSQL %d: 14 or newer is needed", who.Version/10000)
	}
	if who.Encoding != "UTF8" {
		add("the database's encoding is %s: only UTF8 is supported", who.Encoding)
	}
	if who.User != "deputy_runner" {
		add("the dsn logs in as %s: it must be deputy_runner, who may do nothing but vend", who.User)
	}
	if who.Super || who.Inherit {
		add("%s may do more than vend: run deputy bootstrap postgres again", who.User)
	}
	if who.Elsewhere > 0 {
		add(
			"%s is a member of %d roles: RESET ROLE in a vended session would fall back to them; revoke them",
			who.User,
			who.Elsewhere,
		)
	}
	if who.User != "deputy_runner" {
		return findings, nil
	}
	if !who.Vend {
		add("deputy.vend is not there or not ours to call: run deputy bootstrap postgres")
		return findings, nil
	}
	if who.Older {
		add("the database was set up by an older Deputy: run deputy bootstrap postgres again")
		return findings, nil
	}
	seen, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, e.checkPaths(seen.paths)...)
	more, err := e.checkTables(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, more...)
	if err := e.tryVend(ctx); err != nil {
		findings = append(findings, vending.Finding{Key: "signing_key", Text: err.Error()})
	}
	return findings, nil
}

// checkTables names governed tables that cannot be vended, those that need no vending because PUBLIC reads them, and
// those whose rows can be seen through another one as well.
func (e *Engine) checkTables(ctx context.Context) ([]vending.Finding, error) {
	var tables []struct {
		Name     string `db:"name"`
		Readable bool   `db:"readable"`
		Public   bool   `db:"public"`
		Parents  string `db:"parents"`
	}
	err := e.db.SelectContext(ctx, &tables, `
SELECT n.nspname || '.' || c.relname AS name,
       has_table_privilege('deputy_owner', c.oid, 'SELECT') AND has_schema_privilege('deputy_owner', n.oid, 'USAGE') OR c.relispartition AS readable,
       has_table_privilege('deputy_runner', c.oid, 'SELECT') AS public,
       coalesce((SELECT string_agg(i.inhparent::regclass::text, ', ') FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition), '') AS parents
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'v', 'm', 'f', 'p') ORDER BY 1`, pq.Array(e.config.Schemas))
	if err != nil {
		return nil, unavailable(err)
	}
	var findings []vending.Finding
	for _, t := range tables {
		if !t.Readable {
			findings = append(
				findings,
				vending.Finding{Text: fmt.Sprintf("deputy_owner cannot read %s: run deputy bootstrap postgres again", t.Name)},
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
	open, err := e.checkOpenSchemas(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, open...)
	var functions []string
	err = e.db.SelectContext(ctx, &functions, `
SELECT f FROM unnest($1::text[]) AS f WHERE NOT EXISTS (
  SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname || '.' || p.proname = f AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE'))`, pq.Array(e.config.Functions))
	if err != nil {
		return nil, unavailable(err)
	}
	for _, f := range functions {
		findings = append(
			findings,
			vending.Finding{
				Key: mistake.At("functions", slices.Index(e.config.Functions, f)),
				Text: fmt.Sprintf(
					"function %s is not there or not open to everybody: grant USAGE on its schema and EXECUTE on it to PUBLIC",
					f,
				),
			},
		)
	}
	var unpinned []string
	err = e.db.SelectContext(ctx, &unpinned, `
SELECT DISTINCT n.nspname || '.' || p.proname AS f FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname || '.' || p.proname = ANY ($1) AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e') ORDER BY 1`, pq.Array(e.config.Functions))
	if err != nil {
		return nil, unavailable(err)
	}
	for _, f := range unpinned {
		findings = append(
			findings,
			vending.Finding{Key: mistake.At("functions", slices.Index(e.config.Functions, f)), Warning: true, Text: fmt.Sprintf(
				"the function %s looks the names in its body up among what its caller sees, whatever policy uses it: ALTER FUNCTION %[1]s SET search_path = pg_catalog, or name schemas in it",
				f,
			)},
		)
	}
	var missing, there []string
	if err := e.db.SelectContext(ctx, &there, `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1`); err != nil {
		return nil, unavailable(err)
	}
	err = e.db.SelectContext(
		ctx,
		&missing,
		`SELECT s FROM unnest($1::text[]) AS s WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = s)`,
		pq.Array(e.config.Schemas),
	)
	for _, s := range missing {
		findings = append(
			findings,
			vending.Finding{
				Key:  mistake.At("schemas", slices.Index(e.config.Schemas, s)),
				Text: fmt.Sprintf("there is no schema %s%s", s, mistake.Hint(s, there)),
			},
		)
	}
	return findings, err
}

// checkOpenSchemas names the schemas with governed tables that PUBLIC may use, and those of named functions that have
// tables. Callers are told nothing of what is in them, but every other role of the database can look names up there.
func (e *Engine) checkOpenSchemas(ctx context.Context) ([]vending.Finding, error) {
	var schemas []struct {
		Name       string         `db:"name"`
		Extensions pq.StringArray `db:"extensions"`
	}
	err := e.db.SelectContext(ctx, &schemas, `
SELECT n.nspname AS name, array(SELECT x.extname::text FROM pg_catalog.pg_extension x WHERE x.extnamespace = n.oid ORDER BY 1) AS extensions
FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1) AND has_schema_privilege('public', n.oid, 'USAGE')
AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'f', 'p')) ORDER BY 1`,
		pq.Array(slices.Concat(e.config.Schemas, e.functionSchemas())))
	if err != nil {
		return nil, unavailable(err)
	}
	var findings []vending.Finding
	for _, s := range schemas {
		remedy := fmt.Sprintf(
			"REVOKE USAGE ON SCHEMA %s FROM PUBLIC, and grant it to the roles that need it",
			pq.QuoteIdentifier(s.Name),
		)
		key := ""
		if i := slices.Index(e.config.Schemas, s.Name); i >= 0 {
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
