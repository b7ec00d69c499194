package sqlite

import (
	"testing"

	"deputy/internal/budget"
	"deputy/vending"
)

// A session holds its memory, little at first, and an answer what it takes; a sort that needs more is begun again.
func TestSessionHoldsMemory(t *testing.T) {
	e := newEngine(t, manifold(t))
	for sql, want := range map[string]struct {
		most int64
		code vending.Code
	}{
		`SELECT 1`: {smallSession + 32<<10*vending.AnswerCost, ""},
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
		 SELECT length(max(s)) FROM (SELECT printf('%200000d', i) AS s FROM n ORDER BY s DESC)`: {64 << 20, ""},
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
		 SELECT length(max(s)) FROM (SELECT printf('%200000d', i) AS s FROM n ORDER BY s DESC)`: {
			64 << 20, "unsupported_statement",
		},
	} {
		b := budget.New(200 << 20)
		a := b.Account("ann")
		l := lease(sql)
		_, err := e.Run(budget.With(t.Context(), a), l)
		if code := coded(err); code != want.code {
			t.Errorf("%s: %v", sql, err)
		}
		if f := b.Figures(); f.Most < want.most || f.Most > want.most+5<<20 || f.Used > 10_000 {
			t.Errorf("%s: %+v of %d", sql, f, want.most)
		}
		a.Close()
	}
	b := budget.New(20 << 20)
	a := b.Account("ann")
	defer a.Close()
	if _, err := e.Analyze(budget.With(t.Context(), a), `SELECT 2`); err != nil {
		t.Error(err)
	}
	if f := b.Figures(); f.Most != smallSession+vending.AnswerStart || f.Used != 0 {
		t.Errorf("an analysis holds %+v", f)
	}
}

func coded(err error) vending.Code {
	if known, ok := err.(*vending.Error); ok {
		return known.Code
	}
	return ""
}
