package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
)

const seed = `CREATE SCHEMA sales;
CREATE TABLE sales.customer_orders (id int PRIMARY KEY, lastname text, region text, order_total numeric(10,2));
INSERT INTO sales.customer_orders VALUES (1, 'Miller', 'US-EAST', 89.00), (2, 'Okafor', 'US-WEST', 117.00);`

// lease is for all of customer_orders, the names masked.
func lease(id, sql string) vending.Lease {
	column := func(name, typ string, kind entitlements.Kind) entitlements.ColumnAccess {
		return entitlements.ColumnAccess{Column: entitlements.Column{Name: name, Type: typ, Kind: kind}}
	}
	lastname := column("lastname", "text", entitlements.Text)
	lastname.Masks = []entitlements.AppliedMask{
		{Policy: "hide", Mask: entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "REDACTED"}},
	}
	return vending.Lease{
		ID:       id,
		SQL:      sql,
		MaxRows:  100,
		MaxBytes: 1 << 20,
		Timeout:  20 * time.Second,
		Access: []entitlements.Access{{
			Table: entitlements.TableName{Schema: "sales", Name: "customer_orders"},
			Columns: []entitlements.ColumnAccess{
				column("id", "integer", entitlements.Number), lastname, column("region", "text", entitlements.Text),
				column("order_total", "numeric(10,2)", entitlements.Number),
			},
		}},
	}
}

func count(t *testing.T, database, query string) int {
	t.Helper()
	var n int
	if err := open(t, "postgres", database).QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// What a vend would leave if it were committed or seen: the role, its views, the lease.
const (
	vendedRoles = `SELECT count(*) FROM pg_roles WHERE rolname ~ '^deputy_[0-9a-z]{8,}'`
	vendedViews = `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ~ '^deputy_[0-9a-z]{8,}'`
	openLeases  = `SELECT count(*) FROM deputy.leases`
)

func assertNothingStands(t *testing.T, database, when string) {
	t.Helper()
	for _, query := range []string{vendedRoles, vendedViews, openLeases} {
		if n := count(t, database, query); n != 0 {
			t.Errorf("%s, %s gives %d: another session sees what was vended", when, query, n)
		}
	}
}

func TestNobodySeesAVendedRoleWhileItsStatementRuns(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := e.Run(ctx, lease("running0001", `SELECT pg_sleep(60) FROM sales.customer_orders`))
		ended <- err
	}()
	awaitActivity(t, database, "deputy_running0001", 1)
	assertNothingStands(t, database, "while the statement runs")
	cancel()
	var known *vending.Error
	if err := <-ended; !errors.As(err, &known) || known.Code != vending.Cancelled {
		t.Errorf("a cancelled call ended with %v, not as cancelled", err)
	}
	awaitActivity(t, database, "deputy_running0001", 0)
	assertNothingStands(t, database, "after the call was cancelled")
}

