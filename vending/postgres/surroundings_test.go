package postgres_test

import (
	"strings"
	"testing"

	"deputy/vending"
)

const surroundings = seed + `
CREATE TABLE sales.hidden (id int); ALTER TABLE sales.hidden ENABLE ROW LEVEL SECURITY;
CREATE TABLE sales.shown (id int); ALTER TABLE sales.shown ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION sales.counted() RETURNS bigint LANGUAGE plpgsql STABLE
  AS $$ BEGIN RETURN (SELECT count(*) FROM customer_orders); END $$;
CREATE FUNCTION sales.upper_case(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(x)';
CREATE VIEW sales.counting AS SELECT id, sales.counted() AS n FROM sales.customer_orders;
CREATE VIEW sales.loud AS SELECT sales.upper_case(region) AS u FROM sales.customer_orders;`

// What keeps tables from being read as they are is found, each with the statement that changes it, and nothing else.
func TestSurroundingsAreFound(t *testing.T) {
	database := newDatabase(t, surroundings)
	e := newEngine(t, database, "sales")
	execAs(t, "dba", database, `CREATE POLICY deputy ON sales.shown FOR SELECT TO deputy_owner USING (true)`)
	exec(database, `CREATE ROLE later_`+database+`; GRANT USAGE, CREATE ON SCHEMA sales TO later_`+database+`;
		CREATE TABLE sales.theirs (id int); ALTER TABLE sales.theirs OWNER TO later_`+database+`;
		CREATE EXTENSION postgres_fdw; CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw;
		CREATE FOREIGN TABLE sales.remote (id int) SERVER away;
		GRANT SELECT ON sales.remote, sales.theirs TO deputy_owner;
		CREATE FUNCTION public.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
		CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION public.log_ddl()`)
	findings, err := e.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		"sales.hidden has row-level security", "CREATE POLICY deputy ON sales.hidden",
		"sales.remote is a foreign table", "SERVER away",
		"the event trigger watching", "ALTER FUNCTION log_ddl() SECURITY DEFINER",
		"tables that later_" + database + " creates later in the schema sales",
		"the view sales.counting calls the function sales.counted(), which reads customer_orders",
	} {
		if !found(findings, words) {
			t.Errorf("nothing says %q: %v", words, findings)
		}
	}
	for _, words := range []string{"sales.shown", "sales.loud", "that dba creates"} {
		if found(findings, words) {
			t.Errorf("something says %q: %v", words, findings)
		}
	}
}

func found(findings []vending.Finding, words string) bool {
	for _, f := range findings {
		if strings.Contains(f.Text, words) {
			return true
		}
	}
	return false
}

// A table that the schema's owner creates later can be read without another bootstrap.
func TestLaterTableIsReadable(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	execAs(t, "dba", database, `CREATE TABLE sales.later AS SELECT 7 AS id`)
	l := lease("later000000", "SELECT id FROM sales.later")
	l.Access[0].Table.Name, l.Access[0].Columns = "later", l.Access[0].Columns[:1]
	if got, err := e.Run(t.Context(), l); err != nil || len(got.Rows) != 1 {
		t.Errorf("it gives %v: %v", got.Rows, err)
	}
}

// Settings that the database has for all sessions are not those of Deputy's.
func TestSessionsHaveTheirOwnSettings(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	exec("postgres", `ALTER DATABASE `+database+` SET statement_timeout = '1ms';
		ALTER DATABASE `+database+` SET default_transaction_read_only = on`)
	got, err := e.Run(t.Context(), lease("settings000", "SELECT count(*) FROM sales.customer_orders"))
	if err != nil || got.Rows[0][0] != "2" {
		t.Errorf("it gives %v: %v", got.Rows, err)
	}
}

// A function of an event trigger that fails for Deputy's roles is named to the operator, and what to do.
func TestFailingEventTriggerIsNamed(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	exec(database, `CREATE TABLE public.ddl_log (tag text);
		CREATE FUNCTION public.log_ddl() RETURNS event_trigger LANGUAGE plpgsql
		AS $$ BEGIN INSERT INTO public.ddl_log VALUES (tg_tag); END $$;
		CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION public.log_ddl()`)
	_, err := e.Run(t.Context(), lease("trigger0000", "SELECT 1"))
	if err == nil || !strings.Contains(err.Error(), "event trigger") || !strings.Contains(err.Error(), "log_ddl()") {
		t.Errorf("the error is %v", err)
	}
}
