package field

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Tables that change while the server runs. It looks at the catalogs once a minute, so that these lines wait side by
// side.

const noticed = 70 * time.Second

var changes = map[string]func(*testing.T, line) string{
	"ddl-rename-exact":      change("ALTER TABLE s.people RENAME ssn TO social", "people", noticed, closedAlone),
	"ddl-rename-glob":       change("ALTER TABLE s.other RENAME v TO w", "other", noticed, neverShown),
	"ddl-type":              change("ALTER TABLE s.ty ALTER v TYPE int USING v::int", "ty", noticed, neverShown),
	"ddl-new-table-running": change("CREATE TABLE s.fresh(id int)", "fresh", time.Second, thereOrNamed),
	"ddl-add-column-name":   change("ALTER TABLE s.other ADD COLUMN email text", "other", 0, secondCallAnswers),
}

// TestChanges plays the lines about tables that change.
func TestChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("a server looks at the catalogs once a minute")
	}
	t.Parallel()
	for kind, lines := range kinds(t) {
		for _, l := range lines {
			if play := changes[l.ID]; play != nil {
				t.Run(kind+"/"+l.ID, func(t *testing.T) {
					t.Parallel()
					report(t, kind, l.ID, play(t, l))
				})
			}
		}
	}
}

// change alters a table while the server runs, has it look, and asks.
func change(
	ddl, table string, wait time.Duration, right func(*testing.T, *world, line, string) string,
) func(*testing.T, line) string {
	return func(t *testing.T, l line) string {
		base := fresh("live")
		text := strings.Replace(configuration(t, "live.yaml"), "dbname=live", "dbname="+base, 1)
		w, err := newWorld(text, map[string]string{base: "worlds/live.sql"})
		if err == nil {
			err = w.bootstrap()
		}
		if err == nil {
			err = w.serve()
		}
		defer w.stop()
		if err == nil {
			_, err = w.query(t, l, "SELECT * FROM s.people")
		}
		if err == nil {
			err = load(base, ddl)
		}
		if err != nil {
			return err.Error()
		}
		if wrong := w.looks(t, l, table, wait); wrong != "" {
			return wrong
		}
		return right(t, w, l, table)
	}
}

// secrets are the values under masks in the world "live".
var secrets = []string{"111-11-1111", "x", "12"}

// sees is what the caller sees of a table: its rows, or the refusal.
func (w *world) sees(t *testing.T, l line, table string) (shown string, leaked bool) {
	t.Helper()
	got, err := w.query(t, l, "SELECT * FROM s."+table)
	if err != nil {
		return err.Error(), false
	}
	for _, row := range got.Rows {
		for _, cell := range row {
			for _, secret := range secrets {
				leaked = leaked || fmt.Sprint(cell) == secret
			}
		}
	}
	return fmt.Sprint(got.Rows), leaked
}

// looks asks until the answer about the table is another one, or for a while.
func (w *world) looks(t *testing.T, l line, table string, wait time.Duration) (wrong string) {
	t.Helper()
	first, _ := w.sees(t, l, table)
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); time.Sleep(time.Second) {
		shown, leaked := w.sees(t, l, table)
		if leaked {
			return "it is shown in the clear: " + shown
		}
		if shown != first {
			return ""
		}
	}
	return ""
}

// closedAlone: that table is refused, the others are served.
func closedAlone(t *testing.T, w *world, l line, table string) string {
	t.Helper()
	if shown, _ := w.sees(t, l, table); strings.HasPrefix(shown, "[") {
		return "the table is served: " + shown
	}
	if shown, _ := w.sees(t, l, "ty"); !strings.HasPrefix(shown, "[") {
		return "another table is not served: " + shown
	}
	return ""
}

// thereOrNamed: a new table is there with the next call, without rows, or is named as one that cannot be read yet.
func thereOrNamed(t *testing.T, w *world, l line, table string) string {
	t.Helper()
	shown, _ := w.sees(t, l, table)
	there := shown == "[]" || strings.Contains(shown, table+" is closed for now")
	return wrongUnless(there, "the table is answered with %s", shown)
}

// neverShown: no masked value in the clear, whatever the server knows by now.
func neverShown(t *testing.T, w *world, l line, table string) string {
	t.Helper()
	shown, leaked := w.sees(t, l, table)
	return wrongUnless(!leaked, "it is shown in the clear: %s", shown)
}

func secondCallAnswers(t *testing.T, w *world, l line, table string) string {
	t.Helper()
	w.query(t, l, "SELECT email FROM s."+table)
	_, err := w.query(t, l, "SELECT email FROM s."+table)
	return wrongUnless(err == nil, "%v", err)
}
