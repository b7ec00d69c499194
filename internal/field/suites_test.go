package field

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"deputy/tools"
)

// suiteLine is one statement with the database's answer, as testdata/suites/README.md says.
type suiteLine struct {
	Kind, Engine, SQL, Is string
	Database              [][]any
	Error                 *string `json:"database_error"`
}

// TestSuites plays small statements on both engines.
func TestSuites(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "suites", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no suites: %v", err)
	}
	worlds := map[string]*world{}
	starts := map[string]func(*testing.T) (*world, error){"postgres": postgresCases, "sqlite": sqliteCases}
	for engine, start := range starts {
		w, err := start(t)
		if w != nil {
			defer w.stop()
		}
		if err != nil {
			t.Fatal(err)
		}
		worlds[engine] = w
	}
	for _, path := range files {
		kind := strings.TrimSuffix(filepath.Base(path), ".jsonl")
		t.Run(kind, func(t *testing.T) {
			for i, l := range read[suiteLine](t, path) {
				id := fmt.Sprint(i)
				t.Run(id, func(t *testing.T) { report(t, kind, id, judgeSuite(t, worlds[l.Engine], id, l)) })
			}
		})
	}
}

// judgeSuite compares with psql, and on SQLite with what the database said when the line was written.
func judgeSuite(t *testing.T, w *world, id string, l suiteLine) string {
	t.Helper()
	got, err := w.query(t, line{}, l.SQL)
	var refusal *tools.Refusal
	if l.Error != nil {
		return wrongUnless(errors.As(err, &refusal), "the database refuses it, and Deputy says %v %v", got, err)
	}
	if limited(l.Kind, id, got, err) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	var want [][]string
	if l.Engine == "postgres" && !l.empty() {
		want, err = psql("cases", "public", l.SQL)
	}
	for _, row := range l.Database {
		if l.Engine == "postgres" && !l.empty() {
			break
		}
		var cells []string
		for _, cell := range row {
			cells = append(cells, text(cell, ""))
		}
		want = append(want, cells)
	}
	if err != nil {
		return err.Error()
	}
	return differ(want, got.Rows, ordered.MatchString(l.SQL))
}

// empty reports whether the answer has rows of no column, of which psql prints nothing.
func (l suiteLine) empty() bool { return len(l.Database) > 0 && len(l.Database[0]) == 0 }

// postgresCases is the PostgreSQL world. It takes the schema public anew, and has a view that appears while the server
// runs.
func postgresCases(t *testing.T) (*world, error) {
	configured := strings.Replace(on("cases", plain), "schemas: [s]", "schemas: [public]", 1)
	w, err := newWorld(strings.Replace(configured, "grant: [s.*]", `grant: ["*.*"]`, 1),
		map[string]string{"cases": "ALTER DATABASE cases SET TimeZone = 'PST8PDT'"})
	if err == nil {
		err = w.bootstrap()
	}
	for _, script := range []string{"world-postgres.sql", "", "world-postgres-after-start.sql"} {
		if err != nil {
			return w, err
		}
		if script == "" {
			if err = w.bootstrap(); err == nil {
				err = w.serve()
			}
			continue
		}
		err = load("cases", suite(t, script))
	}
	return w, err
}

// sqliteCases is the SQLite world.
func sqliteCases(t *testing.T) (*world, error) {
	head, tail, _ := strings.Cut(plain, "    engine: postgres\n")
	_, tail, _ = strings.Cut(tail, "audit:")
	tail = strings.Replace(tail, "[s.*]", `["*.*"]`, 1)
	w, err := newWorld(head+"    engine: sqlite\n    path: cases.db\naudit:"+tail, nil)
	if err != nil {
		return w, err
	}
	db, err := sqlite3.Open(filepath.Join(w.dir, "cases.db"))
	if err != nil {
		return w, err
	}
	defer db.Close()
	if err := db.Exec(suite(t, "world-sqlite.sql")); err != nil {
		return w, err
	}
	w.bases["base"] = database{}
	return w, w.serve()
}

func suite(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "suites", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
