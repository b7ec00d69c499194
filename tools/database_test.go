package tools_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/testkit/throwaway"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
	"deputy/vending/sqlite"
)

// database is one with the seed that a test can change while an engine is open on it.
type database struct {
	name  string                               // of PostgreSQL's
	exec  func(t testing.TB, statement string) // with %s where the name of a table begins
	open  func(t testing.TB) vending.Engine    // one that has not looked yet
	ahead *atomic.Int64                        // hours that the engines' clocks are
}

func (d database) now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load()) * time.Hour) }

func onBothDatabases(t *testing.T, test func(*testing.T, database)) {
	t.Run("sqlite", func(t *testing.T) { test(t, emptySQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, emptyPostgres(t)) })
}

func emptySQLite(t testing.TB) database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	d := database{ahead: new(atomic.Int64)}
	d.exec = func(t testing.TB, statement string) {
		t.Helper()
		db, err := sqlite3.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Exec(strings.ReplaceAll(statement, "%s", "")); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	d.open = func(t testing.TB) vending.Engine {
		t.Helper()
		e, err := sqlite.Open(sqlite.Config{Path: path, Schema: "sales", Now: d.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		return e
	}
	d.exec(t, seeded(""))
	return d
}

func emptyPostgres(t testing.TB) database {
	t.Helper()
	name := fmt.Sprintf("tools%d", databases.Add(1))
	exec(t, "postgres", "CREATE DATABASE "+name)
	exec(t, name, "CREATE SCHEMA sales;"+seeded("sales."))
	d := database{name: name, ahead: new(atomic.Int64)}
	d.exec = func(t testing.TB, statement string) {
		t.Helper()
		exec(t, name, strings.ReplaceAll(statement, "%s", "sales."))
	}
	d.open = func(t testing.TB) vending.Engine {
		t.Helper()
		admin, err := cluster.Open(throwaway.Superuser, name)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		if err := setup.Bootstrap(t.Context(), admin, setup.Order{Schemas: []string{"sales"}, SigningKey: signingKey}); err != nil {
			t.Fatal(err)
		}
		e, err := postgres.Open(
			postgres.Config{
				DSN:        cluster.DSN("deputy_runner", name),
				Schemas:    []string{"sales"},
				SigningKey: signingKey,
				Now:        d.now,
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		return e
	}
	return d
}
