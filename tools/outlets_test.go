package tools_test

import (
	"database/sql"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/notify"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/tools"
	"deputy/tools/desk"
)

var updateOutlets = flag.Bool("update-outlets", false, "write testdata/outlets.golden")

// counting is randomness that is the same in every run.
type counting struct {
	mu sync.Mutex
	n  byte
}

func (c *counting) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

// The JSON in which requests leave Deputy is what others have written programs for: hosts, stewards, receivers of
// webhooks, readers of the audit log, and the rows of older versions. The file was written by the version before each
// of them embedded one shape.
func TestOutletsKeepTheirJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	o := newOffice(t, func(c *tools.Config) {
		c.Random = &counting{}
		c.Version = "0123456789abcdef"
	})
	kept, err := store.Open(t.Context(), store.Config{File: file, Now: func() time.Time { return o.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	o.state.Store = kept

	var told []string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told = append(told, string(body))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	template := `{"id":{{json .Data.ID}},"status":{{json .Data.Status}},"user":{{json .Data.User}},"name":{{json .Data.Name}},` +
		`"agent":{{json .Data.Agent}},"platform":{{json .Data.Platform}},"table":{{json .Data.Table}},"columns":{{json .Data.Columns}},` +
		`"reason":{{json .Data.Reason}},"duration":{{json .Data.Duration}},"expires":{{json .Data.ExpiresAt}},"by":{{json .Data.DecidedBy}},` +
		`"note":{{json .Data.Note}},"link":{{json .Data.Link}},"text":{{json .Text}},"type":{{json .Type}},"plain":"{{.Data.ID}} {{.Data.Status}} {{.Data.User}}"}`
	var senders []*notify.Sender
	for _, body := range []string{"json", "slack", template} {
		sender, err := notify.New(notify.Config{
			Receivers: []notify.Receiver{{
				Name: body[:4], URL: receiver.URL, Body: body, Secret: "whsec_c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gc2lnbg==",
			}},
			Outbox: kept.Outbox(), PublicURL: "https://deputy.example.com", Server: "one",
			Now: func() time.Time { return o.now }, Log: zerolog.Nop(),
		})
		if err == nil {
			err = sender.Introduce(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		senders = append(senders, sender)
	}

	var out strings.Builder
	say := func(outlet string, v any, err error) {
		t.Helper()
		if err != nil {
			v = "refused"
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(outlet + " " + string(text) + "\n")
	}
	taylor := seller()
	taylor.Principal.User.Name, taylor.Principal.User.Email = "Taylor", "taylor@example.com"
	taylor.Principal.User.Attributes = map[string][]string{"region": {"EU"}}
	taylor.Principal.Agent.Owner = "olga"
	steward := func(name string, groups ...string) tools.Steward {
		return tools.Steward{Client: "192.0.2.9", User: identity.User{
			Identity: identity.Identity{Kind: identity.KindUser, ID: name, Groups: groups},
			Issuer:   "https://issuer.test", Subject: "sub-" + name, Name: "Sam <s>", Email: name + "@example.com",
		}}
	}
	sam, ctx := steward("sam", "Stewards"), t.Context()
	ask := func(call tools.Call, args tools.RequestArgs) string {
		a, err := o.RequestAccess(ctx, call, args)
		say("host", a, err)
		if err != nil {
			return ""
		}
		return a.ID
	}
	look := func(ids ...string) {
		for _, id := range ids {
			v, err := o.desk.Show(ctx, sam, id)
			say("steward", v, err)
		}
		all, err := o.desk.Concerning(ctx, sam, requests.Filter{})
		say("stewards", all, err)
	}
	rule := func(id string, r desk.Ruling) {
		v, err := o.desk.Rule(ctx, sam, id, r)
		say("ruled", v, err)
		o.now = o.now.Add(time.Minute)
	}

	names := ask(
		taylor,
		tools.RequestArgs{
			Table:    "orders",
			Columns:  []string{"lastname", "email"},
			Reason:   "the <b> & mailing",
			Duration: "30d",
		},
	)
	pay := ask(taylor, tools.RequestArgs{Table: "payroll", Reason: "wages"})
	ledger := ask(
		taylor,
		tools.RequestArgs{Table: "ledger", Reason: "books", Duration: "PT90M", Answers: map[string]string{"ticket": "T-1"}},
	)
	ask(taylor, tools.RequestArgs{Table: "ledger", Reason: "books"})
	board := ask(taylor, tools.RequestArgs{Table: "board", Reason: "the board"})
	events := ask(taylor, tools.RequestArgs{Table: "events", Reason: "events", Duration: "4h"})
	own := ask(alone("robot", true), tools.RequestArgs{Table: "payroll", Reason: "its own"})
	look(names, pay, ledger, board, events, own)
	ask(taylor, tools.RequestArgs{})
	o.now = o.now.Add(time.Hour)
	rule(names, desk.Ruling{Verdict: requests.VerdictApprove, Note: "for the mailing", For: 24 * time.Hour})
	rule(pay, desk.Ruling{Verdict: requests.VerdictDeny, Note: "no"})
	rule(own, desk.Ruling{Verdict: requests.VerdictApprove})
	rule(own, desk.Ruling{Verdict: requests.VerdictRevoke, Note: "enough"})
	rule(own, desk.Ruling{Verdict: requests.VerdictDeny})
	ask(taylor, tools.RequestArgs{RequestID: ledger, Cancel: true})
	for _, id := range []string{names, pay, ledger, board, events} {
		ask(taylor, tools.RequestArgs{RequestID: id})
	}
	look(names, pay, ledger, own)
	o.query(taylor, "SELECT lastname FROM orders")
	o.now = o.now.Add(15 * 24 * time.Hour)
	ask(taylor, tools.RequestArgs{RequestID: names})
	look(names)
	expired := func(e store.Event) error { return o.Expired(ctx, e.Request, e.ID, e.Time) }
	if err := kept.Sweep(ctx, o.now, time.Hour, expired); err != nil {
		t.Fatal(err)
	}

	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(
		`SELECT id, asker, subject, platform, table_schema, table_name, status, version, created, ends, denied, body FROM requests ORDER BY id`,
	)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		columns := make([]any, 12)
		to := make([]any, 12)
		for i := range to {
			to[i] = &columns[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		say("stored", columns, nil)
	}

	for _, sender := range senders {
		sender.Send(ctx)
	}
	for _, body := range told {
		say("webhook", json.RawMessage(body), nil)
	}
	o.log.mu.Lock()
	for _, r := range o.log.records {
		say(
			"audit",
			map[string]any{"tool": r.Tool, "phase": r.Phase, "agent": r.Agent, "user": r.User, "request": r.Request},
			nil,
		)
	}
	o.log.mu.Unlock()

	golden := filepath.Join("testdata", "outlets.golden")
	if *updateOutlets {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(out.String(), "\n"), strings.Split(string(want), "\n")
	if len(got) != len(wanted) {
		t.Fatalf("%d lines, not %d", len(got), len(wanted))
	}
	for i := range got {
		if canonical(t, got[i]) != canonical(t, wanted[i]) {
			t.Errorf("line %d is\n%s\nnot\n%s", i+1, got[i], wanted[i])
		}
	}
}

// canonical writes the JSON behind the first word of a line with its keys in order. What is stored stays as it is: one
// request has one text.
func canonical(t *testing.T, line string) string {
	t.Helper()
	outlet, text, _ := strings.Cut(line, " ")
	if text == "" || outlet == "stored" {
		return line
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return outlet + " " + string(again)
}
