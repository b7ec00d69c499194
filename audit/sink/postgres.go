package sink

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lib/pq"

	"deputy/internal/pgconn"
)

// Recorder is the login that a PostgreSQL sink uses. It may insert records and nothing else: not change, delete or read
// them.
const Recorder = "deputy_recorder"

// PostgresSetup is the SQL that an administrator runs once, in the database that is to keep records: with psql, the
// variable recorder_password set. Of several outcomes of one call the last one holds, so an outcome is part of the key.
const PostgresSetup = `CREATE SCHEMA deputy_audit;
REVOKE ALL ON SCHEMA deputy_audit FROM PUBLIC;
CREATE TABLE deputy_audit.records (
    id       text        NOT NULL,
    phase    text        NOT NULL,
    outcome  text        NOT NULL,
    time     timestamptz NOT NULL,
    received timestamptz NOT NULL DEFAULT now(),
    record   jsonb       NOT NULL,
    PRIMARY KEY (id, phase, outcome)
);
CREATE INDEX ON deputy_audit.records (time);
CREATE ROLE deputy_recorder LOGIN NOINHERIT PASSWORD :'recorder_password';
REVOKE ALL ON deputy_audit.records FROM PUBLIC;
GRANT USAGE ON SCHEMA deputy_audit TO deputy_recorder;
GRANT INSERT (id, phase, outcome, time, record) ON deputy_audit.records TO deputy_recorder;
`

// A conflict is a record that came twice. Naming the key here would need the right to read it.
const insert = `INSERT INTO deputy_audit.records (id, phase, outcome, time, record)
SELECT id, phase, outcome, time, record::jsonb FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS r (id, phase, outcome, time, record)
ON CONFLICT DO NOTHING`

// Postgres inserts each record into a table.
type Postgres struct{ db *sql.DB }

// OpenPostgres does not connect yet. The errors do not repeat the dsn, which has a password in it.
func OpenPostgres(dsn string) (*Postgres, error) {
	db, err := pgconn.Open(pgconn.Config{DSN: dsn, MaxOpen: 1})
	if err != nil {
		return nil, errors.New("the dsn cannot be read: write it as postgres://" + Recorder + ":password@host/database")
	}
	return &Postgres{db}, nil
}

// Deliver implements Sink: all messages or none.
func (s *Postgres) Deliver(ctx context.Context, messages []Message) error {
	var ids, phases, outcomes, times, records pq.StringArray
	for _, m := range messages {
		ids, phases, outcomes = append(
			ids,
			m.Record.ID,
		), append(
			phases,
			string(m.Record.Phase),
		), append(
			outcomes,
			string(m.Record.Outcome),
		)
		times = append(times, m.Record.Time.UTC().Format(time.RFC3339Nano))
		records = append(records, string(withoutNUL(m.Text)))
	}
	_, err := s.db.ExecContext(ctx, insert, ids, phases, outcomes, times, records)
	var refused *pq.Error
	if errors.As(err, &refused) {
		// the detail may repeat the row
		err = errors.New("PostgreSQL says: " + refused.Message + " (" + string(refused.Code) + ")")
		switch refused.Code.Class() {
		case "22", "23", "54": // it is about the values
			return &Rejected{err}
		}
	}
	return err
}

// Close implements Sink.
func (s *Postgres) Close() error { return s.db.Close() }

// withoutNUL puts the replacement character where a string has the one that jsonb cannot hold. A caller may have sent
// it, and must not be able to have a record refused.
func withoutNUL(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u0000`)) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case bytes.HasPrefix(text[i:], []byte(`\u0000`)):
			out = append(out, `\ufffd`...)
			i += 5
		case text[i] == '\\' && i+1 < len(text): // and the character that it escapes
			out = append(out, text[i], text[i+1])
			i++
		default:
			out = append(out, text[i])
		}
	}
	return out
}
