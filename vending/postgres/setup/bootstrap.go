// Package setup is what a database administrator sets up once per PostgreSQL database, and what "deputy check" says of
// a database where it is not as it should be. bootstrap.sql holds the SQL.
package setup

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"deputy/vending/postgres/sqltext"
)

//go:embed bootstrap.sql
var bootstrapSQL string

// MinSigningKey is the length of the shortest signing key.
const MinSigningKey = 32

// Order is what an administrator has set up.
type Order struct {
	Schemas        []string // governed: deputy_owner gets SELECT on their tables
	PolicyPath     []string // schemas that names in policies' SQL are looked up in, beside those of extensions
	SigningKey     string   // the server's; at least 32 characters
	RunnerPassword string   // of deputy_runner; empty: peer or certificate authentication

	// RotateKey keeps the signing key that is there good beside the new one, while the servers change over. Without it,
	// a new key replaces all others at once.
	RotateKey bool
	// DropOldKey ends that: only SigningKey is good, which has to be the database's newest. It replaces no key.
	DropOldKey bool
}

// Version is that of the set-up. A change that older servers or older set-ups would misunderstand raises it.
const Version = 2

// script is the SQL with all but the secrets filled in.
func (o Order) script() string {
	return strings.NewReplacer(
		"/*rotate*/false", strconv.FormatBool(o.RotateKey),
		"/*drop_old*/false", strconv.FormatBool(o.DropOldKey),
		"/*version*/1", strconv.Itoa(Version),
	).Replace(bootstrapSQL) + o.grants() + "\nCOMMIT;\n"
}

// Print returns the SQL for review. The two secrets are left as psql variables.
func (o Order) Print() string {
	return o.script()
}

// Bootstrap runs the set-up with an administrator's connection. It is idempotent, and either all of it happens or
// nothing.
func Bootstrap(ctx context.Context, admin *sql.DB, o Order) error {
	if len(o.SigningKey) < MinSigningKey {
		return fmt.Errorf("the signing key has %d characters: it needs %d or more", len(o.SigningKey), MinSigningKey)
	}
	if o.RotateKey && o.DropOldKey {
		return errors.New("a key is rotated, or the old one is dropped once every server has the new one: not both")
	}
	if len(o.Schemas) == 0 {
		return errors.New("no schema is governed: name at least one")
	}
	script := strings.NewReplacer(
		":'runner_password'", pq.QuoteLiteral(o.RunnerPassword),
		":'signing_key'", pq.QuoteLiteral(o.SigningKey),
	).Replace(o.script())
	conn, err := admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connecting as administrator: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, script); err != nil {
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return fmt.Errorf("setting up the database: %w", stoppedBy(ctx, conn, err))
	}
	return nil
}

// grants gives the two roles what they need of the governed schemas: names to both, values to deputy_owner alone.
func (o Order) grants() string {
	var b strings.Builder
	b.WriteString("\n-- The governed schemas. Run this again when tables are added.\n")
	for _, schema := range o.Schemas {
		q := sqltext.Quote(schema)
		fmt.Fprintf(&b, "GRANT USAGE ON SCHEMA %s TO deputy_owner, deputy_runner;\n", q)
		fmt.Fprintf(&b, "GRANT SELECT ON ALL TABLES IN SCHEMA %s TO deputy_owner;\n", q)
	}
	fmt.Fprintf(&b, laterGrants, pq.QuoteLiteral(strings.Join(o.Schemas, "\n")))
	b.WriteString(o.advice())
	fmt.Fprintf(&b, extensionGrants, pq.QuoteLiteral(strings.Join(o.PolicyPath, "\n")))
	return b.String()
}

// advice is what closes the governed schemas to PUBLIC. It is not run: other programs may live on it. deputy check says
// whether they are open.
func (o Order) advice() string {
	var b strings.Builder
	b.WriteString(
		"\n-- Where PUBLIC may use a governed schema, every role in the database can look up its names. These lines close it, and are left to you:\n",
	)
	for _, schema := range o.Schemas {
		q := strings.NewReplacer("\n", " ", "\r", " ").Replace(sqltext.Quote(schema)) // it stands in a comment
		fmt.Fprintf(
			&b,
			"-- REVOKE USAGE ON SCHEMA %s FROM PUBLIC;\n-- REVOKE SELECT ON ALL TABLES IN SCHEMA %[1]s FROM PUBLIC;\n",
			q,
		)
	}
	return b.String()
}

