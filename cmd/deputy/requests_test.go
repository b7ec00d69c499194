//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
	"deputy/tools/desk"
)

// office is a desk whose deputy serves, and people who sign in at it elsewhere, each with a folder of their own.
type office struct {
	*machine
	url  string
	away *machine
	stop func()
}

func newOffice(t *testing.T) *office {
	t.Helper()
	d := newMachine(t)
	config, err := os.ReadFile(filepath.Join(d.folder, "deputy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(
		string(config),
		"agents: [{name: desktop,",
		"agents: [{name: chat, client_ids: [chat]}, {name: desktop,",
		1,
	) + `
tags: {PII: [sales.orders.lastname]}
requests: {rules: [{name: stewards decide, about: [tag:PII], approvers: [group:Data-Stewards], at_most: 8h}]}
`
	text = strings.Replace(
		text,
		"to: everyone}]",
		"to: everyone}, {name: names are hidden, mask: [tag:PII], with: {constant: HIDDEN}, except: group:Privacy}]",
		1,
	)
	if err := os.WriteFile(filepath.Join(d.folder, "deputy.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := d.command(t, "serve")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	o := &office{
		machine: d,
		url:     "http://" + d.listen,
		stop:    sync.OnceFunc(func() { server.Process.Signal(os.Interrupt); server.Wait() }),
	}
	t.Cleanup(o.stop)
	serving.Await(t, o.url+"/healthz", nil)
	home := t.TempDir()
	o.away = &machine{issuer: d.issuer, folder: home, env: append(d.env, "XDG_CONFIG_HOME="+home, "DEPUTY_SERVER="+o.url)}
	return o
}

// as is a human who signs in for deciding, or with other scopes.
func (o *office) as(t *testing.T, who string, groups []string, scopes ...string) {
	t.Helper()
	o.issuer.SignIn(
		&issuer.Claims{Subject: who, Groups: groups, Extra: map[string]any{"scope": strings.Join(scopes, " ")}},
	)
	args := []string{"login", "--server", o.url}
	for _, scope := range scopes {
		args = append(args, "--scope", scope)
	}
	o.away.run(t, args...)
}

// asks lets Taylor ask through a chat to see last names.
func (o *office) asks(t *testing.T, reason string) string {
	t.Helper()
	c, err := client.HTTP(
		t.Context(),
		o.url+"/mcp",
		o.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "chat", Audience: o.url + "/mcp"}),
		"",
	)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	asked, err := c.RequestAccess(
		t.Context(),
		map[string]any{"table": "sales.orders", "columns": []string{"lastname"}, "reason": reason, "duration": "2h"},
	)
	if err != nil {
		t.Fatal(err)
	}
	return asked.ID
}

// says runs a command of somebody who types something, and returns both of its outputs and its exit code.
func (o *office) says(t *testing.T, input string, args ...string) (out, errout string, code int) {
	t.Helper()
	c := o.away.command(t, append([]string{"requests"}, args...)...)
	var shown, told strings.Builder
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &shown, &told
	var ended *exec.ExitError
	if err := c.Run(); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if both := shown.String() + told.String(); tokenLike.MatchString(both) || strings.ContainsAny(both, "\x1b\u202e") {
		t.Errorf("deputy requests %s shows what it must not: %q", strings.Join(args, " "), both)
	}
	return shown.String(), told.String(), code
}

func TestAStewardDecidesAtATerminal(t *testing.T) {
	o := newOffice(t)
	id := o.asks(t, `the "mailing"`)
	o.as(t, "dana", []string{"Data-Stewards"}, "approve")

	out, _, code := o.says(t, "", "list")
	if code != 0 ||
		!regexp.MustCompile(`(?m)^20\S+ +taylor via chat +sales.orders \(lastname in the clear\) +2h +pending +yes +`+id+`$`).
			MatchString(out) {
		t.Errorf("the list, ended with %d, is\n%s", code, out)
	}
	out, _, _ = o.says(t, "", "show", id)
	for _, want := range []string{"Request " + id + ": pending", "taylor", "nobody has verified it", `"the \"mailing\""`, "rows      1", "lastname  text  PII   masked  clear  names are hidden", "somebody of the group Data-Stewards", "deputy requests approve " + id} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out, errout, code := o.says(t, "n\n", "approve", id); code != 1 || out != "" ||
		!strings.Contains(errout, "Request "+id) ||
		!strings.Contains(errout, "Approve it? [y/N]") ||
		!strings.HasSuffix(errout, "deputy: nothing was decided\n") {
		t.Errorf("who says no decides nothing: %d %s %s", code, out, errout)
	}
	if _, _, code := o.says(t, "", "approve", id); code != 1 { // nobody is at the keyboard
		t.Errorf("silence is no consent: %d", code)
	}
	if out, errout, code := o.says(t, "yes\n", "approve", id, "--for", "3h"); code != 1 ||
		!strings.Contains(errout, "longer than the rules allow") {
		t.Errorf("longer than asked for: %d %s %s", code, out, errout)
	}
	if _, errout, code := o.says(t, "", "approve", id, "--for", "soon", "--yes"); code != 2 ||
		!strings.Contains(errout, "--for is") {
		t.Errorf("no length of time: %d %s", code, errout)
	}
	if _, errout, code := o.says(t, "", "approve", id, "--yes", "--note", "a\x1b[2Jb"); code != 1 ||
		!strings.Contains(errout, "the note cannot be read") {
		t.Errorf("a note that a terminal would obey: %d %s", code, errout)
	}
	if out, _, code := o.says(t, "y\n", "approve", id, "--for", "1h", "--note", "one hour will do"); code != 0 ||
		!regexp.MustCompile(`^Request `+id+` is approved, until 20\S+Z\. Audit id [0-9a-z]{26}\.\n$`).MatchString(out) {
		t.Errorf("approved: %d %s", code, out)
	}
	if _, errout, code := o.says(t, "", "approve", id, "--yes"); code != 1 ||
		!strings.Contains(errout, "the request is not open any more") {
		t.Errorf("approved twice: %d %s", code, errout)
	}
	if out, _, _ := o.says(t, "", "list"); out != "There is no such request for you.\n" {
		t.Errorf("nothing waits: %s", out)
	}
	if out, _, code := o.says(t, "", "revoke", id, "--yes", "--json"); code != 0 {
		t.Errorf("revoked: %d %s", code, out)
	} else {
		var v desk.View
		if err := json.Unmarshal([]byte(out), &v); err != nil || v.Status != "revoked" || v.ID != id || v.AuditID == "" {
			t.Errorf("as JSON it is %s", out)
		}
	}
	second := o.asks(t, "another mailing")
	if out, _, _ := o.says(t, "", "show", second); !regexp.MustCompile(`revoked +sales.orders +lastname +"the \\"mailing`).
		MatchString(out) {
		t.Errorf("what they asked for before is not in\n%s", out)
	}
	if out, _, code := o.says(t, "", "deny", second, "--yes", "--note", "once is enough"); code != 0 ||
		!strings.HasPrefix(out, "Request "+second+" is denied") {
		t.Errorf("denied: %d %s", code, out)
	}
	var list struct{ Requests []desk.View }
	if out, _, _ := o.says(t, "", "list", "--all", "--json"); json.Unmarshal([]byte(out), &list) != nil ||
		len(list.Requests) != 2 {
		t.Errorf("all of them are %s", out)
	}
}

