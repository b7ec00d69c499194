package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"deputy/internal/testkit/throwaway"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

// cluster is one real PostgreSQL for all tests of the package; each test has its own database.
var cluster = throwaway.NewShared(func(c *throwaway.Cluster) error {
	// From 15 on this is so anyway. Before, every role may create in public: see TestExtensionOutOfReach.
	const closed = `ALTER SCHEMA public OWNER TO pg_database_owner; REVOKE CREATE ON SCHEMA public FROM PUBLIC`
	return errors.Join(
		c.Exec(throwaway.Superuser, "postgres", `CREATE ROLE dba LOGIN CREATEROLE`),
		c.Exec(throwaway.Superuser, "template1", closed),
	)
})

func TestMain(m *testing.M) { throwaway.Main(m) }

const signingKey = "0123456789abcdef0123456789abcdef"

var databases atomic.Int64

// newDatabase makes a database that the DBA owns, who is no superuser, and fills it.
func newDatabase(t testing.TB, seed ...string) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	exec("postgres", "CREATE DATABASE "+name+" OWNER dba")
	for _, s := range seed {
		execAs(t, "dba", name, s)
	}
	return name
}

// newEngine sets a database up as an administrator would, and opens it as the server would.
func newEngine(t testing.TB, database string, schemas ...string) *postgres.Engine {
	t.Helper()
	bootstrap(t, database, schemas...)
	e, err := postgres.Open(
		postgres.Config{DSN: cluster.DSN("deputy_runner", database), Schemas: schemas, SigningKey: signingKey},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func bootstrap(t testing.TB, database string, schemas ...string) {
	t.Helper()
	admin := open(t, "dba", database)
	order := setup.Order{Schemas: schemas, SigningKey: signingKey}
	if err := setup.Bootstrap(context.Background(), admin, order); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, role, database string) *sql.DB {
	t.Helper()
	db, err := cluster.Open(role, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execAs(t testing.TB, role, database, statement string) {
	t.Helper()
	if err := cluster.Exec(role, database, statement); err != nil {
		t.Fatal(err)
	}
}

// exec is for the superuser, also where there is no test to fail.
func exec(database, statement string) {
	if err := cluster.Exec(throwaway.Superuser, database, statement); err != nil {
		panic(err)
	}
}