// laterGrants lets deputy_owner read what is created later, by those who own what is there. Where the administrator may
// not say so for a role, deputy check does.
const laterGrants = `
DO $later$
DECLARE
  schema name;
  creator name;
BEGIN
  FOR schema, creator IN
    SELECT n.nspname, r.rolname FROM pg_catalog.pg_namespace n
    JOIN LATERAL (SELECT c.relowner AS id FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ` +
	sqltext.GovernedKinds + `
                  UNION SELECT n.nspowner) AS o ON true JOIN pg_catalog.pg_roles r ON r.oid = o.id
    WHERE n.nspname = ANY (pg_catalog.string_to_array(%s, E'\n')) AND r.rolname !~ '^pg_'
  LOOP
    BEGIN
      EXECUTE pg_catalog.format(
        'ALTER DEFAULT PRIVILEGES FOR ROLE %%I IN SCHEMA %%I GRANT SELECT ON TABLES TO deputy_owner', creator, schema);
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING
        'the role %% has to run: ALTER DEFAULT PRIVILEGES IN SCHEMA %% GRANT SELECT ON TABLES TO deputy_owner',
        creator, pg_catalog.quote_ident(schema);
    END;
  END LOOP;
END
$later$;
`

// extensionGrants lets both roles use the types, operators and functions of extensions, and what policies look up.
// Where the administrator may not grant that, deputy check says what is missing.
const extensionGrants = `
-- The schemas of extensions, and of policy_path. Run this again when an extension is added.
DO $usage$
DECLARE
  schema name;
BEGIN
  FOR schema IN SELECT n.nspname FROM pg_catalog.pg_namespace n
    WHERE (n.nspname = ANY (pg_catalog.string_to_array(%s, E'\n')) OR EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extnamespace = n.oid))
      AND NOT (pg_catalog.has_schema_privilege('deputy_owner', n.oid, 'USAGE') AND pg_catalog.has_schema_privilege('deputy_runner', n.oid, 'USAGE'))
  LOOP
    BEGIN
      EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %%I TO deputy_owner, deputy_runner', schema);
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING 'the owner of the schema %% has to run: GRANT USAGE ON SCHEMA %% TO deputy_owner, deputy_runner',
        schema, pg_catalog.quote_ident(schema);
    END;
  END LOOP;
END
$usage$;
`

// stoppedBy names the event trigger whose function the error is of.
func stoppedBy(ctx context.Context, conn *sql.Conn, err error) error {
	var pe *pq.Error
	said := withoutScript(err)
	if !errors.As(err, &pe) || pe.Where == "" {
		return said
	}
	rows, failed := conn.QueryContext(ctx, `SELECT e.evtname, p.oid::pg_catalog.regprocedure::text, p.proname
		FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid WHERE e.evtenabled <> 'D'`)
	if failed != nil {
		return said
	}
	defer rows.Close()
	for rows.Next() {
		var trigger, function, name string
		if rows.Scan(&trigger, &function, &name) == nil && strings.Contains(pe.Where, name+"()") {
			return fmt.Errorf("the event trigger %s stops it, because %s fails for deputy_owner; "+
				"ALTER FUNCTION %[2]s SECURITY DEFINER, or let it leave deputy_owner and deputy_runner out: %w",
				trigger, function, said)
		}
	}
	return said
}

// withoutScript keeps the database's words and drops the fields that would quote the script, which has the secrets in
// it.
func withoutScript(err error) error {
	var pe *pq.Error
	if !errors.As(err, &pe) {
		return err
	}
	if pe.Hint != "" {
		return fmt.Errorf("%s (%s): %s", pe.Message, pe.Code, pe.Hint)
	}
	return fmt.Errorf("%s (%s)", pe.Message, pe.Code)
}
