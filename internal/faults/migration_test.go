package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"deputy/internal/testkit/throwaway"
	"deputy/mcp/client"
	"deputy/tools"
)

// migrationFaults are what the owner of a database does to its tables while they are read.
func migrationFaults() []fault {
	return []fault{
		{
			name: "columns come and go", holds: 8 * time.Second, hits: shopAlone, again: true,
			begin: migrated,
		},
		{name: "DDL by others, second by second", long: true, hits: shopAlone, again: true, begin: changed},
	}
}

// migrated is an application's owner who changes the table under the traffic's statement.
func migrated(s *scene) error {
	db, err := s.shop.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return err
	}
	defer db.Close()
	for i := range 5 {
		for _, ddl := range []string{
			fmt.Sprintf(`ALTER TABLE s.orders ADD COLUMN extra%d text`, i),
			fmt.Sprintf(`ALTER TABLE s.orders RENAME COLUMN extra%d TO more%d`, i, i),
			fmt.Sprintf(`ALTER TABLE s.orders DROP COLUMN more%d`, i),
			fmt.Sprintf(`CREATE TABLE s.new%d (id int); DROP TABLE s.new%d`, i, i),
		} {
			if _, err := db.Exec(ddl); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond)
		}
		if short {
			break
		}
	}
	return nil
}

// refuses stands for any refusal.
const refuses = "refused"

// What is asked for after each change.
const (
	ledger = "SELECT * FROM s.ledger"
	amount = "SELECT amount FROM s.ledger"
	total  = "SELECT total FROM s.ledger"
	fresh  = "SELECT * FROM s.fresh"
	sight  = "SELECT * FROM s.sight"
	orders = "SELECT * FROM s.orders ORDER BY id"
)

// changes are the steps of a migration, each with what is answered differently from then on. The names of s.orders are
// masked: a table or view that is new is NULL until the administrator has looked, and so is a column that comes to
// s.orders.
var changes = []struct {
	ddl string
	now map[string]string
}{
	{"SELECT 1", map[string]string{
		ledger: "id,amount: [[1 10]]", amount: "amount: [[10]]", total: refuses, fresh: refuses, sight: refuses,
		orders: "id,region,name: [[1 EU REDACTED] [2 EU REDACTED]]",
	}},
	{"ALTER TABLE s.ledger ADD COLUMN note text DEFAULT 'n'", map[string]string{ledger: "id,amount,note: [[1 10 n]]"}},
	{"ALTER TABLE s.ledger RENAME COLUMN amount TO total", map[string]string{
		ledger: "id,total,note: [[1 10 n]]", amount: refuses, total: "total: [[10]]",
	}},
	{"ALTER TABLE s.ledger ALTER COLUMN total TYPE text USING 'ten'", map[string]string{
		ledger: "id,total,note: [[1 ten n]]", total: "total: [[ten]]",
	}},
	{"ALTER TABLE s.ledger DROP COLUMN note", map[string]string{ledger: "id,total: [[1 ten]]"}},
	{"CREATE TABLE s.fresh (x int); INSERT INTO s.fresh VALUES (5)", map[string]string{fresh: "x: [[<nil>]]"}},
	{"CREATE VIEW s.sight AS SELECT total FROM s.ledger", map[string]string{sight: "total: [[<nil>]]"}},
	{"DROP VIEW s.sight; CREATE VIEW s.sight AS SELECT id FROM s.ledger", map[string]string{sight: "id: [[<nil>]]"}},
	{"DROP TABLE s.fresh; CREATE TABLE s.fresh (y text); INSERT INTO s.fresh VALUES ('new')", map[string]string{
		fresh: "y: [[<nil>]]",
	}},
	{"ALTER TABLE s.orders ADD COLUMN phone text DEFAULT 'Okafor 555'", map[string]string{
		orders: "id,region,name,phone: [[1 EU REDACTED <nil>] [2 EU REDACTED <nil>]]",
	}},
	{"ALTER TABLE s.orders DROP COLUMN phone", map[string]string{
		orders: "id,region,name: [[1 EU REDACTED] [2 EU REDACTED]]",
	}},
	{"DROP VIEW s.sight; DROP TABLE s.fresh; DROP TABLE s.ledger", map[string]string{
		ledger: refuses, total: refuses, fresh: refuses, sight: refuses,
	}},
	{"ALTER TABLE s.orders RENAME COLUMN name TO nom", map[string]string{orders: refuses}},
	{"ALTER TABLE s.orders RENAME COLUMN nom TO name", map[string]string{
		orders: "id,region,name: [[1 EU REDACTED] [2 EU REDACTED]]",
	}},
}

// changed makes each change and asks at once, and for more than a second, with statements that are known and others
// that are new. No answer may be other than the table is; after a second each must be right.
func changed(s *scene) error {
	db, err := s.shop.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := s.connect(s.Context(), "taylor", "chat")
	if err != nil {
		return err
	}
	defer c.Close()
	w := &watch{s: s, c: c, want: map[string]string{}}
	for step, change := range changes {
		if err := w.step(db, step, change.ddl, change.now); err != nil {
			return err
		}
	}
	s.note("%d changes, %d statements: %d wrong, %d not yet right, the last of them %.1f s after its change",
		len(changes), w.asked, w.wrong, w.notYet, w.latest.Seconds())
	return nil
}

// watch asks for what should be right.
type watch struct {
	s                    *scene
	c                    *client.Client
	want                 map[string]string
	asked, wrong, notYet int
	latest               time.Duration
}

func (w *watch) step(db *sql.DB, step int, ddl string, now map[string]string) error {
	if _, err := db.ExecContext(w.s.Context(), ddl); err != nil {
		return err
	}
	since := time.Now()
	for statement, answer := range now {
		w.want[statement] = answer
	}
	for round := 0; ; round++ {
		right := true
		for statement, want := range w.want {
			for _, text := range []string{statement, fmt.Sprintf("%s -- %d.%d", statement, step, round)} {
				right = w.ask(ddl, text, want, since) && right
			}
		}
		switch waited := time.Since(since); {
		case right && (short || waited > 1200*time.Millisecond):
			return nil
		case waited > patience || w.wrong > 0:
			return fmt.Errorf("after %s it is not right", ddl)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ask is one statement; it says whether it was answered as it should be.
func (w *watch) ask(ddl, text, want string, since time.Time) bool {
	began := time.Since(since)
	ctx, cancel := context.WithTimeout(w.s.Context(), time.Minute)
	defer cancel()
	w.asked++
	got := w.answer(ctx, text)
	if got == want {
		return true
	}
	if got != refuses {
		w.wrong++
		w.s.Errorf("%.1f s after %s: %s: %s, not %s", began.Seconds(), ddl, text, got, want)
		return false
	}
	w.notYet++
	w.latest = max(w.latest, began)
	if began > time.Second && !short {
		w.s.Errorf("%.1f s after %s: %s is refused, not %s", began.Seconds(), ddl, text, want)
	}
	return false
}

func (w *watch) answer(ctx context.Context, text string) string {
	result, err := w.c.Query(ctx, map[string]any{"platform": "shop", "sql": text})
	var refusal *tools.Refusal
	switch {
	case errors.As(err, &refusal):
		return refuses
	case err != nil:
		return err.Error()
	}
	var names []string
	for _, column := range result.Columns {
		names = append(names, column.Name)
	}
	return strings.Join(names, ",") + ": " + fmt.Sprint(result.Rows)
}
