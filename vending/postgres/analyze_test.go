package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/vending"
	"deputy/vending/postgres"
)

const analysisSeed = seed + `
CREATE TABLE sales.regions (region text, country text);
CREATE VIEW sales.big_orders AS SELECT id, order_total FROM sales.customer_orders WHERE order_total > 100;
CREATE FUNCTION sales.definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT string_agg(lastname, ',') FROM sales.customer_orders $$;
CREATE FUNCTION sales.eq(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR sales.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = sales.eq);
CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.open (id int); GRANT USAGE ON SCHEMA elsewhere TO PUBLIC; GRANT SELECT ON elsewhere.open TO PUBLIC;`

func TestTheDatabaseSaysWhatAStatementReads(t *testing.T) {
	e := newEngine(t, newDatabase(t, analysisSeed), "sales")
	for statement, want := range map[string]string{
		`SELECT * FROM customer_orders`:                       `customer_orders(id lastname region order_total)`,
		`SELECT upper(lastname) FROM sales.customer_orders o`: `customer_orders(lastname)`,
		`SELECT count(*) FROM customer_orders`:                `customer_orders()`,
		`SELECT o FROM customer_orders o`:                     `customer_orders(*)`,
		`SELECT o, o.id FROM customer_orders o`:               `customer_orders(*)`,
		`SELECT row_to_json(o) FROM customer_orders o`:        `customer_orders(*)`,
		`TABLE regions`:   `regions(region country)`,
		`VALUES (1), (2)`: ``,
		`SELECT id FROM customer_orders NATURAL JOIN regions`:                                                  `customer_orders(id region) regions(region)`,
		`SELECT id FROM customer_orders JOIN regions USING (region) WHERE country = 'US' ORDER BY order_total`: `customer_orders(id region order_total) regions(region country)`,
		`WITH customer_orders AS (SELECT 1 AS lastname) SELECT lastname FROM customer_orders`:                  ``,
		`WITH o AS (SELECT lastname FROM customer_orders) SELECT 1 FROM o`:                                     `customer_orders(lastname)`,
		`SELECT (SELECT max(country) FROM regions r WHERE r.region = o.region) FROM customer_orders o`:         `customer_orders(region) regions(region country)`,
		`SELECT b FROM regions AS r(a, b)`:                                                                     `regions(region country)`,
		`SELECT x FROM customer_orders AS o(a, x), regions`:                                                    `customer_orders(id lastname) regions()`,
		`SELECT y FROM (regions r JOIN regions s USING (region)) AS j(x, y)`:                                   `regions(*)`,
		`SELECT 1 FROM big_orders`:                          `big_orders()`,
		`SELECT id FROM customer_orders; -- a trailing one`: `customer_orders(id)`,
		"SELECT id FROM customer_orders -- no newline":      `customer_orders(id)`,
		`SELECT id FROM customer_orders, LATERAL (SELECT country FROM regions WHERE regions.region = customer_orders.region) x`: `customer_orders(id region) regions(region country)`,
	} {
		s, err := e.Analyze(context.Background(), statement)
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		if got := uses(s); got != want {
			t.Errorf("%s reads %s, not %s", statement, got, want)
		}
		if len(s.Forbidden) > 0 {
			t.Errorf("%s is an ordinary read, and yet uses the forbidden %v", statement, s.Forbidden)
		}
	}
}

func uses(s *vending.Statement) string {
	var out []string
	for _, u := range s.Tables {
		columns := strings.Join(u.Columns, " ")
		if u.All {
			columns = "*"
		}
		out = append(out, fmt.Sprintf("%s(%s)", u.Table.Name, columns))
	}
	return strings.Join(out, " ")
}

