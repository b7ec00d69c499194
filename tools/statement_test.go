package tools_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/tools"
	"deputy/tools/kept"
	"deputy/vending"
)

// Answered, refused by a policy, by the gate, by the database; about no platform, with no purpose, far too long:
// whatever becomes of a statement, no value in it is on the record, nor in the reasons.
func TestNoValueOfAStatementIsRecordedUnlessItIsToBe(t *testing.T) {
	const value = "4929-1234"
	statements := []tools.QueryArgs{
		{SQL: `SELECT region FROM sales.customer_orders WHERE lastname = '` + value + `'`},
		{SQL: `SELECT salary FROM sales.payroll WHERE lastname = '` + value + `'`},
		{SQL: `SELECT '` + value + `' FROM "` + value + `"`},
		{SQL: `SELECT "` + value + `"('` + value + `') FROM sales.customer_orders`},
		{SQL: `SELECT pg_sleep(1), load_extension('` + value + `')`},
		{SQL: `SELECT CAST('` + value + `' AS integer) FROM sales.customer_orders`},
		{SQL: `DELETE FROM sales.customer_orders WHERE lastname = '` + value + `'`},
		{SQL: `SELECT '` + value + `'; SELECT '` + value},
		{SQL: `SELECT region FROM sales.customer_orders WHERE lastname '` + value + `'`},
		{SQL: `SELECT region FROM sales.customer_orders WHERE '` + value + `' LIKE`},
		{SQL: `SELECT region "` + value + `" FROM sales.customer_orders WHERE "` + value + `" = 1`},
		{SQL: `SELECT '` + value + `'`, Platform: "nowhere"},
		{SQL: `SELECT '` + value + `'`, Purpose: "nothing"},
		{SQL: "SELECT '\xff\x00" + value + `'`},
		{SQL: `SELECT '` + value + strings.Repeat("x", vending.MaxStatement) + `'`},
	}
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		for _, keeps := range []kept.Statements{kept.Whole, kept.Redacted, kept.Digested} {
			log := &memory{}
			config := toolsConfig(t, e, log, "")
			config.Statements = keeps
			var operator bytes.Buffer
			config.Log = zerolog.New(&operator)
			made, err := tools.New(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			for _, args := range statements {
				operator.Reset()
				made.Query(t.Context(), as("taylor", "Marketing"), args)
				r := log.last(t)
				text, err := audit.Native(r)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), value) != (keeps == kept.Whole) {
					t.Errorf("%s: of %.80q there is %s", keeps, args.SQL, text)
				}
				if keeps != kept.Whole && strings.Contains(operator.String(), value) {
					t.Errorf("%s: of %.80q the operator's log has %s", keeps, args.SQL, operator.String())
				}
				if digest := fmt.Sprintf(
					"%x",
					sha256.Sum256([]byte(args.SQL)),
				); (r.SQLDigest == digest) != (keeps == kept.Digested) ||
					(r.SQL == "") != (keeps == kept.Digested) {
					t.Errorf("%s: the record says %.80q and %q", keeps, r.SQL, r.SQLDigest)
				}
			}
		}
	})
}
