package tools_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/identity"
	"deputy/tools"
	form "deputy/tools/answer"
	"deputy/vending"
)

func TestAnAnswerSaysWhatIsMaskedFilteredAndCutOff(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		call := as("taylor", "Marketing", "Sellers")
		call.Principal.User.Attributes = map[string][]string{"region": {"US-EAST", "US-WEST"}}
		r, err := made.Query(
			t.Context(),
			call,
			tools.QueryArgs{SQL: `SELECT lastname AS name, region FROM customer_orders ORDER BY order_total`, MaxRows: 1},
		)
		if err != nil {
			t.Fatal(err)
		}
		if rows(r) != "REDACTED US-EAST" || !r.Truncated || r.RowCount != 1 || r.Columns[0].MaskedBy != "hide personal data" {
			t.Errorf("the answer is %+v", r)
		}
		want := []string{
			`sales.customer_orders.lastname is masked (constant) by policy "hide personal data"`,
			`rows of sales.customer_orders are limited by policy "sellers see their own region"`,
			`only the first row is shown, of 1 read, and there are more: the limit is max_rows. ` +
				`Filter or aggregate in SQL, or ask for fewer columns; where ORDER BY is unique, OFFSET 1 goes on`,
		}
		if !reflect.DeepEqual(r.Notices, want) {
			t.Errorf("the notices are %q", r.Notices)
		}
		record := log.last(t)
		if record.Rows != 1 || record.ID != r.AuditID || record.Role.Name != r.Role || !record.Truncated ||
			record.Tables[0].Filters[0] != "sellers see their own region" {
			t.Errorf("the record is %+v", record)
		}
	})
}

// An agent has limits of its own below the server's, and the record counts the rows that were shown.
func TestAnswersFitTheirAgent(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		call := as("taylor", "Marketing", "Sellers")
		call.Principal.User.Attributes = map[string][]string{"region": {"US-EAST", "US-WEST"}}
		const many = `SELECT a.region FROM customer_orders a, customer_orders b, customer_orders c,
			customer_orders d, customer_orders e, customer_orders f, customer_orders g, customer_orders h`
		for _, tt := range []struct {
			limits identity.Limits
			asked  int
			by     form.Limit
		}{
			{identity.Limits{Rows: 3}, 0, form.ByRows},
			{identity.Limits{Rows: 3}, 2, form.ByRows},
			{identity.Limits{Answer: 700}, 0, form.ByTokens},
		} {
			call.Principal.Agent.Limits = tt.limits
			r, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: many, MaxRows: tt.asked})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Truncated || r.Cut.By != tt.by || tt.asked > 0 && len(r.Rows) != tt.asked ||
				tt.limits.Rows > 0 && len(r.Rows) > tt.limits.Rows ||
				tt.by == form.ByTokens && r.Cut.RowsRead <= len(r.Rows) {
				t.Errorf("%+v: %d rows, cut %+v", tt, len(r.Rows), r.Cut)
			}
			if record := log.last(t); record.Rows != len(r.Rows) || !record.Truncated {
				t.Errorf("%+v: the record says %d rows of %d", tt, record.Rows, len(r.Rows))
			}
		}
	})
}

func TestARowFilterShowsOnlyTheRowsOfOnesAttributes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, _ := newTools(t, e, "")
		for region, want := range map[string]string{"US-WEST": "117.00", "nowhere": "", "": "", "US-WEST' OR '1'='1": "", `"US-WEST"`: ""} {
			call := as("taylor", "Marketing", "Sellers")
			if region != "" {
				call.Principal.User.Attributes = map[string][]string{"region": {region}}
			}
			r, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: `SELECT order_total FROM customer_orders`})
			if err != nil || rows(r) != want {
				t.Errorf("a seller of %q sees %v, not %q (%v)", region, r, want, err)
			}
		}
	})
}