func TestOutputColumnsKnowWhatTheyAreMadeFrom(t *testing.T) {
	e := newEngine(t, newDatabase(t, analysisSeed), "sales")
	for statement, want := range map[string]string{
		`SELECT lastname AS name, 1 AS one FROM customer_orders`:                                               `name<lastname one<`,
		`SELECT upper(lastname) || region AS x FROM customer_orders`:                                           `x<lastname,region`,
		`WITH a AS (SELECT lastname AS l FROM customer_orders) SELECT l AS x FROM a`:                           `x<lastname`,
		`SELECT x FROM (SELECT region AS x FROM customer_orders UNION SELECT lastname FROM customer_orders) q`: `x<lastname,region`,
		`SELECT lastname FROM customer_orders GROUP BY lastname HAVING count(*) > 1`:                           `lastname<lastname`,
		`SELECT max(lastname) AS m FROM customer_orders`:                                                       `m<lastname`,
		`SELECT (SELECT lastname FROM customer_orders LIMIT 1) AS s`:                                           `s<lastname`,
		`SELECT o.lastname FROM customer_orders o JOIN customer_orders p USING (lastname)`:                     `lastname<lastname`,
		`WITH RECURSIVE r(n) AS (SELECT lastname FROM customer_orders UNION SELECT n FROM r) SELECT n FROM r`:  `n<lastname`,
	} {
		s, err := e.Analyze(context.Background(), statement)
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		var got []string
		for _, o := range s.Outputs {
			var origins []string
			for _, c := range o.Origins {
				origins = append(origins, c.Column)
			}
			got = append(got, o.Name+"<"+strings.Join(origins, ","))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: outputs are made from %s, not %s", statement, strings.Join(got, " "), want)
		}
	}
}

func TestTheGateKnowsWhatItRefusesByIdentity(t *testing.T) {
	e := newEngine(t, newDatabase(t, analysisSeed), "sales")
	for statement, want := range map[string]string{
		`SELECT pg_sleep(1)`:                                            "function pg_sleep",
		`SELECT * FROM pg_read_file('/etc/passwd')`:                     "function pg_read_file",
		`SELECT 1 ORDER BY pg_sleep(1)::text`:                           "function pg_sleep",
		`SELECT sum(1) OVER (ORDER BY (SELECT pg_sleep(1)::text))`:      "function pg_sleep",
		`SELECT 1 LIMIT (SELECT length(current_setting('x')))`:          "function current_setting",
		`SELECT query_to_xml('select 1', true, true, '')`:               "function query_to_xml",
		`SELECT query_to_xml_and_xmlschema('select 1', true, true, '')`: "function query_to_xml_and_xmlschema",
		`SELECT pg_advisory_lock(1)`:                                    "function pg_advisory_lock",
		`SELECT set_config('role', 'none', false)`:                      "function set_config",
		`SELECT nextval('x') FROM (SELECT 1) y`:                         "", // there is no x: the analysis fails
		`SELECT lo_import('/etc/passwd')`:                               "function lo_import",
		`SELECT sales.definer()`:                                        "function definer",
		`SELECT 'a' OPERATOR(sales.===) 'b'`:                            "operator ===",
		`SELECT * FROM pg_class`:                                        "catalog pg_catalog.pg_class",
		`SELECT * FROM information_schema.tables`:                       "catalog information_schema.tables",
		`SELECT * FROM pg_stats`:                                        "catalog pg_catalog.pg_stats",
		`SELECT 1 WHERE EXISTS (SELECT FROM pg_authid)`:                 "catalog pg_catalog.pg_authid",
		`SELECT * FROM elsewhere.open`:                                  "table elsewhere.open",
		`SELECT 1259::regclass`:                                         "type regclass",
		`SELECT '{1259}'::regclass[]`:                                   "type _regclass",
		`SELECT * FROM json_to_record('{"a":1259}') AS x(a regclass)`:   "type regclass",
		`SELECT ctid FROM sales.customer_orders`:                        "system column (ctid, xmin, tableoid and the like)",
		`SELECT * FROM sales.customer_orders FOR UPDATE`:                "clause FOR UPDATE or FOR SHARE",
		`SELECT has_table_privilege('x', 'select')`:                     "function has_table_privilege",
		`SELECT pg_get_viewdef(1)`:                                      "function pg_get_viewdef",
		`SELECT to_regclass('x')`:                                       "function to_regclass",
		`SELECT current_schemas(true)`:                                  "function current_schemas",
		`SELECT pg_typeof(1), random(), now(), clock_timestamp()`:       "",
		`SELECT to_tsvector('english', 'x') @@ to_tsquery('x')`:         "",
		`SELECT t FROM (SELECT pg_typeof(lastname) AS t FROM sales.customer_orders) AS s WHERE t::text = 'text'`: "",
		`SELECT 16384::oid::regtype`:                                  "type regtype",
		`SELECT '16384'::regtype`:                                     "type regtype",
		`SELECT '{16384}'::regtype[]`:                                 "type _regtype",
		`SELECT pg_typeof(16384::regtype)`:                            "type regtype",
		`SELECT * FROM json_to_record('{"a":16384}') AS x(a regtype)`: "type regtype",
		`SELECT oidvectortypes('16384 16385')`:                        "function oidvectortypes",
		`SELECT row_to_json(record_in('(1)', 16384, -1))`:             "function record_in",
		`SELECT domain_in('x', 16384, -1)`:                            "function domain_in",
		`SELECT textin(regtypeout('16384'))`:                          "function",
	} {
		s, err := e.Analyze(context.Background(), statement)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", statement, err)
			}
			continue
		}
		got := fmt.Sprint(s.Forbidden)
		if want == "" && len(s.Forbidden) > 0 || want != "" && !strings.Contains(got, "{"+want) {
			t.Errorf("%s: the gate refuses %s, not the %s", statement, got, want)
		}
		if (vending.Gate(s) != nil) != (want != "") {
			t.Errorf("%s: the gate says %v", statement, vending.Gate(s))
		}
	}
}

