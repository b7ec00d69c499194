package refusals

import (
	"context"
	"errors"
	"testing"
	"time"

	"deputy/identity"
	"deputy/internal/testkit/throwaway"
	"deputy/tools"
	"deputy/vending"
	"deputy/vending/postgres/trouble"
)

const read = "SELECT id FROM orders"

// scenarios are what befalls a call, by the words that the page has for it.
var scenarios = map[string]func(t *testing.T, on string) said{
	"a statement that takes too long":                 tooLong,
	"a table that another session holds a lock on":    locked,
	"a statement that needs too many temporary files": tooExpensive,
	"a database that has no connection left":          noConnection,
	"a database that is gone":                         gone,
	"a database whose disk is full":                   failing(trouble.Of("53100")),
	"a database that does not answer":                 failing(trouble.Silence, true),
	"a database that is starting up":                  failing(trouble.Of("57P03")),
	"a fault of Deputy's own":                         broken,
	"an audit log that cannot be written":             unrecorded,
	"an agent that an administrator has stopped":      stopped,
	"an access token that is for something else":      outOfScope,
	"a server that takes no requests":                 noRequests,
	"a request that the human declines":               declined,
	"an agent that asks for itself and may not":       forItself,
	"a request that is cancelled when it has ended":   cancelledTwice,
	"a tool that there is not":                        noTool,
}

// askIn is what a statement is told in a world of one engine.
func askIn(t *testing.T, e vending.Engine, sql string, change ...func(*tools.Config)) said {
	t.Helper()
	return newWorld(t, map[string]vending.Engine{"shop": e}, change...).ask(t, sql)
}

func tooLong(t *testing.T, on string) said {
	short := func(c *tools.Config) { c.Limits.Timeout = 2 * time.Second }
	if on == "SQLite" {
		endless := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
		return askIn(t, newSQLite(t), endless, short)
	}
	return askIn(t, newPostgres(t), "SELECT count(*) FROM generate_series(1, 1000000000) a, customers", short)
}

func locked(t *testing.T, _ string) said {
	e := newPostgres(t)
	conn, err := cluster.Open(throwaway.Superuser, e.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	tx, err := conn.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	w := newWorld(t, map[string]vending.Engine{"shop": e}, func(c *tools.Config) {
		c.Limits.LockTimeout = 300 * time.Millisecond
	})
	if _, err := tx.Exec("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	return w.ask(t, read)
}

func tooExpensive(t *testing.T, _ string) said {
	e := newPostgres(t)
	exec(t, e.database, "ALTER DATABASE "+e.database+" SET temp_file_limit = '64kB'")
	exec(t, e.database, "ALTER DATABASE "+e.database+" SET work_mem = '64kB'")
	return askIn(t, e, "SELECT count(*) FROM (SELECT i FROM generate_series(1, 200000) i ORDER BY i % 7) s")
}

// noConnection lets no session in any more, and ends those that are.
func noConnection(t *testing.T, _ string) said {
	e := newPostgres(t)
	w := newWorld(t, map[string]vending.Engine{"shop": e})
	exec(t, "postgres", "ALTER DATABASE "+e.database+" CONNECTION LIMIT 0")
	exec(t, "postgres", "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = '"+e.database+"'")
	return w.ask(t, read)
}

func gone(t *testing.T, _ string) said {
	e := newPostgres(t)
	w := newWorld(t, map[string]vending.Engine{"shop": e})
	exec(t, "postgres", "DROP DATABASE "+e.database+" WITH (FORCE)")
	return w.ask(t, read)
}

// faulty is an engine that answers every statement with an error, or panics.
type faulty struct {
	vending.Engine
	with error
}

func (f *faulty) Analyze(context.Context, string, ...vending.Parameter) (*vending.Statement, error) {
	if f.with == nil {
		panic("a fault")
	}
	return nil, f.with
}

func (f *faulty) Diagnose(context.Context, vending.Lease) error { return f.with }

// failing has the database say of itself what no test can make it say at will.
func failing(s trouble.Saying, _ bool) func(*testing.T, string) said {
	return func(t *testing.T, _ string) said {
		return askIn(t, &faulty{newSQLite(t), &vending.Error{Code: s.Code, Message: s.Message}}, read)
	}
}

func broken(t *testing.T, _ string) said { return askIn(t, &faulty{Engine: newSQLite(t)}, read) }

func unrecorded(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	w.log.full.Store(true)
	return w.ask(t, read)
}

func stopped(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	ctx, stop := context.WithCancelCause(t.Context())
	stop(identity.Stopped(principal(), "agent assistant is disabled: a leaked key"))
	_, err := w.Query(ctx, call(), tools.QueryArgs{SQL: read})
	return saidOf(nil, err)
}

func outOfScope(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	c := call()
	c.Principal.Scopes, c.Principal.Limited = []identity.Scope{identity.ScopeDescribe}, true
	_, err := w.Query(t.Context(), c, tools.QueryArgs{SQL: read})
	return saidOf(nil, err)
}

var forPayroll = tools.RequestArgs{Table: "payroll", Reason: "the report"}

func noRequests(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)}, func(c *tools.Config) { c.Requests = nil })
	_, err := w.RequestAccess(t.Context(), call(), forPayroll)
	return saidOf(nil, err)
}

func declined(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	args := forPayroll
	args.Declined = true
	_, err := w.RequestAccess(t.Context(), call(), args)
	return saidOf(nil, err)
}

func forItself(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	c := call()
	c.Principal.User = nil
	_, err := w.RequestAccess(t.Context(), c, forPayroll)
	return saidOf(nil, err)
}

func cancelledTwice(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	made, err := w.RequestAccess(t.Context(), call(), forPayroll)
	if err != nil {
		t.Fatal(err)
	}
	args := tools.RequestArgs{RequestID: made.ID, Cancel: true}
	_, err = w.RequestAccess(t.Context(), call(), args)
	_, again := w.RequestAccess(t.Context(), call(), args)
	if err != nil {
		t.Fatal(err)
	}
	return saidOf(nil, again)
}

func noTool(t *testing.T, _ string) said {
	w := newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)})
	var err error = w.Refuse(t.Context(), call(), "execute_sql", "there is no tool of that name")
	return saidOf(nil, errors.Join(err))
}
