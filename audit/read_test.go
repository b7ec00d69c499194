package audit_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"deputy/audit"
)

// full is a record with every field set.
func full() audit.Record {
	now := time.Date(2026, 11, 23, 10, 4, 5, 678000, time.UTC)
	return audit.Record{
		V: audit.Version, ID: "k3v9x2", Phase: audit.Ended, Time: now, Tool: "query", Mode: "on_behalf_of", Client: "127.0.0.1", Platform: "demo",
		Agent: audit.Party{ID: "marketing", Groups: []string{"Agents"}},
		User:  &audit.Party{ID: "taylor", Issuer: "https://id.example", Name: "Taylor", Groups: []string{"Marketing"}},
		SQL:   "SELECT lastname FROM orders WHERE total < 5 && true", Table: "sales.orders",
		Tables: []audit.Table{
			{
				Name:    "sales.orders",
				Via:     "user",
				Columns: []string{"lastname"},
				Filters: []string{"own region"},
				Grants:  []string{"marketing reads sales"},
				Masked:  []audit.MaskedColumn{{Column: "lastname", Mask: "constant", Policy: "hide personal data"}},
			},
		},
		Role: &audit.Role{Name: "deputy_k3v9x2", Vended: now, Revoked: now.Add(time.Millisecond)},
		Rows: 5, Truncated: true, Duration: time.Millisecond, Outcome: audit.Denied, Code: "not_permitted", Reasons: []string{"no grant"},
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	d := &disk{}
	if err := open(t, d).Append(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.String(), "total < 5 && true") {
		t.Errorf("the statement cannot be searched for in %s", d.String())
	}
	for got, err := range audit.Read(d.reader()) {
		if err != nil {
			t.Fatal(err)
		}
		if want := full(); !reflect.DeepEqual(got, want) {
			t.Errorf("what was read is not what was written:\n got %+v\nwant %+v", got, want)
		}
	}
}

// hostile is text that would start a line of its own or look like something else, had it its way.
var hostile = []string{
	"SELECT 1\n{\"id\":\"forged\",\"outcome\":\"answered\"}\n",
	"\r\n\v\f\x00\x1b[2J\x1b]0;title\x07",
	"a\u2028{\"id\":\"forged\"}\u2029b\u0085c",
	"\u009b31m\x7f\u008d",
	"\u202eTCELES\u2066\u200b\ufeff\U000e0041",
	`\u000a\n"}{"`,
	"Grüße, 数据, 🎉",
}

func TestTextInARecordCannotLookLikeALineOfItsOwn(t *testing.T) {
	for _, text := range hostile {
		d := &disk{}
		r := record(text + "id")
		r.SQL, r.Agent.ID, r.Reasons = text, text, []string{text}
		if err := open(t, d).Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		line, found := strings.CutSuffix(d.firstLine(), "\n")
		if !found || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("the line of %q holds a character that is not for the eye: %q", text, line)
		}
		var got []audit.Record
		for r, err := range audit.Read(d.reader()) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, r)
		}
		if r.V = audit.Version; len(got) != 1 || !reflect.DeepEqual(got[0], r) {
			t.Errorf("%q was read back as %+v", text, got)
		}
	}
}

func TestReadNamesTheLineThatIsNoRecordAndGoesOn(t *testing.T) {
	long := `{"id":"` + strings.Repeat("x", 16<<20) + `"}`
	for name, c := range map[string]struct{ log, ids, bad string }{
		"nothing":                 {"", "", ""},
		"a blank line":            {"{\"id\":\"a\"}\n\n{\"id\":\"b\"}\n", "a b", ""},
		"a torn line":             {"{\"id\":\"a\"}\n{\"id\":\n{\"id\":\"b\"}\n", "a b", "audit log, line 2: not a record: unexpected end of JSON input"},
		"a torn last line":        {"{\"id\":\"a\"}\n{\"id", "a", "audit log, line 2: not a record: unexpected end of JSON input"},
		"no newline at the end":   {"{\"id\":\"a\"}\n{\"id\":\"b\"}", "a b", ""},
		"two records in one line": {"{\"id\":\"a\"}{\"id\":\"b\"}\n{\"id\":\"c\"}\n", "c", "audit log, line 1: not a record: invalid character '{' after top-level value"},
		"an empty object":         {"{}\n", "", "audit log, line 1: not a record: it has no id"},
		"null":                    {"null\n", "", "audit log, line 1: not a record: it has no id"},
		"a line too long":         {long + "\n{\"id\":\"b\"}\n", "b", "audit log, line 1: not a record: it has more than 16777216 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			ids, bad := read(t, strings.NewReader(c.log))
			if got := strings.Join(ids, " "); got != c.ids {
				t.Errorf("the records are %q, not %q", got, c.ids)
			}
			if got := strings.Join(bad, "\n"); got != c.bad {
				t.Errorf("of the other lines it says\n%s\nnot\n%s", got, c.bad)
			}
		})
	}
}

// failing is a file that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)       { return 0, f.err }
func (f failing) Seek(int64, int) (int64, error) { return 0, nil }

func TestReadEndsWithTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	_, bad := read(t, failing{broken})
	if len(bad) != 1 || bad[0] != "reading the audit log: broken" {
		t.Errorf("a reader that fails is reported as %q", bad)
	}
}

func TestARecordTooLongToBeReadIsNotWritten(t *testing.T) {
	r := record("a")
	r.SQL = strings.Repeat("x", 16<<20)
	d := &disk{}
	if err := open(t, d).Append(t.Context(), r); err == nil || d.Len() > d.begun {
		t.Errorf("a record that nobody can read back was written: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"id\":\"a\"}\n\n{\"id\":\n{\"id\":\"b\",\"rows\":1e3}"))
	f.Add([]byte("{\"id\":\"\\u2028\\u001b\\ud83c\",\"time\":\"2026-11-23T10:00:00Z\"}\r\nnull\n[]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := 0
		for r, err := range audit.Read(bytes.NewReader(text)) {
			lines++
			if err != nil {
				continue
			}
			if line := audit.Line(r); strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }) {
				t.Errorf("the line for people holds a character that is not for the eye: %q", line)
			}
			d := &disk{}
			if err := open(t, d).Append(context.Background(), r); err != nil {
				t.Fatalf("a record that was read cannot be written: %v", err)
			}
			for again, err := range audit.Read(d.reader()) {
				if err != nil || !again.Time.Equal(r.Time) || again.ID != r.ID || again.SQL != r.SQL {
					t.Errorf("%+v became %+v (%v)", r, again, err)
				}
			}
		}
		if most := bytes.Count(text, []byte("\n")) + 1; lines > most {
			t.Errorf("%d results of %d lines", lines, most)
		}
	})
}
