// Package trial puts one engine on trial: it holds the fixture that the engine brings, and what every test of the suite
// begins with. A test leases a statement with accesses to the tables of the seed, and looks at what comes back.
package trial

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/enginetest/dataset"
)

// Fixture is an engine over a database that was made from dataset.Statements, and what the tests cannot find out
// through the engine.
type Fixture struct {
	Engine vending.Engine

	// Outside describes everything a statement could leave behind or change, as an administrator sees it from another
	// session: rows, tables, roles, views, locks, open transactions, files. It says the same whenever no statement runs.
	Outside func(testing.TB) string

	// AwaitRunning returns when the database is at work for a vended role. The tests call it at most once at a time.
	AwaitRunning func(testing.TB)

	Words Words
}

// Words are the places where SQL cannot be written the same for all engines.
type Words struct {
	// a statement that calls a function which the gate must refuse: SELECT pg_sleep(1)
	ForbiddenCall string
	Catalog       string // a statement that reads a system catalog
	// an expression that is an error for rows that meet the condition, and 1 for others
	FailsIf func(condition string) string
}

// Group is a part of the suite that is about one thing.
type Group struct {
	Name string
	Test func(*testing.T, Suite)
}

// Suite is the fixture with what the tests ask of it.
type Suite struct{ Fixture }

// LeavesNothing fails the test unless the database is as it was, and no role can be seen.
func (s Suite) LeavesNothing(t testing.TB, before string) {
	t.Helper()
	standing, err := s.Engine.Standing(t.Context())
	if err != nil || len(standing) > 0 {
		t.Errorf("a vended role can be seen by other sessions: %v, %v", standing, err)
	}
	if after := s.Outside(t); after != before {
		t.Errorf("the database is not as it was\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

var leases atomic.Int64

// Lease has generous limits; tests lower the one they are about.
func Lease(sql string, access ...entitlements.Access) vending.Lease {
	return vending.Lease{
		ID: fmt.Sprintf("test%012d", leases.Add(1)), SQL: sql, Access: access,
		MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second,
	}
}

// Grant opens a table of the catalog, every column clear unless changed.
func (s Suite) Grant(t testing.TB, table string, changes ...Change) entitlements.Access {
	t.Helper()
	catalog, err := s.Engine.Catalog(t.Context())
	if err != nil {
		t.Fatalf("the catalog cannot be read: %v", err)
	}
	found, ok := catalog.Table(entitlements.TableName{Schema: dataset.Schema, Name: table})
	if !ok {
		t.Fatalf("the catalog does not know %s.%s", dataset.Schema, table)
	}
	access := entitlements.Access{Table: found.TableName, Via: entitlements.ViaUser, Grants: []string{"test"}}
	for _, c := range found.Columns {
		access.Columns = append(access.Columns, entitlements.ColumnAccess{Column: c})
	}
	for _, change := range changes {
		change(&access)
	}
	return access
}

// Run fails the test unless the statement gives rows.
func (s Suite) Run(t testing.TB, l vending.Lease) vending.Result {
	t.Helper()
	result, err := s.Engine.Run(t.Context(), l)
	if err != nil {
		t.Fatalf("%s\n%v", l.SQL, err)
	}
	return result
}

// Refused fails the test unless the error is one of the contract, with one of the codes.
func Refused(t testing.TB, sql string, err error, codes ...vending.Code) *vending.Error {
	t.Helper()
	var refusal *vending.Error
	switch {
	case err == nil:
		t.Fatalf("%s\nis not refused", sql)
	case !errors.As(err, &refusal):
		t.Fatalf("%s\nthe error is no *vending.Error: %v", sql, err)
	case len(codes) > 0 && !slices.Contains(codes, refusal.Code):
		t.Fatalf("%s\nis refused as %s, not as %v: %v", sql, refusal.Code, codes, err)
	case refusal.Message == "":
		t.Fatalf("%s\nis refused without a word", sql)
	}
	return refusal
}

// Lines writes rows so that they can be compared where engines may choose between 5 and "5".
func Lines(rows [][]any) []string {
	out := []string{}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = fmt.Sprint(c)
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

// Expect fails the test unless the statement gives these rows, in this order.
func (s Suite) Expect(t testing.TB, l vending.Lease, want ...string) {
	t.Helper()
	if got := Lines(s.Run(t, l).Rows); !slices.Equal(got, want) {
		t.Errorf("%s\ngives %q\nnot   %q", l.SQL, got, want)
	}
}
