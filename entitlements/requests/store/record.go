package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"deputy/entitlements/requests"
)

// maxBody bounds one request, in bytes. The tool's own limits are far below.
const maxBody = 256 << 10

// encode writes a request down, as it marshals itself.
func encode(r requests.Request) (string, error) {
	text, err := r.MarshalJSON()
	if err != nil {
		return "", err
	}
	if len(text) > maxBody {
		return "", fmt.Errorf("request %.40q is too long to be kept", r.ID)
	}
	return string(text), nil
}

// decode reads what encode wrote and nothing else: see Request.UnmarshalJSON.
func decode(text string) (r requests.Request, err error) {
	if len(text) > maxBody {
		return requests.Request{}, altered("its text cannot be read")
	}
	if err := r.UnmarshalJSON([]byte(text)); err != nil {
		return requests.Request{}, altered(err.Error())
	}
	return r, consistent(r)
}

// row is what is kept of a request: its own text, and in columns what is searched by.
type row struct {
	ID          string `db:"id"`
	Asker       string `db:"asker"`
	Subject     string `db:"subject"`
	Platform    string `db:"platform"`
	TableSchema string `db:"table_schema"`
	TableName   string `db:"table_name"`
	Status      string `db:"status"`
	Version     int64  `db:"version"`
	Created     int64  `db:"created"`
	Ends        int64  `db:"ends"`
	Denied      int64  `db:"denied"`
	Held        int64  `db:"held"`
	Body        string `db:"body"`
}

// columns are those of row, in every SELECT.
const columns = `id, asker, subject, platform, table_schema, table_name, status, version, created, ends, denied, ` +
	`held, body`

func rowOf(r requests.Request) (row, error) {
	text, err := encode(r)
	if err != nil {
		return row{}, err
	}
	out := row{
		ID: r.ID, Asker: digest(r.Asker.Key()), Subject: digest(r.Subject()), Platform: r.Platform,
		TableSchema: r.Table.Schema, TableName: r.Table.Name,
		Status: string(r.Status), Version: int64(r.Version), Created: nanos(r.Created), Held: bit(r.Held), Body: text,
	}
	switch r.Status {
	case requests.StatusPending:
		out.Ends = nanos(r.Lapses)
	case requests.StatusApproved:
		out.Ends = nanos(r.Expires)
	case requests.StatusDenied:
		if n := len(r.Decisions); n > 0 {
			out.Denied = nanos(r.Decisions[n-1].Time)
		}
	}
	return out, nil
}

// request is what the row says, if all of it says the same.
func (w row) request() (requests.Request, error) {
	r, err := decode(w.Body)
	if err == nil {
		r.Held = w.Held != 0
		var same row
		if same, err = rowOf(r); err == nil && same != w {
			err = altered("its columns say something else than its text")
		}
	}
	if err != nil {
		return requests.Request{}, fmt.Errorf("request %.40q: %w", w.ID, err)
	}
	return r, nil
}

// digest has one length, whatever callers write into names, and no character that a database does not take.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func bit(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

// nanos is a time as a column has it; 0: none.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
