package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
)

// Fixture is an engine over a database that was made from Seed, and what the tests cannot find out through the engine.
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

// Run tests everything that is asked of an engine. It opens one fixture and leaves its database as it was.
func Run(t *testing.T, open func(testing.TB) Fixture) {
	f := open(t)
	before := f.Outside(t)
	for _, group := range []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"the catalog", testCatalog},
		{"analysis", testAnalyze},
		{"analysis finds what the gate refuses", testForbidden},
		{"reading", testReading},
		{"values", testValues},
		{"columns", testColumns},
		{"masks", testMasks},
		{"chains of masks", testChains},
		{"masked values stay apart or equal", testKeyedMasks},
		{"masks are all a statement ever sees", testMasksHold},
		{"row filters", testFilters},
		{"row filters about who asks", testOneValue},
		{"row filters about time", testWithin},
		{"row filters that take a sample", testSample},
		{"row filters that never hold", testNever},
		{"limits", testLimits},
		{"recorded", testRecorded},
		{"interruption", testInterruption},
		{"what is not a read", testShapes},
		{"what is hidden looks like what is not there", testHidden},
		{"diagnosis", testDiagnose},
		{"the role", testRole},
		{"many at once", testConcurrency},
	} {
		t.Run(group.name, func(t *testing.T) { group.test(t, suite{f}) })
	}
	t.Run("attacks", func(t *testing.T) { RunAttacks(t, f, Attacks()) })
	t.Run("attacks on every mask", func(t *testing.T) { RunAttacksOnMasks(t, f, slices.Concat(unmasking(), guessing())) })
	suite{f}.leavesNothing(t, before)
}

type suite struct{ Fixture }

func (s suite) leavesNothing(t testing.TB, before string) {
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

// lease has generous limits; tests lower the one they are about.
func lease(sql string, access ...entitlements.Access) vending.Lease {
	return vending.Lease{
		ID: fmt.Sprintf("test%012d", leases.Add(1)), SQL: sql, Access: access,
		MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second,
	}
}

// change alters the access that grant makes.
type change func(*entitlements.Access)

// grant opens a table of the catalog, every column clear unless changed.
func (s suite) grant(t testing.TB, table string, changes ...change) entitlements.Access {
	t.Helper()
	catalog, err := s.Engine.Catalog(t.Context())
	if err != nil {
		t.Fatalf("the catalog cannot be read: %v", err)
	}
	found, ok := catalog.Table(entitlements.TableName{Schema: Schema, Name: table})
	if !ok {
		t.Fatalf("the catalog does not know %s.%s", Schema, table)
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

func masked(column string, m entitlements.Mask) change { return chained(column, when(m)) }

// chained puts a chain of masks on a column.
func chained(column string, masks ...entitlements.AppliedMask) change {
	return func(a *entitlements.Access) {
		for i := range a.Columns {
			if a.Columns[i].Name == column {
				a.Columns[i].Masks = masks
			}
		}
	}
}

// when is a mask for the rows that meet a condition; without one, for all.
func when(m entitlements.Mask, condition ...entitlements.Part) entitlements.AppliedMask {
	return entitlements.AppliedMask{Mask: m, Policy: "test", When: condition}
}

func only(columns ...string) change {
	return func(a *entitlements.Access) {
		a.Columns = slices.DeleteFunc(
			a.Columns,
			func(c entitlements.ColumnAccess) bool { return !slices.Contains(columns, c.Name) },
		)
	}
}

func filtered(parts ...entitlements.Part) change {
	return func(a *entitlements.Access) {
		a.Filters = append(a.Filters, entitlements.Filter{Policy: "test", Where: parts})
	}
}

// run fails the test unless the statement gives rows.
func (s suite) run(t testing.TB, l vending.Lease) vending.Result {
	t.Helper()
	result, err := s.Engine.Run(t.Context(), l)
	if err != nil {
		t.Fatalf("%s\n%v", l.SQL, err)
	}
	return result
}

// refused fails the test unless the error is one of the contract, with one of the codes.
func refused(t testing.TB, sql string, err error, codes ...vending.Code) *vending.Error {
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

// lines writes rows so that they can be compared where engines may choose between 5 and "5".
func lines(rows [][]any) []string {
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

func (s suite) expect(t testing.TB, l vending.Lease, want ...string) {
	t.Helper()
	if got := lines(s.run(t, l).Rows); !slices.Equal(got, want) {
		t.Errorf("%s\ngives %q\nnot   %q", l.SQL, got, want)
	}
}

// outcome tells two refusals apart, as a caller could.
func outcome(err error) string {
	var refusal *vending.Error
	if errors.As(err, &refusal) {
		return fmt.Sprintf("%s at %d: %s", refusal.Code, refusal.Position, refusal.Message)
	}
	return fmt.Sprint(err)
}

func cancelled(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(parent)
	cancel()
	return ctx
}