func TestWithoutADurableRecordNothingIsAnswered(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		log.failure = errors.New("no space left on device")
		r, err := made.Query(
			t.Context(),
			as("taylor", "Marketing"),
			tools.QueryArgs{SQL: `SELECT region FROM customer_orders`},
		)
		if why := refusal(t, err); r != nil || why.Code != tools.Unavailable || strings.Contains(why.Message, "space") {
			t.Errorf("with a full disk the answer is %v, %v", r, why)
		}
		d, err := made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{})
		if why := refusal(t, err); d != nil || why.Code != tools.Unavailable {
			t.Errorf("with a full disk the description is %v, %v", d, why)
		}
	})
}

// pairs are statements that ask for a table in every place where a database might tell that it is there.
var pairs = []string{
	`SELECT * FROM sales.TABLE`, `SELECT * FROM TABLE`, `SELECT nocolumn FROM sales.TABLE`, `SELECT salary FROM TABLE`, `SELECT count(*) FROM sales.TABLE`,
	`SELECT * FROM sales.TABLE, sales.nowhere`, `SELECT * FROM sales.nowhere, sales.TABLE`, `SELECT region FROM customer_orders JOIN sales.TABLE USING (lastname)`,
	`SELECT (SELECT max(salary) FROM TABLE) FROM customer_orders`, `WITH x AS (SELECT * FROM TABLE) SELECT 1`, `SELECT 1 WHERE EXISTS (SELECT 1 FROM sales.TABLE)`,
	`SELECT sales.TABLE.salary FROM customer_orders`, `SELECT * FROM TABLE WHERE salary = 'x' + 1`, `SELECT no_such_function(salary) FROM TABLE`,
	`INSERT INTO sales.TABLE VALUES ('x', 1)`, `DELETE FROM TABLE`, `EXPLAIN SELECT * FROM sales.TABLE`, `DROP TABLE sales.TABLE`, `SELECT * FROM "sales"."TABLE"`,
	`SELECT * FROM sales.TABLE; SELECT 1`, `SELECT * FROM sales.TABLE WHERE`, `SELECT region FROM customer_orders UNION SELECT lastname FROM TABLE`, `VALUES ((SELECT salary FROM TABLE))`,
	`SELECT * FROM TABLE FOR UPDATE`, `table TABLE`, `SELECT 'sales.TABLE'::regclass`, `SELECT NULL::sales.TABLE`, `SELECT (NULL::sales.TABLE).salary`, `SELECT to_regclass('sales.TABLE')`,
	`SELECT pg_relation_size('sales.TABLE')`, `SELECT has_table_privilege('sales.TABLE', 'select')`, `SELECT table_to_xml('sales.TABLE', true, true, '')`, `SELECT pg_sleep(0) FROM TABLE`,
	`SELECT jsonb_populate_record(NULL::sales.TABLE, '{}')`, `SELECT * FROM ONLY sales.TABLE`, `SELECT * FROM sales.TABLE TABLESAMPLE SYSTEM (1)`, `SELECT row_to_json(t) FROM sales.TABLE t`,
	`SELECT * FROM sales.TABLE AS t (a)`, `SELECT lastname FROM sales.TABLE GROUP BY nothing`, `SELECT * FROM pg_class, sales.TABLE`, `SELECT ctid FROM sales.TABLE`, `PRAGMA table_info(TABLE)`,
	`SELECT * FROM pragma_table_info('TABLE')`, `SELECT * FROM TABLE INDEXED BY x`, `SELECT rowid FROM TABLE`, `SELECT * FROM main.TABLE`, `SELECT * FROM public.TABLE`,
	`SELECT ` + strings.Repeat(
		"salary + ",
		5000,
	) + `1 FROM sales.TABLE`, `SELECT ` + strings.Repeat("'a' || ", 5000) + `'b' FROM sales.TABLE`,
	// takes long, once the table is there
	strings.Repeat(
		"SELECT * FROM (",
		1000,
	) + `SELECT * FROM sales.TABLE, (VALUES (` + strings.Repeat(
		"1,",
		1500,
	) + `1)) AS w` + strings.Repeat(
		") AS q",
		1000,
	),
}

