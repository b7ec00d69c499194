package assembly_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/tools"
)

// change does something to the demo's SQLite file, and lets the server see it by a restart.
func (w *world) change(sql string) {
	w.t.Helper()
	for _, pair := range w.stage.Environment() {
		if path, ok := strings.CutPrefix(pair, "DEMO_DATABASE="); ok {
			db, err := sqlite3.Open(path)
			if err != nil {
				w.t.Fatal(err)
			}
			defer db.Close()
			if err := db.Exec(sql); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func (w *world) restart() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	var err error
	logger := func(string) zerolog.Logger { return zerolog.New(&w.log) }
	if w.Live, err = assembly.Follow(w.t.Context(), w.load, logger); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) shows(sql string) (string, []string) {
	w.t.Helper()
	ctx := w.t.Context()
	g, end := w.Begin(ctx)
	defer end()
	who, err := g.Authenticator().Authenticate(
		ctx,
		identity.Credentials{AgentKey: w.stage.AgentKey, UserToken: w.stage.Token(demo.Taylor)},
	)
	if err != nil {
		return err.Error(), nil
	}
	r, err := g.Tools().Query(ctx, tools.Call{Principal: who, Client: "test"}, tools.QueryArgs{SQL: sql, Platform: "shop"})
	if err != nil {
		return err.Error(), nil
	}
	if r.Rows[0][0] == nil {
		return "NULL", r.Notices
	}
	return r.Rows[0][0].(string), r.Notices
}

// The server keeps the catalog file from its first start on: a restart between the steps of a migration accepts
// nothing.
func TestMigrationAcrossRestarts(t *testing.T) {
	w := follow(t, config.SQLite)
	catalog := filepath.Join(filepath.Dir(w.file), "deputy-catalog.json")
	first, err := os.ReadFile(catalog)
	if info, _ := os.Stat(catalog); err != nil || info.Mode() != 0o600 ||
		!strings.Contains(string(first), `"lastname": "text"`) {
		t.Fatalf("the catalog file is not written: %s (%v)", first, err)
	}
	if w.Notice() != "" {
		t.Errorf("at first /readyz says %q", w.Notice())
	}
	w.change("ALTER TABLE customer_orders ADD COLUMN surname text; UPDATE customer_orders SET surname = lastname")
	w.restart()
	const sql = "SELECT surname FROM customer_orders"
	if got, notices := w.shows(sql); got != "NULL" || !strings.Contains(strings.Join(notices, " "), "it is New") {
		t.Errorf("of the new column Taylor sees %s (%v)", got, notices)
	}
	if !strings.Contains(w.Notice(), "New") ||
		!strings.Contains(w.log.String(), "surname of sales.customer_orders are New") {
		t.Errorf("it is not said: %q\n%s", w.Notice(), &w.log)
	}
	if again, _ := os.ReadFile(catalog); string(again) != string(first) {
		t.Errorf("the server has changed what is accepted: %s", again)
	}
	w.restart()
	if got, _ := w.shows(sql); got != "NULL" {
		t.Errorf("after another restart Taylor sees %s", got)
	}
}

// Where the file cannot be written, nothing counts as accepted.
func TestCatalogFileCannotBeWritten(t *testing.T) {
	w := follow(t, config.SQLite)
	text := strings.Replace(w.text, "audit:", "catalog: {file: /proc/nowhere/deputy-catalog.json}\naudit:", 1)
	w.Close()
	w.write(text)
	var err error
	logger := func(string) zerolog.Logger { return zerolog.New(&w.log) }
	if w.Live, err = assembly.Follow(t.Context(), w.load, logger); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.shows("SELECT region FROM customer_orders"); got != "NULL" ||
		!strings.Contains(w.log.String(), "cannot be written") {
		t.Errorf("Taylor sees %s\n%s", got, &w.log)
	}
}