func TestWhoMayNotDecideAtATerminalIsToldWhatToDo(t *testing.T) {
	o := newOffice(t)
	id := o.asks(t, "the mailing")
	for _, tt := range []struct {
		name  string
		in    func()
		args  []string
		code  int
		wants string
	}{
		{"not signed in", func() {}, []string{"list"}, 1, "deputy: nobody is signed in at this server: run \"deputy login --server " + o.url + " --scope approve\""},
		{"signed in for something else", func() { o.as(t, "dana", []string{"Data-Stewards"}, "query") }, []string{"list"}, 1, "the sign-in is not for deciding: run deputy login --server " + o.url + " --scope approve"},
		{"no steward", func() { o.as(t, "sam", nil, "approve") }, []string{"approve", id, "--yes"}, 1, "there is no such request that you have to do with"},
		{"whoever asked", func() { o.as(t, "taylor", []string{"Data-Stewards"}, "approve") }, []string{"approve", id, "--yes"}, 1, "nobody decides on their own request"},
		{"no request of that id", func() {}, []string{"show", "req_../../mcp"}, 1, "there is no such request that you have to do with"},
		{"no server", func() {}, []string{"list", "--server", "http://elsewhere.example.com"}, 2, "not the URL of a server"},
		{"a server that is none", func() {}, []string{"list", "--server", o.issuer.URL()}, 1, "deputy login --server " + o.issuer.URL()},
		{"no status", func() {}, []string{"list", "--status", "open"}, 1, "status is one of pending, approved"},
	} {
		tt.in()
		if _, errout, code := o.says(t, "", tt.args...); code != tt.code || !strings.Contains(errout, tt.wants) {
			t.Errorf("%s: it ends with %d, and says %s", tt.name, code, errout)
		}
	}
	o.as(t, "dana", []string{"Data-Stewards"}, "approve")
	c := o.away.command(t, "__complete", "requests", "approve", "")
	if out, err := c.Output(); err != nil || !strings.HasPrefix(string(out), fmt.Sprintf("%s\tsales.orders\n", id)) {
		t.Errorf("the shell completes %s (%v)", out, err)
	}
}

// A server that is not ours may answer anything: nothing of it is obeyed by a terminal.
func TestWhatAServerSaysIsNotObeyedByTheTerminal(t *testing.T) {
	o := newOffice(t)
	o.as(t, "dana", []string{"Data-Stewards"}, "approve")
	const hostile = "\u202e\u009b2J\u0085x"
	other := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/revoke") {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, `{"error":"settled","message":"%s"}`, hostile)
			return
		}
		fmt.Fprintf(
			w,
			`{"request_id":"%[1]s","status":"pending","agent":"%[1]s","table":"%[1]s","reason":"%[1]s","why_not":"%[1]s","requests":[{"request_id":"%[1]s","table":"%[1]s"}],"decisions":[{"note":"%[1]s"}],"approvers":["%[1]s"]}`,
			hostile,
		)
	}))
	o.stop()
	listener, err := net.Listen("tcp", o.listen) // in the place of the one that she signed in at
	if err != nil {
		t.Fatal(err)
	}
	other.Listener.Close()
	other.Listener = listener
	other.Start()
	t.Cleanup(other.Close)
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"show", "x"}, {"show", "x", "--json"}, {"deny", "x", "--yes"}, {"revoke", "x", "--yes"}} {
		out, errout, code := o.says(t, "", args...)
		if (code != 0) != (args[0] == "revoke") || strings.ContainsAny(out+errout, "\u202e\u009b\u0085") ||
			!strings.Contains(out+errout, "x") {
			t.Errorf("%q ends with %d and shows %q %q", args, code, out, errout)
		}
	}
}
