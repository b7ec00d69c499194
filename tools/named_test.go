package tools_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deputy/identity"
	"deputy/tools"
	"deputy/tools/kept"
	"deputy/tools/queries"
	"deputy/vending"
)

func parameter(name string, kind vending.Kind) queries.Parameter {
	return queries.Parameter{Parameter: vending.Parameter{Name: name, Kind: kind}}
}

// shopQueries are what the tests run by name: of orders, of what can be asked for, of what is hidden, and broken ones.
func shopQueries() []queries.Query {
	of := func(name, sql string, parameters ...queries.Parameter) queries.Query {
		return queries.Query{Name: name, Description: "What " + name + " gives.", Parameters: parameters,
			Statements: map[string]string{"shop": sql}}
	}
	region := parameter("region", vending.Text)
	region.Allowed, region.Default = []string{"US-EAST", "US-WEST"}, "US-EAST"
	return []queries.Query{
		of("broken", `SELECT nothing FROM customer_orders`),
		of("gated", `SELECT lastname FROM sqlite_master, pg_class, customer_orders`),
		of(
			"half_hidden",
			`SELECT o.lastname FROM customer_orders o, hidden h WHERE h.lastname = :x`,
			parameter("x", vending.Text),
		),
		of("hidden_pay", `SELECT salary FROM hidden`),
		of(
			"orders_above",
			`SELECT lastname, region FROM customer_orders WHERE order_total > :least ORDER BY order_total`,
			parameter("least", vending.Number),
		),
		of("orders_in", `SELECT lastname, order_total FROM sales.customer_orders WHERE region = :region`, region),
		of("pay", `SELECT salary FROM payroll`),
	}
}

func namedTools(t *testing.T, e vending.Engine, change ...func(*tools.Config)) (*tools.Tools, *memory) {
	t.Helper()
	log := &memory{}
	c := toolsConfig(t, e, log, "")
	c.Queries = shopQueries()
	for _, f := range change {
		f(&c)
	}
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made, log
}

// A query shows what its caller may see, masked and filtered as any statement of the caller's.
func TestQueryRunsAsItsCaller(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := namedTools(t, e)
		seller := as("taylor", "Marketing", "Sellers")
		seller.Principal.User.Attributes = map[string][]string{"region": {"US-WEST"}}
		for _, tt := range []struct {
			call       tools.Call
			name       string
			parameters string
			want       string
		}{
			{as("taylor", "Marketing"), "orders_in", ``, "REDACTED 89"},
			{as("taylor", "Marketing"), "orders_in", `{"region":null}`, "REDACTED 89"},
			{as("taylor", "Marketing", "Privacy"), "orders_in", `{"region":"US-WEST"}`, "Okafor 117"},
			{seller, "orders_in", `{"region":"US-EAST"}`, ""},
			{as("taylor", "Marketing"), "orders_above", `{"least":"100"}`, "REDACTED US-WEST"},
			{as("taylor", "Marketing"), "orders_above", `{"least":1e2}`, "REDACTED US-WEST"},
		} {
			r, err := made.Query(t.Context(), tt.call, tools.QueryArgs{Name: tt.name, Parameters: tt.parameters})
			if err != nil {
				t.Errorf("%s%s: %v", tt.name, tt.parameters, err)
				continue
			}
			if got := strings.ReplaceAll(rows(r), ".00", ""); got != tt.want {
				t.Errorf("%s%s gives %q and not %q", tt.name, tt.parameters, got, tt.want)
			}
			last := log.records[len(log.records)-1]
			if last.Query == nil || last.Query.Name != tt.name || !strings.Contains(last.SQL, "WHERE") ||
				last.Role == nil {
				t.Errorf("%s is on the record as %+v, %q", tt.name, last.Query, last.SQL)
			}
		}
	})
}

// A query that the caller may not run is refused as one that is not there is, whatever it reads or is sent.
func TestHiddenQueryIsAbsent(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, _ := namedTools(t, e)
		call := as("taylor", "Marketing")
		said := func(args tools.QueryArgs) string {
			_, err := made.Query(t.Context(), call, args)
			r := refusal(t, err)
			if strings.Contains(r.Message, "hidden") || strings.Contains(r.Message, "salary") {
				t.Errorf("%+v: %s", args, r.Message)
			}
			return fmt.Sprintf("%s: %s %s", r.Code, r.Message, r.Hint)
		}
		want := said(tools.QueryArgs{Name: "nothing_like_it"})
		if !strings.Contains(want, "those that you can run are orders_above, orders_in") {
			t.Errorf("the refusal does not say what there is: %s", want)
		}
		for _, args := range []tools.QueryArgs{
			{Name: "hidden_pay"}, {Name: "half_hidden"}, {Name: "half_hidden", Parameters: `{"x":"y"}`},
			{Name: "half_hidden", Parameters: `{"y":1}`},
			{Name: "broken"}, {Name: "gated"}, {Name: "nothing_like_it", Parameters: `{"a":1}`}, {Name: "\x00'\""},
			{Name: strings.Repeat("x", 1<<12)},
		} {
			if got := said(args); got != want {
				t.Errorf("%.60q is answered %q and not %q", args.Name, got, want)
			}
		}
		var names []string
		for _, q := range made.Queries(t.Context(), call) {
			names = append(names, q.Name)
		}
		if !slices.Equal(names, []string{"orders_above", "orders_in"}) {
			t.Errorf("the caller is offered %v", names)
		}
		if got := said(
			tools.QueryArgs{Name: "pay"},
		); !strings.Contains(
			got,
			"reads sales.payroll, which is not open to you",
		) {
			t.Errorf("what can be asked for: %s", got)
		}
		if other := made.Queries(t.Context(), as("robin")); len(other) != 0 {
			t.Errorf("a stranger is offered %v", other)
		}
	})
}

