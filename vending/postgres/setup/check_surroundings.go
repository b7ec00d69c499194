package setup

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres/sqltext"
)

// Surroundings names what of a database keeps governed tables from being read as they are, each with the statement that
// changes it: row-level security, views that read as their caller, functions in views, foreign tables, event triggers,
// and roles whose new tables deputy_owner cannot read. The administrator's role may ask, and deputy_runner.
func Surroundings(ctx context.Context, db *sqlx.DB, schemas []string) ([]vending.Finding, error) {
	var all []vending.Finding
	for _, look := range []struct{ query, says string }{
		{rowSecurityQuery, "{what} has row-level security, which lets deputy_owner see only what a policy gives it: " +
			"CREATE POLICY deputy ON {what} FOR SELECT TO deputy_owner USING (true)"},
		{invokerQuery, "{what} is a view with security_invoker, so it reads as the role of a call, which may not: " +
			"ALTER VIEW {what} RESET (security_invoker)"},
		{mappingQuery, "{what} is a foreign table, and deputy_owner has no user mapping for its server: " +
			"CREATE USER MAPPING FOR deputy_owner SERVER {with} OPTIONS (...)"},
		{triggerQuery, "the event trigger {what} runs the function {with} as whoever changes the database, which " +
			"deputy_owner and deputy_runner may not be allowed: ALTER FUNCTION {with} SECURITY DEFINER"},
		{laterQuery, "tables that {what} creates later in the schema {with} are not readable for deputy_owner: " +
			"ALTER DEFAULT PRIVILEGES FOR ROLE {what} IN SCHEMA {with} GRANT SELECT ON TABLES TO deputy_owner"},
	} {
		var found []struct {
			What string `db:"what"`
			With string `db:"with"`
		}
		if err := db.SelectContext(ctx, &found, look.query, pq.Array(schemas)); err != nil {
			return nil, fmt.Errorf("looking at the database's set-up: %w", err)
		}
		for _, f := range found {
			text := strings.NewReplacer("{what}", f.What, "{with}", f.With).Replace(look.says)
			all = append(all, vending.Finding{Warning: true, Text: text})
		}
	}
	views, err := viewsWithFunctions(ctx, db, schemas)
	return append(all, views...), err
}

const named = `pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)`

// rowSecurityQuery leaves out the tables with a policy that shows deputy_owner all rows, and none that restricts.
const rowSecurityQuery = `
SELECT ` + named + ` AS what, '' AS with FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_roles o ON o.rolname = 'deputy_owner'
WHERE n.nspname = ANY ($1) AND c.relrowsecurity AND o.rolbypassrls IS NOT TRUE AND (NOT EXISTS (
    SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
      AND (o.oid = ANY (p.polroles) OR 0 = ANY (p.polroles)) AND pg_catalog.pg_get_expr(p.polqual, c.oid) = 'true')
  OR EXISTS (
    SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
      AND (o.oid = ANY (p.polroles) OR 0 = ANY (p.polroles))))
ORDER BY 1`

const invokerQuery = `
SELECT ` + named + ` AS what, '' AS with FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind = 'v' AND EXISTS (
  SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
  WHERE o.option_name = 'security_invoker' AND lower(o.option_value) IN ('true', 'on', '1', 'yes'))
ORDER BY 1`

// mappingQuery goes by servers that have user mappings, and by the wrapper that cannot do without.
const mappingQuery = `
SELECT ` + named + ` AS what, pg_catalog.quote_ident(s.srvname) AS with FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = c.oid JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
WHERE n.nspname = ANY ($1)
  AND (w.fdwname = 'postgres_fdw' OR EXISTS (SELECT FROM pg_catalog.pg_user_mappings m WHERE m.srvid = s.oid))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_user_mappings m
    WHERE m.srvid = s.oid AND (m.umuser = 0 OR m.usename = 'deputy_owner'))
ORDER BY 1`

// triggerQuery names schemas in $1 only so that all these queries are asked alike.
const triggerQuery = `
SELECT pg_catalog.quote_ident(e.evtname) AS what, p.oid::pg_catalog.regprocedure::text AS with
FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
WHERE e.evtenabled <> 'D' AND e.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop') AND NOT p.prosecdef
  AND NOT ` + eventMember + ` AND $1::text[] IS NOT NULL
ORDER BY 1`

const eventMember = `EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = p.oid
    AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)`

const laterQuery = `
SELECT DISTINCT pg_catalog.quote_ident(r.rolname) AS what, pg_catalog.quote_ident(n.nspname) AS with
FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL (
  SELECT c.relowner AS owner FROM pg_catalog.pg_class c
  WHERE c.relnamespace = n.oid AND c.relkind IN ` + sqltext.GovernedKinds + `
  UNION SELECT n.nspowner) AS o JOIN pg_catalog.pg_roles r ON r.oid = o.owner
WHERE n.nspname = ANY ($1) AND r.rolname !~ '^pg_' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
  JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
  WHERE d.defaclrole = o.owner AND d.defaclnamespace IN (0, n.oid) AND d.defaclobjtype = 'r'
    AND g.rolname = 'deputy_owner' AND a.privilege_type = 'SELECT')
ORDER BY 1, 2`