func TestNothingTellsAHiddenTableFromOneThatIsNotThere(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, _ := newTools(t, e, "")
		ask := func(statement, table string) string {
			_, err := made.Query(
				t.Context(),
				as("taylor", "Marketing"),
				tools.QueryArgs{SQL: strings.ReplaceAll(statement, "TABLE", table)},
			)
			if err == nil {
				return "an answer"
			}
			r := refusal(t, err)
			return strings.ReplaceAll(string(r.Code)+": "+r.Message+" Hint: "+r.Hint, table, "TABLE")
		}
		for _, statement := range pairs {
			hidden, absent := ask(statement, "hidden"), ask(statement, "absent")
			if hidden != absent {
				t.Errorf("%s\ntells a hidden table: %s\nfrom one that is not there: %s", statement, hidden, absent)
			}
		}
		for _, name := range []string{"hidden", "sales.hidden", `"hidden"`} {
			_, hidden := made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{Table: name})
			_, absent := made.DescribeTable(
				t.Context(),
				as("taylor", "Marketing"),
				tools.DescribeArgs{Table: strings.Replace(name, "hidden", "absent", 1)},
			)
			if refusal(t, hidden).Message != refusal(t, absent).Message {
				t.Errorf("describe_table tells %s from what is not there", name)
			}
		}
	})
}

func TestATableThatMayBeDiscoveredCanBeAskedFor(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		_, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: `SELECT * FROM sales.payroll`})
		if r := refusal(t, err); r.Code != tools.NotPermitted || !strings.Contains(r.Hint, "sales.payroll") {
			t.Errorf("the refusal does not say what to ask for: %+v", r)
		}
		record := log.last(t)
		if record.Outcome != audit.Denied || record.Role != nil || record.Tables[0].Name != "sales.payroll" ||
			record.Tables[0].Via != "" ||
			len(record.Reasons) == 0 {
			t.Errorf("the record of a denial says %+v", record)
		}
	})
}

func TestWhatTheGateRefusesIsNamedInTheRecord(t *testing.T) {
	made, log := newTools(t, onPostgres(t), "")
	_, err := made.Query(
		t.Context(),
		as("taylor", "Marketing"),
		tools.QueryArgs{SQL: `SELECT pg_sleep(60) FROM customer_orders`},
	)
	if r := refusal(t, err); r.Code != tools.UnsupportedStatement || !strings.Contains(r.Message, "pg_sleep") {
		t.Errorf("pg_sleep is refused with %+v", r)
	}
	if record := log.last(t); record.Role != nil ||
		!reflect.DeepEqual(record.Reasons, []string{"the gate refuses the function pg_sleep"}) {
		t.Errorf("the record says %+v", record)
	}
}

func TestDescribeTableShowsWhatTheCallerMayKnow(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, _ := newTools(t, e, "")
		list, err := made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{})
		if err != nil ||
			!reflect.DeepEqual(
				list.Tables,
				[]tools.TableSummary{
					{Name: "sales.customer_orders", Access: "granted"},
					{Name: "sales.payroll", Access: "requestable"},
				},
			) {
			t.Errorf("Taylor's list is %+v (%v)", list, err)
		}
		d, err := made.DescribeTable(
			t.Context(),
			as("taylor", "Marketing", "Sellers"),
			tools.DescribeArgs{Table: "customer_orders"},
		)
		if err != nil {
			t.Fatal(err)
		}
		if c := d.Columns[0]; c.Name != "lastname" || c.Access != "masked" || c.MaskedBy != "hide personal data" ||
			c.Tags[0] != "PII" {
			t.Errorf("the masked column is described as %+v", c)
		}
		if c := d.Columns[1]; c.Access != "clear" || c.MaskedBy != "" || d.Requestable ||
			d.RowFilter[0] != "sellers see their own region" {
			t.Errorf("the table is described as %+v", d)
		}
		d, err = made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{Table: "sales.payroll"})
		if err != nil || !d.Requestable || d.Columns[1].Access != "none" {
			t.Errorf("what can be asked for is described as %+v (%v)", d, err)
		}
		nothing, err := made.DescribeTable(t.Context(), as("sam"), tools.DescribeArgs{})
		if err != nil || len(nothing.Tables) != 1 {
			t.Errorf("somebody in no group sees %+v (%v)", nothing, err)
		}
	})
}
