package tools_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deputy/tools"
	"deputy/vending"
)

// Some errors quote the value that they are about, and not only those that are called errors about values: to_tsquery
// speaks of syntax, a cast to regconfig of a name that is not there. A value belongs into the rows of an answer, and
// nowhere else.
func TestAnErrorSaysNothingOfTheValueThatItMet(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		var log bytes.Buffer
		c := toolsConfig(t, e, &memory{}, "")
		c.Log = zerolog.New(&log)
		made, err := tools.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, expression := range []string{
			`to_tsquery(lastname || ' and more')`, `CAST(lastname || ' ? (' AS jsonpath)`, `CAST(lastname AS regconfig)`, `CAST(lastname AS regcollation)`,
			`CAST(lastname AS integer)`, `to_char(1, lastname || 'SS')`, `encode('a', lastname)`, `json_extract('{}', lastname || ' x')`, `json(lastname)`, `'a' LIKE 'b' ESCAPE lastname`,
		} {
			r, err := made.Query(
				t.Context(),
				as("taylor", "Marketing", "Privacy"),
				tools.QueryArgs{SQL: `SELECT ` + expression + ` FROM sales.customer_orders`},
			)
			if err != nil {
				if said := strings.ToLower(fmt.Sprint(err) + log.String()); strings.Contains(said, "lindqvist") ||
					strings.Contains(said, "okafor") {
					t.Errorf("%s: the value is in the refusal or in the log: %v\n%s", expression, err, log.String())
				}
			} else if r.RowCount != 2 {
				t.Errorf("%s: %d rows", expression, r.RowCount)
			}
			log.Reset()
		}
	})
}
