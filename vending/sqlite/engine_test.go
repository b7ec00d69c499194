package sqlite

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/vending/enginetest"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/trial"

	"deputy/vending/sqlite/sqltext"
)

var testKey = []byte(dataset.HashKey)

// newFile makes a database file of the statements, as an administrator would.
func newFile(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sales.db")
	administer(t, path, statements...)
	return path
}

func administer(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func newEngine(t testing.TB, path string, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := Config{Path: path, Schema: dataset.Schema, HashKey: testKey}
	for _, c := range change {
		c(&cfg)
	}
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// clock knows whether a role is vended: an engine asks for the time before it takes one of its slots, and holding that,
// when it has vended a role and when it has revoked it.
type clock struct {
	mu     sync.Mutex
	asked  *sync.Cond
	engine *Engine
	vended bool
}

func newClock() *clock {
	c := &clock{}
	c.asked = sync.NewCond(&c.mu)
	return c
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.engine != nil {
		c.vended = len(c.engine.slots) > 0 && !c.vended
		c.asked.Broadcast()
	}
	return time.Now()
}

func (c *clock) awaitVended(testing.TB) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.vended {
		c.asked.Wait()
	}
}

func fixture(t testing.TB) trial.Fixture {
	path := newFile(t, dataset.Statements("")...)
	clock := newClock()
	e := newEngine(t, path, func(c *Config) { c.Now = clock.now })
	clock.engine = e
	return trial.Fixture{
		Engine:       e,
		Outside:      func(t testing.TB) string { return outside(t, path) },
		AwaitRunning: clock.awaitVended,
		Words: trial.Words{
			ForbiddenCall: `SELECT changes()`,
			Catalog:       `SELECT name FROM sqlite_schema`,
			FailsIf: func(condition string) string {
				return `abs(CASE WHEN ` + condition + ` THEN -9223372036854775807 - 1 ELSE 1 END)`
			},
		},
	}
}

// outside is the whole content of the file, the files beside it, and what the attacks try to write elsewhere.
func outside(t testing.TB, path string) string {
	t.Helper()
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out strings.Builder
	tables := []string{"sqlite_schema"}
	dump := func(sql string, each func(*sqlite3.Stmt)) {
		stmt, _, err := db.Prepare(sql)
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		for stmt.Step() {
			each(stmt)
		}
		if err := stmt.Err(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	dump(
		`SELECT name FROM sqlite_schema WHERE type = 'table'`,
		func(s *sqlite3.Stmt) { tables = append(tables, s.ColumnText(0)) },
	)
	for _, table := range tables {
		dump(`SELECT * FROM `+sqltext.Quote(table), func(s *sqlite3.Stmt) {
			for i := range s.ColumnCount() {
				out.WriteString(s.ColumnText(i) + "|")
			}
			out.WriteString("\n")
		})
	}
	if err := db.Exec(`BEGIN EXCLUSIVE; ROLLBACK`); err != nil {
		t.Errorf("a session still holds a lock on the file: %v", err)
	}
	beside, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	elsewhere, _ := filepath.Glob("/tmp/deputy-attack*")
	return out.String() + strings.Join(append(beside, elsewhere...), "\n")
}

func TestConformance(t *testing.T) {
	enginetest.Run(t, fixture)
}
