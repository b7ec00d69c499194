package sink_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/sink"
	"deputy/internal/testkit/throwaway"
)

func messageOf(t *testing.T, format sink.Format, r audit.Record) sink.Message {
	t.Helper()
	text, err := format(r)
	if err != nil {
		t.Fatal(err)
	}
	return sink.Message{Record: r, Text: text}
}

func TestAPostgresTableTakesRecordsFromALoginThatCanDoNothingElse(t *testing.T) {
	cluster, err := throwaway.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	admin, err := cluster.Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec(strings.ReplaceAll(sink.PostgresSetup, ":'recorder_password'", "'p'")); err != nil {
		t.Fatal(err)
	}
	s, err := sink.OpenPostgres(cluster.DSN(sink.Recorder, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	evil := outcome("a")
	evil.Time = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	evil.SQL = "SELECT 'x\x00y\\\\u0000', '\u202e', '\"}]'; -- \n"
	never := audit.Unanswered(evil, "nothing was answered")
	messages := []sink.Message{
		messageOf(t, audit.Native, intent("a")),
		messageOf(t, audit.Native, evil),
		messageOf(t, audit.Native, never),
	}
	for range 2 { // it may come twice
		if err := s.Deliver(t.Context(), messages); err != nil {
			t.Fatal(err)
		}
	}
	var rows int
	var text string
	var at time.Time
	if err := admin.QueryRow(`SELECT count(*) OVER (), record->>'sql', time FROM deputy_audit.records WHERE outcome = 'answered'`).Scan(&rows, &text, &at); err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(evil.SQL, "\x00", "\ufffd"); rows != 1 || text != want || !at.Equal(evil.Time) {
		t.Errorf("%d rows, %q at %s", rows, text, at)
	}
	if admin.QueryRow(`SELECT count(*) FROM deputy_audit.records`).Scan(&rows); rows != 3 {
		t.Errorf("of an intent, an outcome and one that corrects it there are %d rows", rows)
	}

	login, err := cluster.Open(sink.Recorder, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer login.Close()
	for what, statement := range map[string]string{
		"read": `SELECT record FROM deputy_audit.records`, "read by returning": `INSERT INTO deputy_audit.records (id, phase, outcome, time, record) VALUES ('z', '', '', now(), '{}') RETURNING record`,
		"update": `UPDATE deputy_audit.records SET record = '{}'`, "update by conflict": `INSERT INTO deputy_audit.records (id, phase, outcome, time, record) VALUES ('a', 'intent', '', now(), '{}') ON CONFLICT (id, phase, outcome) DO UPDATE SET record = '{}'`,
		"delete": `DELETE FROM deputy_audit.records`, "truncate": `TRUNCATE deputy_audit.records`, "drop": `DROP TABLE deputy_audit.records`,
		"copy": `COPY deputy_audit.records TO STDOUT`, "backdate": `INSERT INTO deputy_audit.records (id, phase, outcome, time, record, received) VALUES ('z', '', '', now(), '{}', '2000-01-01')`,
		"trigger": `CREATE TRIGGER t BEFORE INSERT ON deputy_audit.records EXECUTE FUNCTION suppress_redundant_updates_trigger()`, "alter": `ALTER TABLE deputy_audit.records DISABLE RULE r`,
		"create": `CREATE TABLE deputy_audit.other ()`, "grant": `GRANT SELECT ON deputy_audit.records TO PUBLIC`,
	} {
		if _, err := login.Exec(statement); err == nil {
			if what == "grant" { // without the right to, it is a warning
				var granted bool
				if admin.QueryRow(`SELECT has_table_privilege('deputy_recorder', 'deputy_audit.records', 'SELECT')`).Scan(&granted); !granted {
					continue
				}
			}
			t.Errorf("the sink's login can %s: %s", what, statement)
		} else if !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("%s fails for another reason: %v", what, err)
		}
	}

	// Down, and up again: by itself.
	admin.Exec(`ALTER TABLE deputy_audit.records RENAME TO moved`)
	if err := s.Deliver(t.Context(), messages); err == nil || strings.Contains(err.Error(), "SELECT 'x") {
		t.Errorf("without the table: %v", err)
	}
	admin.Exec(
		`ALTER TABLE deputy_audit.moved RENAME TO records; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'deputy_recorder'`,
	)
	if err := s.Deliver(t.Context(), messages); err != nil {
		if err = s.Deliver(t.Context(), messages); err != nil {
			t.Errorf("it does not recover: %v", err)
		}
	}
	// A lock that somebody holds is a sink that hangs: it is given up.
	tx, _ := admin.Begin()
	tx.Exec(`LOCK TABLE deputy_audit.records`)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Deliver(ctx, messages); err == nil {
		t.Error("records were taken by a table that is locked")
	}
	tx.Rollback()
	if err := s.Deliver(t.Context(), messages); err != nil {
		t.Errorf("it does not recover from a lock: %v", err)
	}
}
