package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"deputy/internal/testkit/throwaway"
	"deputy/vending"
	"deputy/vending/postgres"
)

// pooled opens so many servers on a database, all behind one PgBouncer of four connections.
func pooled(t *testing.T, mode, database string, servers int) []*postgres.Engine {
	t.Helper()
	bootstrap(t, database, "sales")
	p, err := cluster.Cluster().Pool(t.Context(), mode, 4, "deputy_runner")
	if errors.Is(err, throwaway.ErrNoPooler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	var engines []*postgres.Engine
	for range servers {
		e, err := postgres.Open(postgres.Config{
			DSN: p.DSN(
				"deputy_runner",
				database,
			),
			Schemas:        []string{"sales"},
			SigningKey:     signingKey,
			MaxConnections: 8,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		engines = append(engines, e)
	}
	return engines
}

// Three servers share four connections. What the gate refuses is refused with its name, what it allows is answered,
// and nothing is left of either.
func TestTransactionPooler(t *testing.T) {
	database := newDatabase(t, seed)
	engines := pooled(t, "transaction", database, 3)
	var all sync.WaitGroup
	for s, e := range engines {
		for caller := range 6 {
			all.Go(func() {
				for n := range 5 {
					refused := fmt.Sprintf(
						"SELECT pg_ls_dir('x%d-%d-%d'), relname FROM pg_class",
						s,
						caller,
						n,
					) // asked anew each time
					statement, err := e.Analyze(t.Context(), refused)
					if err != nil {
						t.Errorf("what the gate refuses: %v", err)
						continue
					}
					if text := fmt.Sprint(
						statement.Forbidden,
					); !strings.Contains(text, "pg_class") ||
						!strings.Contains(text, "pg_ls_dir") {
						t.Errorf("what the gate refuses has the names %s", text)
					}
					id := fmt.Sprintf("pooler%d%d%03d", s, caller, n)
					result, err := e.Run(t.Context(), lease(id, "SELECT id, lastname FROM customer_orders ORDER BY id"))
					if err != nil || len(result.Rows) != 2 || result.Rows[0][1] != "REDACTED" {
						t.Errorf("what the gate allows: %v %v", result.Rows, err)
					}
				}
			})
		}
	}
	all.Wait()
	assertNothingStands(t, database, "after calls through a pooler")
	findings, err := engines[0].Check(t.Context())
	if err != nil || len(findings) != 0 {
		t.Errorf("check says %v: %v", findings, err)
	}
}

// A pooler in statement mode is named as what it is: nothing can be vended through it.
func TestStatementPooler(t *testing.T) {
	database := newDatabase(t, seed)
	e := pooled(t, "statement", database, 1)[0]
	findings, err := e.Check(t.Context())
	named := func(f vending.Finding) bool {
		return f.Key == "dsn" && !f.Warning && strings.Contains(f.Text, "pooler in statement mode")
	}
	if err != nil || len(findings) == 0 || !named(findings[len(findings)-1]) {
		t.Errorf("check says %v: %v", findings, err)
	}
	if _, err := e.Run(t.Context(), lease("statement01", "SELECT id FROM customer_orders")); err == nil {
		t.Error("a call is answered through it")
	}
}