func TestWhatIsNotOneReadIsRefusedByTheDatabase(t *testing.T) {
	e := newEngine(t, newDatabase(t, analysisSeed), "sales")
	for _, statement := range []string{
		`SELECT 1; SELECT 2`, `SELECT 1) q; DROP TABLE sales.regions --`, `SELECT 1) a, (SELECT 2); COMMIT; SELECT (1`, `INSERT INTO sales.regions VALUES ('x')`,
		`WITH x AS (DELETE FROM sales.regions RETURNING *) SELECT * FROM x`, `SELECT * INTO copied FROM sales.regions`, `EXPLAIN SELECT 1`, `EXPLAIN ANALYZE SELECT 1`,
		`SET ROLE deputy_owner`, `COPY sales.regions TO STDOUT`, `DO 'BEGIN END'`, `CALL x()`, `PREPARE p AS SELECT 1`, `LISTEN x`, `BEGIN`, `SHOW all`,
		`CREATE TABLE x (id int)`, `DECLARE c CURSOR FOR SELECT 1`, `SELECT $1`, ``, `;`, `-- nothing`, `SELECT`, `(`, `)`,
	} {
		s, err := e.Analyze(context.Background(), statement)
		var known *vending.Error
		if statement == `SELECT` { // reads nothing, and is one statement
			continue
		}
		if !errors.As(err, &known) {
			t.Errorf("%s is taken for a read: %+v", statement, s)
			continue
		}
		if strings.Contains(known.Message, "regions") || strings.Contains(known.Message, "probe") {
			t.Errorf("%s: the message %q tells what the caller may not know", statement, known.Message)
		}
	}
}

func TestAChangedTableIsAnalysedAnew(t *testing.T) {
	database := newDatabase(t, analysisSeed)
	e := newEngine(t, database, "sales")
	e.Analyze(context.Background(), `SELECT * FROM regions`)
	if s, err := e.Analyze(context.Background(), `SELECT * FROM regions`); err != nil || !s.Cached {
		t.Fatalf("the same statement is analysed twice: %v", err)
	}
	execAs(t, "dba", database, `CREATE TABLE sales.fresh (id int)`)
	if _, err := e.Analyze(context.Background(), `SELECT * FROM fresh`); err != nil {
		t.Errorf("a new table: %v", err)
	}
}

func TestAFunctionThatTheConfigurationNamesMayBeCalled(t *testing.T) {
	database := newDatabase(t, seed, `CREATE SCHEMA tools; GRANT USAGE ON SCHEMA tools TO PUBLIC;
		CREATE FUNCTION tools.net(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
		CREATE FUNCTION tools.other() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`)
	bootstrap(t, database, "sales")
	e, err := postgres.Open(
		postgres.Config{
			DSN:        cluster.DSN("deputy_runner", database),
			Schemas:    []string{"sales"},
			SigningKey: signingKey,
			Functions:  []string{"tools.net"},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for statement, want := range map[string]string{`SELECT tools.net(order_total) FROM customer_orders`: "", `SELECT net(2)`: "", `SELECT tools.other()`: "function other"} {
		s, err := e.Analyze(t.Context(), statement)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Forbidden); (want == "") != (len(s.Forbidden) == 0) || !strings.Contains(got, want) {
			t.Errorf("%s: the gate refuses %s, not %q", statement, got, want)
		}
		if _, err := e.Run(t.Context(), lease("named000001", statement)); err != nil && want == "" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if _, err := postgres.Open(postgres.Config{DSN: "x=y", Schemas: []string{"sales"}, SigningKey: signingKey, Functions: []string{"sales.net"}}); err == nil {
		t.Error("a function in a governed schema is taken, though no vended role can call it")
	}
}
