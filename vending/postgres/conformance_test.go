package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/vending/enginetest"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/trial"
	"deputy/vending/postgres"
)

func TestConformance(t *testing.T) { enginetest.Run(t, fixture) }

func TestPostgresAttacks(t *testing.T) {
	f := fixture(t)
	enginetest.RunAttacks(t, f, attack.Postgres())
	enginetest.RunAttacksOnMasks(t, f, slices.DeleteFunc(attack.Postgres(), func(a attack.Attack) bool {
		return a.Family != "wrapping a masked column" && a.Family != "errors that echo"
	}))
}

// fixture is the engine over the shared seed, with things in the database that only attackers would look for.
func fixture(t testing.TB) trial.Fixture {
	database := newDatabase(t, "CREATE SCHEMA sales;"+strings.Join(dataset.Statements("sales."), ";"), temptations)
	bootstrap(t, database, "sales")
	setHashKey(t, database, dataset.HashKey)
	e, err := postgres.Open(
		postgres.Config{DSN: cluster.DSN("deputy_runner", database), Schemas: []string{"sales"}, SigningKey: signingKey},
	)
	if err != nil {
		t.Fatal(err)
	}
	admin := open(t, "postgres", database)
	t.Cleanup(func() { e.Close() })
	return trial.Fixture{
		Engine:       e,
		Outside:      func(t testing.TB) string { return outside(t, admin) },
		AwaitRunning: func(t testing.TB) { awaitRunning(t, admin) },
		Words: trial.Words{
			ForbiddenCall: `SELECT pg_sleep(1)`,
			Catalog:       `SELECT * FROM pg_class`,
			FailsIf:       func(condition string) string { return fmt.Sprintf(`(1 / (CASE WHEN %s THEN 0 ELSE 1 END))`, condition) },
		},
	}
}

// setHashKey takes the place of the key that bootstrap made up.
func setHashKey(t testing.TB, database, key string) {
	t.Helper()
	pad := func(with byte) string {
		out := bytes.Repeat([]byte{with}, sha256.BlockSize)
		for i := range key {
			out[i] ^= key[i]
		}
		return fmt.Sprintf(`'\x%x'`, out)
	}
	execAs(
		t,
		"postgres",
		database,
		`UPDATE deputy.keys SET ipad = `+pad(0x36)+`, opad = `+pad(0x5c)+` WHERE name = 'hash'`,
	)
}

// temptations are the careless things that databases have: a SECURITY DEFINER function open to everybody, an operator
// with side effects, a function that everybody may make an index of.
const temptations = `
CREATE FUNCTION sales.all_names() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT string_agg(lastname, ',') FROM sales.customer_orders $$;
CREATE FUNCTION sales.peek(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'saw %', $1; END $$;`

// outside is what a vend could leave, as the superuser sees it, and what an attack could change.
func outside(t testing.TB, admin *sql.DB) string {
	t.Helper()
	awaitIdle(t, admin)
	var out []string
	for _, query := range []string{
		`SELECT string_agg(rolname, ' ' ORDER BY 1) FROM pg_roles`,
		`SELECT string_agg(nspname, ' ' ORDER BY 1) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'`,
		`SELECT string_agg(n.nspname || '.' || c.relname || coalesce(c.relacl::text, ''), ' ' ORDER BY 1) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information)'`,
		`SELECT string_agg(c.relname, ' ' ORDER BY 1) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ~ '^pg_temp'`,
		`SELECT string_agg(lastname || region || order_total || total_with_shipping, ' ' ORDER BY 1) FROM sales.customer_orders`,
		`SELECT string_agg(name || salary, ' ' ORDER BY 1) FROM sales.secret_salaries`,
		`SELECT string_agg(locktype || objid::text, ' ') FROM pg_locks WHERE locktype = 'advisory'`,
		`SELECT string_agg(gid, ' ') FROM pg_prepared_xacts`,
		`SELECT string_agg(name || setting, ' ' ORDER BY 1) FROM pg_file_settings`,
		`SELECT count(*)::text FROM deputy.leases`,
		`SELECT string_agg(setdatabase::text || setrole || setconfig::text, ' ') FROM pg_db_role_setting`,
		`SELECT count(*)::text FROM pg_largeobject_metadata`,
	} {
		var text sql.NullString
		if err := admin.QueryRow(query).Scan(&text); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		out = append(out, text.String)
	}
	return strings.Join(out, "\n")
}

// awaitIdle gives sessions that were cut off the moment they need to end.
func awaitIdle(t testing.TB, admin *sql.DB) {
	awaitCount(
		t,
		admin,
		`SELECT count(*) FROM pg_stat_activity WHERE usename = 'deputy_runner' AND datname = current_database() AND state <> 'idle'`,
		func(n int) bool { return n == 0 },
	)
}

func awaitRunning(t testing.TB, admin *sql.DB) {
	awaitCount(
		t,
		admin,
		`SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^deputy_' AND datname = current_database() AND state = 'active' AND query !~ 'deputy.vend'`,
		func(n int) bool { return n > 0 },
	)
}

func awaitCount(t testing.TB, admin *sql.DB, query string, enough func(int) bool) {
	t.Helper()
	for range 12_000 {
		var n int
		if err := admin.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if enough(n) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never came true: %s", query)
}
