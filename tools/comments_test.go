package tools_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/tools"
	"deputy/vending/postgres"
)

// What a database administrator says in a comment is decided by like what stands in the configuration: the column is
// masked by the next catalog at the latest, and shown by the next one again when the comment is gone.
func TestATagInACommentMasksTheColumn(t *testing.T) {
	now := time.Now()
	database := newPostgres(t, "sales", seeded("sales."))
	comment := func(text string) {
		t.Helper()
		exec(t, database, `COMMENT ON COLUMN sales.customer_orders.region IS '`+text+`'`)
		now = now.Add(time.Minute) // how old a catalog may be
	}
	comment("where it went to #PII.Region")
	made, _ := newTools(
		t,
		openPostgres(t, database, "sales", func(c *postgres.Config) { c.Now = func() time.Time { return now } }),
		"",
	)
	seen := func() string {
		t.Helper()
		result, err := made.Query(
			t.Context(),
			as("taylor", "Marketing"),
			tools.QueryArgs{SQL: `SELECT region FROM customer_orders ORDER BY order_total`},
		)
		if err != nil {
			t.Fatal(err)
		}
		return rows(result)
	}
	described := func() string {
		t.Helper()
		d, err := made.DescribeTable(
			t.Context(),
			as("taylor", "Marketing"),
			tools.DescribeArgs{Table: "sales.customer_orders"},
		)
		if err != nil {
			t.Fatal(err)
		}
		c := d.Columns[slices.IndexFunc(d.Columns, func(c tools.ColumnInfo) bool { return c.Name == "region" })]
		return fmt.Sprintf("%s %q %v %s", c.Name, c.Description, c.Tags, strings.TrimSpace(c.Access+" "+c.MaskedBy))
	}
	check := func(when, wantSeen, wantDescribed string) {
		t.Helper()
		if got := seen(); got != wantSeen {
			t.Errorf("%s the query shows %s, not %s", when, got, wantSeen)
		}
		if got := described(); got != wantDescribed {
			t.Errorf("%s the column is described as %s, not %s", when, got, wantDescribed)
		}
	}
	check(
		"with a tag in the comment",
		"REDACTED; REDACTED",
		`region "where it went to" [PII.Region] masked hide personal data`,
	)
	comment("where it went to")
	check("without it", "US-EAST; US-WEST", `region "where it went to" [] clear`)
	comment("#PII")
	check("with another", "REDACTED; REDACTED", `region "" [PII] masked hide personal data`)
}
