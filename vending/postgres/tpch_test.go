package postgres_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
)

// warehouse is TPC-H's data governed by Deputy, and the owner's plain connection to it beside.
type warehouse struct {
	engine  *postgres.Engine
	catalog *entitlements.Catalog
	owner   *sql.Conn
}

// loaded is the database of all warehouses: it takes a second to fill, and nobody changes anything in it.
var loaded struct {
	sync.Once
	database string
}

// newWarehouse opens the engine with more settings for its sessions: "parallel_setup_cost=0".
func newWarehouse(t testing.TB, settings ...string) *warehouse {
	t.Helper()
	loaded.Do(func() {
		loaded.database = newDatabase(
			t,
			read(t, "testdata/tpch/schema.sql"),
			read(t, "testdata/tpch/data.sql"),
			read(t, "testdata/tpch/keys.sql"),
		)
		bootstrap(t, loaded.database, "tpch")
		// Sums of floats depend on who adds what first, so that workers come only where a test wants them.
		execAs(t, "dba", loaded.database, "ALTER DATABASE "+loaded.database+" SET max_parallel_workers_per_gather = 0")
	})
	dsn := strings.Join(append(settings, cluster.DSN("deputy_runner", loaded.database)), " ")
	engine, err := postgres.Open(postgres.Config{DSN: dsn, Schemas: []string{"tpch"}, SigningKey: signingKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	catalog, err := engine.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owner, err := open(t, "dba", loaded.database).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { owner.Close() })
	if _, err := owner.ExecContext(t.Context(), `SET search_path = tpch`); err != nil {
		t.Fatal(err)
	}
	return &warehouse{engine: engine, catalog: catalog, owner: owner}
}

// full is all of the tables that a statement reads, cut to the columns it uses as tools.Query does, with no mask and no
// filter.
func (w *warehouse) full(t testing.TB, statement string) []entitlements.Access {
	t.Helper()
	analysed, err := w.engine.Analyze(t.Context(), statement)
	if err != nil {
		t.Fatalf("an ordinary read is not understood: %v", err)
	}
	if err := vending.Gate(analysed); err != nil || len(analysed.Forbidden) > 0 {
		t.Fatalf("an ordinary read is refused: it uses %v", analysed.Forbidden)
	}
	var out []entitlements.Access
	for _, use := range analysed.Tables {
		table, ok := w.catalog.Table(use.Table)
		if !ok {
			t.Fatalf("the analysis names %s, which the catalog does not know", use.Table)
		}
		access := entitlements.Access{Table: use.Table}
		for _, c := range table.Columns {
			if use.All || slices.Contains(use.Columns, c.Name) {
				access.Columns = append(access.Columns, entitlements.ColumnAccess{Column: c})
			}
		}
		out = append(out, access)
	}
	return out
}

var warehouseLeases atomic.Int64

func (w *warehouse) lease(statement string, access []entitlements.Access) vending.Lease {
	return vending.Lease{
		ID: fmt.Sprintf("warehouse%d", warehouseLeases.Add(1)), SQL: statement, Access: access,
		MaxRows: 1 << 20, MaxBytes: 64 << 20, Timeout: time.Minute,
	}
}

// same runs a statement both ways and fails if there is any difference.
func (w *warehouse) same(t *testing.T, statement string) vending.Result {
	t.Helper()
	access := w.full(t, statement)
	want, err := postgres.ReadPlain(t.Context(), w.owner, statement)
	if err != nil {
		t.Fatalf("on a plain connection: %v", err)
	}
	got, err := w.engine.Run(t.Context(), w.lease(statement, access))
	if err != nil {
		t.Fatalf("vended, what runs on a plain connection fails: %v", err)
	}
	if got.Truncated || !slices.Equal(got.Columns, want.Columns) {
		t.Errorf(
			"vended, the columns are %v (truncated: %v), on a plain connection %v",
			got.Columns,
			got.Truncated,
			want.Columns,
		)
	}
	if !slices.EqualFunc(got.Rows, want.Rows, slices.Equal) {
		t.Errorf("vended, the rows are\n%v\nand on a plain connection\n%v", got.Rows, want.Rows)
	}
	return got
}

// queries are the statements of a folder, by name.
func queries(t testing.TB, pattern string, atLeast int) map[string]string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < atLeast {
		t.Fatalf("%s has %d statements, not %d or more: %v", pattern, len(files), atLeast, err)
	}
	out := map[string]string{}
	for _, file := range files {
		out[strings.TrimSuffix(filepath.Base(file), ".sql")] = read(t, file)
	}
	return out
}

func tpchQueries(t testing.TB) map[string]string { return queries(t, "testdata/tpch/q*.sql", 22) }

func analyticQueries(t testing.TB) map[string]string {
	return queries(t, "testdata/analytics/*.sql", 40)
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tells reports whether a result has a value in it: an aggregate over nothing is a row too, of NULLs.
func tells(r vending.Result) bool {
	return slices.ContainsFunc(r.Rows, func(row []any) bool {
		return slices.ContainsFunc(row, func(v any) bool { return v != nil })
	})
}

func TestUnderAFullGrantEveryQueryAnswersAsOnAPlainConnection(t *testing.T) {
	w := newWarehouse(t)
	for name, group := range map[string]map[string]string{"tpch": tpchQueries(t), "analytics": analyticQueries(t)} {
		asked, told := 0, 0
		for query, statement := range group {
			t.Run(name+"/"+query, func(t *testing.T) {
				asked++
				if tells(w.same(t, statement)) {
					told++
				}
			})
		}
		if !t.Failed() && told < asked-2 {
			t.Errorf("%d of %d queries of %s find nothing in the data: comparing them says little", asked-told, asked, name)
		}
	}
}
