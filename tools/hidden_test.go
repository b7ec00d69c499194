package tools_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deputy/tools"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
)

// hiddenWorlds are two files that differ only in what is hidden from a caller of customer_orders, whose lastname is
// masked: in the other tables and their rows, in the names under the mask, in indexes, statistics, sequences, views and
// triggers.
func hiddenWorlds() (one, other string) {
	seed := dataset.Statements("")
	common := "CREATE TABLE payroll (lastname text, salary integer);"
	one = common + strings.Join(seed, ";\n") + `;
		CREATE INDEX by_lastname ON customer_orders (lastname, order_total); CREATE INDEX by_name ON secret_salaries (name);
		CREATE TABLE "quo""ted" (k); INSERT INTO "quo""ted" VALUES (1); CREATE TABLE "naïve 表" (k); INSERT INTO "naïve 表" VALUES (1);
		CREATE TABLE "select" (k); INSERT INTO "select" VALUES (1); CREATE TABLE "" (k); INSERT INTO "" VALUES (1);
		CREATE TABLE made (k, x AS (k + 1)); CREATE TABLE flat (k PRIMARY KEY, x) WITHOUT ROWID; INSERT INTO flat VALUES (1, 2);
		CREATE TABLE counted (k INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO counted VALUES (1);
		CREATE TABLE docs_content (id INTEGER PRIMARY KEY); INSERT INTO docs_content VALUES (1);
		CREATE VIEW staff AS SELECT 1 AS k; CREATE TRIGGER tr AFTER INSERT ON counted BEGIN DELETE FROM flat; END; ANALYZE;`
	other = common + strings.Join(seed, ";\n") + `;
		DROP TABLE secret_salaries; CREATE TABLE elsewhere (x);
		UPDATE customer_orders SET lastname = CASE lastname WHEN 'Zimmerfeld' THEN 'Aa' WHEN 'Abernathy' THEN 'Zz' ELSE lastname || 'x' END;`
	return one, other
}

// told is all that a caller is told.
func told(t *testing.T, made *tools.Tools, sql string, ordered bool) string {
	result, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: sql})
	var r *tools.Refusal
	switch {
	case errors.As(err, &r):
		return fmt.Sprintf("%s: %s (%s)", r.Code, r.Message, r.Hint)
	case err != nil:
		t.Fatalf("%s: %v", sql, err)
	}
	var rows []string
	for _, row := range result.Rows {
		rows = append(rows, fmt.Sprint(row))
	}
	if !ordered {
		slices.Sort(rows)
	}
	return fmt.Sprintf("%+v %q %t %q", result.Columns, rows, result.Truncated, result.Notices)
}

func TestHiddenMakesNoDifference(t *testing.T) {
	one, other := hiddenWorlds()
	a, _ := newTools(t, sqliteWith(t, "sales", one), "")
	b, _ := newTools(t, sqliteWith(t, "sales", other), "")
	codes := map[string]int{}
	for _, s := range slices.Concat(attack.Hidden(), attack.All(), attack.Unsaid()) {
		if s.Family == "bomb" {
			continue // how long it may take decides
		}
		got, want := told(t, a, s.SQL, s.Family == "order"), told(t, b, s.SQL, s.Family == "order")
		if got != want {
			t.Errorf("%s/%s: %s\nanswers  %s\nbut also %s", s.Family, s.Name, s.SQL, got, want)
		}
		if code, _, refused := strings.Cut(got, ": "); refused && got[0] != '[' {
			codes[code]++
		} else {
			codes["answered"]++
		}
	}
	t.Log(codes)
	if codes[string(tools.NotPermitted)] < 50 {
		t.Errorf("too few of the statements are about what is hidden: %v", codes)
	}
}