// A value that does not fit is refused by the parameter's name, and nothing repeats it.
func TestWrongParameterIsNamed(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := namedTools(t, e)
		for parameters, want := range map[string]string{
			`{}`: "least is missing", `{"least":"secret-x"}`: "least must be of the type number",
			`{"least":1e999}`: "least must be",
			`{"least":[1]}`:   "least must be", `{"least":{"a":1}}`: "least must be",
			`{"leest":1}`:           "did you mean least?",
			`{"least":true}`:        "least must be",
			`{"least":1,"least":2}`: "one JSON object", `[]`: "one JSON object",
			`{"least":"1; DROP TABLE secret-x"}`:             "least must be",
			`{"least":"` + strings.Repeat("1", 10000) + `"}`: "least must be", `{"least":"NaN"}`: "least must be",
		} {
			_, err := made.Query(
				t.Context(),
				as("taylor", "Marketing"),
				tools.QueryArgs{Name: "orders_above", Parameters: parameters},
			)
			r := refusal(t, err)
			if r.Code != tools.InvalidArgument || !strings.Contains(r.Message, want) || len(r.Message) > 200 {
				t.Errorf("%.60s: %s: %s", parameters, r.Code, r.Message)
			}
		}
		text, err := json.Marshal(log.records)
		if err != nil || strings.Contains(string(text), "secret-x") {
			t.Errorf("a value that was refused is on the record: %v", err)
		}
	})
}

// An agent that is limited to queries is refused its own SQL, and told what it can run. A call says one of both.
func TestNamedStatementsOnly(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, _ := namedTools(t, e)
		limited := as("taylor", "Marketing")
		limited.Principal.Agent.NamedOnly = true
		_, err := made.Query(t.Context(), limited, tools.QueryArgs{SQL: "SELECT 1"})
		if r := refusal(
			t,
			err,
		); r.Code != tools.NotPermitted ||
			!strings.Contains(r.Message, "orders_above, orders_in") {
			t.Errorf("%+v", r)
		}
		if _, err := made.Query(t.Context(), limited, tools.QueryArgs{Name: "orders_in"}); err != nil {
			t.Error(err)
		}
		both := []tools.QueryArgs{{SQL: "SELECT 1", Name: "orders_in"}, {SQL: "SELECT 1", Parameters: "{}"}}
		for _, args := range both {
			_, err := made.Query(t.Context(), as("taylor", "Marketing"), args)
			if r := refusal(t, err); r.Code != tools.InvalidArgument {
				t.Errorf("%+v: %+v", args, r)
			}
		}
	})
}

// Values are on the record where the statements' own are, and nowhere else.
func TestValuesAreKeptAsStatementsAre(t *testing.T) {
	for _, keeps := range []kept.Statements{"", kept.Whole, kept.Redacted, kept.Digested} {
		made, log := namedTools(t, onSQLite(t), func(c *tools.Config) { c.Statements = keeps })
		args := tools.QueryArgs{Name: "orders_in", Parameters: `{"region":"US-WEST"}`}
		if _, err := made.Query(t.Context(), as("taylor", "Marketing"), args); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(log.records)
		if err != nil || strings.Contains(string(text), "US-WEST") != keeps.Values() {
			t.Errorf("%s: the record is %s", keeps, text)
		}
		for _, r := range log.records {
			if r.Query == nil || !slices.Equal(r.Query.Parameters, []string{"region"}) {
				t.Errorf("%s: the record names %+v", keeps, r.Query)
			}
		}
	}
}

// While a file waits, only what both files have alike can be called.
func TestWaitingFileTakesQueriesAway(t *testing.T) {
	e := onSQLite(t)
	made, _ := namedTools(t, e)
	waiting := toolsConfig(t, e, &memory{}, "")
	waiting.Queries = shopQueries()
	waiting.Queries = slices.DeleteFunc(waiting.Queries, func(q queries.Query) bool { return q.Name == "orders_above" })
	for i, q := range waiting.Queries {
		if q.Name == "orders_in" {
			waiting.Queries[i].Description = "Other words."
		}
		if q.Name == "pay" {
			waiting.Queries[i].Statements = map[string]string{"shop": "SELECT lastname FROM payroll"}
		}
	}
	both := made.Both(waiting)
	call := as("taylor", "Marketing")
	call.Principal.Waiting = &identity.Principal{Agent: call.Principal.Agent, User: call.Principal.User}
	if _, err := both.Query(t.Context(), call, tools.QueryArgs{Name: "orders_in"}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"orders_above", "pay"} {
		_, err := both.Query(t.Context(), call, tools.QueryArgs{Name: name, Parameters: `{"least":1}`})
		if r := refusal(t, err); !strings.Contains(r.Message, "no query of that name") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
