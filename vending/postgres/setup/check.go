package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/vending"
)

// CheckRunner compares the role that the server logs in as with what bootstrap.sql sets up. Where it is not ready,
// nothing else can be asked of the database.
func CheckRunner(ctx context.Context, db *sqlx.DB) (findings []vending.Finding, ready bool, err error) {
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
	err = db.GetContext(ctx, &who, `
SELECT session_user AS who, r.rolsuper OR r.rolbypassrls OR r.rolcreaterole AS super, r.rolinherit AS inherit,
       current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = 'deputy' AND p.proname = 'vend' AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')) AS vend,
       NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname = 'deputy' AND p.proname = 'version' AND p.pronargs = 0) AS older,
       (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) AS elsewhere
FROM pg_roles r WHERE r.rolname = session_user`)
	if err != nil {
		return nil, false, err
	}
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
		return findings, false, nil
	}
	if !who.Vend {
		add("deputy.vend is not there or not ours to call: run deputy bootstrap postgres")
		return findings, false, nil
	}
	if who.Older {
		add("%v", older(1))
		return findings, false, nil
	}
	if err := CheckVersion(ctx, db); errors.Is(err, ErrVersion) {
		add("%v", err)
		return findings, false, nil
	} else if err != nil {
		return nil, false, err
	}
	return findings, true, nil
}

// ErrVersion is about a database that another version of Deputy has set up. Nothing is vended there.
var ErrVersion = errors.New("the database was set up by another version of Deputy")

func older(version int) error {
	return fmt.Errorf("%w: an older one (%d, and this server is %d): run deputy bootstrap postgres again",
		ErrVersion, version, Version)
}

// CheckVersion compares the set-up with what this server knows. A newer one says itself which servers it serves still.
func CheckVersion(ctx context.Context, db *sqlx.DB) error {
	var is struct {
		Version int `db:"version"`
		Oldest  int `db:"oldest"`
	}
	err := db.GetContext(ctx, &is, `SELECT deputy.version() AS version, deputy.oldest() AS oldest`)
	if refused, ok := errors.AsType[*pq.Error](err); ok && refused.Code == "42883" { // there is no such function
		return older(1)
	}
	switch {
	case err != nil:
		return err
	case is.Version < Version:
		return older(is.Version)
	case is.Oldest > Version:
		return fmt.Errorf("%w: a newer one (%d, and this server is %d): run the Deputy of that version",
			ErrVersion, is.Version, Version)
	}
	return nil
}