// awaitActivity waits until so many sessions of that application name are busy.
func awaitActivity(t *testing.T, database, application string, sessions int) {
	t.Helper()
	db := open(t, "postgres", database)
	for range 12_000 {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'`, application).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == sessions {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("there never were %d busy sessions named %s", sessions, application)
}

func TestAVendedTransactionCannotCommit(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for _, statement := range []string{"COMMIT", "END", "COMMIT AND CHAIN", "SET CONSTRAINTS ALL IMMEDIATE"} {
		_, err := e.Run(context.Background(), lease("commit00001", statement))
		var pe *pq.Error
		if !errors.As(err, &pe) || pe.Code != "2D000" {
			t.Errorf("%s ended with %v, not with SQLSTATE 2D000", statement, err)
		}
		assertNothingStands(t, database, "after "+statement)
	}
}

func TestDeputyRunnerAloneCanDoNothing(t *testing.T) {
	database := newDatabase(t, seed)
	newEngine(t, database, "sales")
	runner := open(t, "deputy_runner", database)
	for _, statement := range []string{
		`SELECT * FROM sales.customer_orders`, `SELECT * FROM deputy.keys`, `SELECT * FROM deputy.leases`, `INSERT INTO deputy.leases VALUES ('x')`,
		`SET ROLE deputy_owner`, `SET ROLE postgres`, `SET SESSION AUTHORIZATION postgres`, `CREATE ROLE intruder`, `CREATE SCHEMA intruder`,
		`ALTER ROLE deputy_runner CREATEROLE`, `ALTER TABLE deputy.leases DISABLE TRIGGER ALL`, `DROP TRIGGER never_commit ON deputy.leases`,
		`CREATE OR REPLACE FUNCTION deputy.never_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`SET session_replication_role = replica`, `GRANT deputy_owner TO deputy_runner`,
	} {
		if _, err := runner.Exec(statement); err == nil {
			t.Errorf("deputy_runner may: %s", statement)
		}
	}
}

func TestOnlyWhatTheServerSignedIsVended(t *testing.T) {
	database := newDatabase(t, seed)
	newEngine(t, database, "sales")
	runner := open(t, "deputy_runner", database)
	for name, call := range map[string]string{
		"without a signature":           `SELECT deputy.vend('{"id":"forged00001","expires":99999999999,"views":[]}', NULL)`,
		"with an empty one":             `SELECT deputy.vend('{"id":"forged00001","expires":99999999999,"views":[]}', '')`,
		"with somebody else's":          `SELECT deputy.vend('{"id":"forged00001","expires":99999999999,"views":[]}', sha256('x'))`,
		"without a spec":                `SELECT deputy.vend(NULL, NULL)`,
		"with an empty spec and key ''": `SELECT deputy.vend('', sha256(''))`,
	} {
		_, err := runner.Exec(call)
		var pe *pq.Error
		if !errors.As(err, &pe) || pe.Code != "28000" {
			t.Errorf("a spec %s was answered with %v, not with SQLSTATE 28000", name, err)
		}
	}
}

func TestWhatOutlivesARollbackIsTakenAway(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for _, statement := range []string{
		`SELECT pg_advisory_lock(42)`, `PREPARE later AS SELECT 1`, `LISTEN gossip`, `SET application_name = 'intruder'`,
		`DECLARE kept CURSOR WITH HOLD FOR SELECT 1`, `SET ROLE NONE`, `RESET ROLE`, `SELECT set_config('role', 'none', false)`, `ROLLBACK`,
		`ROLLBACK AND CHAIN`, `DISCARD ALL`, `COPY sales.customer_orders TO STDOUT`, `SAVEPOINT s`,
	} {
		e.Run(context.Background(), lease("outlives001", statement)) // most fail, and all must be harmless
		result, err := e.Run(context.Background(), lease(
			"outlives002",
			`SELECT current_user, session_user, (SELECT count(*) FROM pg_prepared_statements WHERE name = 'later'), (SELECT count(*) FROM pg_cursors WHERE name = 'kept'),
			 (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), (SELECT count(*) FROM pg_listening_channels())`,
		))
		if err != nil {
			t.Errorf("after %s the next call fails: %v", statement, err)
			continue
		}
		got := strings.Trim(strings.Join(cells(result), " "), " ")
		if got != "deputy_outlives002 deputy_runner 0 0 0 0" {
			t.Errorf("after %s the next call finds %s", statement, got)
		}
	}
	assertNothingStands(t, database, "after all of them")
}

// lib/pq prepares a text that begins with COPY by running it, all of it.
func TestATextThatBeginsWithCopyIsNotRunToPrepareIt(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for _, statement := range []string{
		`COPY (SELECT 1) TO STDOUT; SELECT pg_advisory_lock(4242), pg_sleep(60)`,
		`/* /* */ COPY */ SELECT 1; SELECT pg_sleep(60)`,
		"-- x\rCOPY (SELECT 1) TO STDOUT; SELECT pg_sleep(60)",
	} {
		l := lease("copyfirst01", statement) // its time is up long before the sleep is
		var known *vending.Error
		if err := e.Diagnose(context.Background(), l); !errors.As(err, &known) || known.Code == vending.Timeout {
			t.Errorf("%s was run, though only prepared: %v", statement, err)
		}
		if _, err := e.Run(context.Background(), l); !errors.As(err, &known) || known.Code != vending.Unsupported {
			t.Errorf("%s ended with %v, not as unsupported_statement", statement, err)
		}
	}
}

func TestAnAnswerThatIsTooLargeEndsTheCallAndNotTheServer(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed), "sales")
	_, err := e.Run(context.Background(), lease("toolarge001", `SELECT repeat('x', 100000000)`))
	var known *vending.Error
	if !errors.As(err, &known) || known.Code != vending.InvalidSQL {
		t.Errorf("100 MB in one value ended with %v, not as invalid_sql", err)
	}
	if _, err := e.Run(context.Background(), lease("toolarge002", `SELECT 1`)); err != nil {
		t.Errorf("after an answer that was too large: %v", err)
	}
}

func TestADeadConnectionIsReplaced(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for range 3 {
		if _, err := e.Run(context.Background(), lease("replaced001", `SELECT 1`)); err != nil {
			t.Fatalf("the database ended our session, and the next call fails: %v", err)
		}
		count(
			t,
			database,
			`SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'deputy_runner' AND datname = current_database()`,
		)
	}
}

func cells(r vending.Result) []string {
	var out []string
	for _, row := range r.Rows {
		for _, v := range row {
			s, _ := v.(string)
			out = append(out, s)
		}
	}
	return out
}

func TestACallWhoseTimeIsUpIsNotAPlatformThatIsDown(t *testing.T) {
	e := newEngine(t, newDatabase(t, "CREATE SCHEMA s; CREATE TABLE s.t (a text)"), "s")
	if _, err := e.Catalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-late.Done()
	var refusal *vending.Error
	if _, err := e.Analyze(late, "SELECT a FROM s.t"); !errors.As(err, &refusal) || refusal.Code != vending.Timeout {
		t.Errorf("an analysis that had no time ends with %v", err)
	}
	if err := e.Diagnose(late, vending.Lease{ID: "late00000000", SQL: "SELECT 1", Timeout: time.Second}); !errors.As(
		err,
		&refusal,
	) ||
		refusal.Code != vending.Timeout {
		t.Errorf("a diagnosis that had no time ends with %v", err)
	}
}
