package audit_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"deputy/audit"
)

func TestLineSaysWhoForWhomThroughWhichRoleAndHowItEnded(t *testing.T) {
	at := time.Date(2026, 11, 23, 11, 4, 5, 0, time.FixedZone("CET", 3600))
	marketing, taylor := audit.Party{ID: "marketing"}, &audit.Party{ID: "taylor"}
	role := &audit.Role{Name: "deputy_k3v9x2"}
	for _, c := range []struct {
		record audit.Record
		line   string
	}{
		{
			audit.Record{Time: at, Tool: "query", Agent: marketing, User: taylor, Role: role, Rows: 5, Outcome: audit.Answered, SQL: "SELECT lastname\n  FROM sales.customer_orders"},
			"2026-11-23T10:04:05Z | marketing for taylor | deputy_k3v9x2 | answered, 5 rows | query: SELECT lastname FROM sales.customer_orders",
		},
		{
			audit.Record{Time: at, Tool: "query", Agent: audit.Party{ID: "scanner"}, Role: role, Rows: 1, Outcome: audit.Answered, SQL: "SELECT 1"},
			"2026-11-23T10:04:05Z | scanner on its own | deputy_k3v9x2 | answered, 1 row | query: SELECT 1",
		},
		{
			audit.Record{Time: at, Tool: "query", Agent: marketing, User: taylor, Role: role, Rows: 1000, Truncated: true, Outcome: audit.Answered, SQL: strings.Repeat("é", 161)},
			"2026-11-23T10:04:05Z | marketing for taylor | deputy_k3v9x2 | answered, 1000 rows of more | query: " + strings.Repeat("é", 160) + "…",
		},
		{
			audit.Record{Time: at, Tool: "describe_table", Agent: marketing, User: taylor, Outcome: audit.Denied, Code: "not_permitted", Table: "hr.salaries"},
			"2026-11-23T10:04:05Z | marketing for taylor | no role | denied (not_permitted) | describe_table: hr.salaries",
		},
		{
			audit.Record{Time: at, Tool: "query", Agent: marketing, User: taylor, Role: role, Rows: 1, Outcome: audit.Answered, Purpose: "fraud-investigation", SQL: "SELECT 1"},
			"2026-11-23T10:04:05Z | marketing for taylor | deputy_k3v9x2 | answered, 1 row | query for fraud-investigation: SELECT 1",
		},
		{
			audit.Record{Time: at, Tool: "describe_table", Agent: marketing, User: taylor, Outcome: audit.Answered},
			"2026-11-23T10:04:05Z | marketing for taylor | no role | answered | describe_table",
		},
	} {
		if got := audit.Line(c.record); got != c.line {
			t.Errorf("the line is\n%s\nnot\n%s", got, c.line)
		}
	}
}

func TestLineIsSafeToPrint(t *testing.T) {
	for _, text := range hostile {
		r := record("a")
		r.SQL, r.Agent.ID, r.User, r.Code, r.Purpose = text, text, &audit.Party{ID: text}, text, text
		if line := audit.Line(r); strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("the line of %q holds a character that is not for the eye: %q", text, line)
		}
	}
}
