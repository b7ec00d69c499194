package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"deputy/internal/testkit/throwaway"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

// cluster is one real PostgreSQL for all tests of the package; each test has its own database.
var cluster *throwaway.Cluster

func TestMain(m *testing.M) {
	c, err := throwaway.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cluster = c
	exec("postgres", `CREATE ROLE dba LOGIN CREATEROLE`)
	// From 15 on this is so anyway. Before, every role may create in public: see TestExtensionOutOfReach.
	exec("template1", `ALTER SCHEMA public OWNER TO pg_database_owner; REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	code := m.Run()
	c.Stop()
	os.Exit(code)
}

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
	if err := setup.Bootstrap(context.Background(), admin, setup.Order{Schemas: schemas, SigningKey: signingKey}); err != nil {
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
	if _, err := open(t, role, database).Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// exec is for the superuser, before there is a test to fail.
func exec(database, statement string) {
	db, err := cluster.Open(throwaway.Superuser, database)
	if err == nil {
		_, err = db.Exec(statement)
		db.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("%s: %v", statement, err))
	}
}
