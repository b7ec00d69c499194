package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
)

// bodyVersion is of the text that a request is kept as. Another one is not read: a migration would rewrite what there
// is.
const bodyVersion = 1

// maxBody bounds one request, in bytes. The tool's own limits are far below.
const maxBody = 256 << 10

// body is a request as it is written down.
type body struct {
	V         int                 `json:"v"`
	ID        string              `json:"id"`
	Agent     string              `json:"agent,omitempty"`
	Owner     string              `json:"owner,omitempty"`
	User      *identity.Person    `json:"user,omitempty"`
	Groups    []string            `json:"groups,omitempty"`
	Has       map[string][]string `json:"attributes,omitempty"`
	Platform  string              `json:"platform"`
	Schema    string              `json:"schema"`
	Table     string              `json:"table"`
	Columns   []string            `json:"columns,omitempty"`
	Opens     bool                `json:"opens"`
	Reason    string              `json:"reason"`
	Answers   map[string]string   `json:"answers,omitempty"`
	Wanted    requests.Duration   `json:"wanted"`
	Created   time.Time           `json:"created"`
	Lapses    time.Time           `json:"lapses"`
	Status    requests.Status     `json:"status"`
	Decisions []requests.Decision `json:"decisions,omitempty"`
	Began     time.Time           `json:"began,omitzero"`
	Expires   time.Time           `json:"expires,omitzero"`
	Through   string              `json:"through,omitempty"`
	Version   int                 `json:"version"`
}

// encode writes a request down. One request has one text.
func encode(r requests.Request) (string, error) {
	decisions := make([]requests.Decision, len(r.Decisions))
	for i, d := range r.Decisions {
		d.Time = d.Time.UTC()
		decisions[i] = d
	}
	text, err := json.Marshal(body{
		bodyVersion, r.ID, r.Asker.Agent, r.Asker.Owner, r.Asker.User, r.Asker.Groups, r.Asker.Attributes, r.Platform, r.Table.Schema, r.Table.Name, r.Columns, r.Opens, r.Reason,
		r.Answers, requests.Duration(r.Wanted), r.Created.UTC(), r.Lapses.UTC(), r.Status, decisions, r.Began.UTC(), r.Expires.UTC(),
		r.Through, r.Version,
	})
	if err != nil {
		return "", fmt.Errorf("request %.40q cannot be written down", r.ID)
	}
	if len(text) > maxBody {
		return "", fmt.Errorf("request %.40q is too long to be kept", r.ID)
	}
	return string(text), nil
}

// decode reads what encode wrote and nothing else: what is written again must be the same text, which settles unknown
// keys, keys in another case, keys that come twice, and other versions.
func decode(text string) (requests.Request, error) {
	var b body
	if len(text) > maxBody || json.Unmarshal([]byte(text), &b) != nil {
		return requests.Request{}, altered("its text cannot be read")
	}
	if b.V != bodyVersion {
		return requests.Request{}, altered("its text is of another version")
	}
	r := requests.Request{
		ID: b.ID, Asker: requests.Asker{Agent: b.Agent, Owner: b.Owner, User: b.User, Groups: b.Groups, Attributes: b.Has}, Platform: b.Platform,
		Table: entitlements.TableName{Schema: b.Schema, Name: b.Table}, Columns: b.Columns, Opens: b.Opens, Reason: b.Reason,
		Answers: b.Answers, Wanted: time.Duration(b.Wanted), Created: b.Created, Lapses: b.Lapses, Status: b.Status, Decisions: b.Decisions,
		Began: b.Began, Expires: b.Expires, Through: b.Through, Version: b.Version,
	}
	if again, err := encode(r); err != nil || again != text {
		return requests.Request{}, altered("its text is not as it is written")
	}
	return r, consistent(r)
}

// row is what is kept of a request: the body, and in columns what is searched by.
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
	Body        string `db:"body"`
}

// columns are those of row, in every SELECT.
const columns = `id, asker, subject, platform, table_schema, table_name, status, version, created, ends, denied, body`

func rowOf(r requests.Request) (row, error) {
	text, err := encode(r)
	if err != nil {
		return row{}, err
	}
	out := row{
		ID: r.ID, Asker: digest(r.Asker.Key()), Subject: digest(r.Subject()), Platform: r.Platform, TableSchema: r.Table.Schema,
		TableName: r.Table.Name, Status: string(r.Status), Version: int64(r.Version), Created: nanos(r.Created), Body: text,
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

// nanos is a time as a column has it; 0: none.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
