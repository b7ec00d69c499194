//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
)

// again starts the office's server once more.
func (o *office) again(t *testing.T) {
	t.Helper()
	server := o.command(t, "serve")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	o.stop = sync.OnceFunc(func() { server.Process.Signal(os.Interrupt); server.Wait() })
	t.Cleanup(o.stop)
	serving.Await(t, o.url+"/healthz", nil)
}

// chat is a human's own client.
func (o *office) chat(t *testing.T, who string) *client.Client {
	t.Helper()
	token := o.issuer.Token(issuer.Claims{Subject: who, ClientID: "chat", Audience: o.url + "/mcp"})
	c, err := client.HTTP(t.Context(), o.url+"/mcp", token, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sees is the last name as a human sees it.
func (o *office) sees(t *testing.T, who string) string {
	t.Helper()
	r, err := o.chat(t, who).Query(t.Context(), map[string]any{"sql": "SELECT lastname FROM orders"})
	if err != nil {
		return err.Error()
	}
	return r.Rows[0][0].(string)
}

// state are the files of the state.
func (o *office) state(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(o.folder, "deputy-state.db*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%v: %v", names, err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Approve two, copy, revoke one, restore the copy: nothing that was approved counts, until an administrator has
// accepted it and a steward has confirmed the one that was not revoked.
func TestRestoreIsAcceptedAtATerminal(t *testing.T) {
	o := newOffice(t)
	ids := map[string]string{}
	for _, who := range []string{"taylor", "kim"} {
		asked, err := o.chat(t, who).RequestAccess(t.Context(), map[string]any{"table": "sales.orders",
			"columns": []string{"lastname"}, "reason": "a mailing", "duration": "2h"})
		if err != nil {
			t.Fatal(err)
		}
		ids[who] = asked.ID
	}
	o.as(t, "dana", []string{"Data-Stewards"}, "approve")
	decides := func(verb, who string) {
		t.Helper()
		if _, errout, code := o.says(t, "", verb, ids[who], "--yes"); code != 0 {
			t.Fatalf("%s: %s", verb, errout)
		}
	}
	hold := func(want map[string]string) {
		t.Helper()
		for who, name := range want {
			if got := o.sees(t, who); got != name {
				t.Errorf("%s sees %s, not %s", who, got, name)
			}
		}
	}
	decides("approve", "taylor")
	decides("approve", "kim")
	hold(map[string]string{"taylor": "Okafor", "kim": "Okafor"})
	if out := o.run(t, "requests", "accept-restore"); !strings.Contains(out, "There is nothing to accept") {
		t.Errorf("nothing was restored: %s", out)
	}
	o.stop()
	copied := o.state(t)
	o.again(t)
	decides("revoke", "taylor")
	o.stop()
	for name, text := range copied {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.again(t)
	hold(map[string]string{"taylor": "HIDDEN", "kim": "HIDDEN"})
	_, errout, code := o.says(t, "", "list")
	if code != 1 || !strings.Contains(errout, "cannot be looked up or decided now") {
		t.Errorf("a steward is told %s", errout)
	}
	if _, text := serving.Get(t, o.url+"/readyz"); !strings.Contains(text, "deputy requests accept-restore") {
		t.Errorf("readyz says %s", text)
	}
	refused := o.command(t, "requests", "accept-restore")
	refused.Stdin = strings.NewReader("n\n")
	shown, err := refused.CombinedOutput()
	if err == nil || !strings.Contains(string(shown), "kim via chat would have to be confirmed:") ||
		!strings.Contains(string(shown), "nothing was changed") {
		t.Errorf("who says no is told %v, %s", err, shown)
	}
	out := o.run(t, "requests", "accept-restore", "--yes")
	for _, want := range []string{
		`Ended again, as the audit log says: 1\.`, ids["taylor"] + ` taylor via chat .*: revoked`,
		`held until a steward confirms it: 1\.`, `kim via chat has to be confirmed:`,
		`deputy requests confirm ` + ids["kim"],
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
	for range 300 {
		if _, text := serving.Get(t, o.url+"/readyz"); !strings.Contains(text, "accept-restore") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	hold(map[string]string{"taylor": "HIDDEN", "kim": "HIDDEN"})
	if out, _, _ := o.says(t, "", "list", "--status", "approved"); !strings.Contains(out, "approved, to be confirmed") {
		t.Errorf("the steward's list is %s", out)
	}
	decides("confirm", "kim")
	hold(map[string]string{"taylor": "HIDDEN", "kim": "Okafor"})
	_, errout, code = o.says(t, "", "confirm", ids["taylor"], "--yes")
	if code != 1 || !strings.Contains(errout, "confirmed") {
		t.Errorf("what was revoked is confirmed: %d %s", code, errout)
	}
	listed := o.run(t, "audit", "list")
	for _, want := range []string{"accept_restore", "confirm_request"} {
		if !strings.Contains(listed, want) {
			t.Errorf("%s is not on the record:\n%s", want, listed)
		}
	}
}
