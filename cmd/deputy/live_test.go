package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
)

// The processes an administrator starts, and the file that stands in the editor. What a change means is tested beside
// assembly.Live.

const whoSeesNames, taylorToo = "except: group:Privacy", "except: [group:Privacy, group:Marketing]"

// rewrite exchanges something in the stage's configuration, in place or by renaming.
func rewrite(t *testing.T, s *demo.Stage, rename bool, old, with string) {
	t.Helper()
	text, err := os.ReadFile(s.ConfigFile)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("the configuration does not say %q (%v)", old, err)
	}
	path := s.ConfigFile
	if rename {
		path += ".new"
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, with, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if rename {
		if err := os.Rename(path, s.ConfigFile); err != nil {
			t.Fatal(err)
		}
	}
}

func firstName(t *testing.T, c *client.Client) string {
	t.Helper()
	r, err := c.Query(t.Context(), map[string]any{"sql": "SELECT lastname FROM customer_orders ORDER BY lastname"})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Rows[0][0])
}

func TestServeAndStdioFollowTheFile(t *testing.T) {
	for _, engine := range engines {
		for _, transport := range []string{"serve", "stdio"} {
			t.Run(engine+" "+transport, func(t *testing.T) {
				s := stage(t, engine)
				c, process, log := live(t, s, transport)
				for _, rename := range []bool{false, true} {
					if got := firstName(t, c); got != "REDACTED" {
						t.Errorf("at first Taylor sees %s", got)
					}
					rewrite(t, s, rename, whoSeesNames, taylorToo)
					if got := firstName(t, c); got != demo.Names[0] {
						t.Errorf("with the next call Taylor sees %s", got)
					}
					rewrite(t, s, rename, taylorToo, "exept: group:Privacy")
					if got := firstName(t, c); got != demo.Names[0] {
						t.Errorf("with a bad file Taylor sees %s", got)
					}
					said(t, log, `unknown key \"exept\"`)
					rewrite(t, s, rename, "exept: group:Privacy", whoSeesNames)
				}
				if got := firstName(t, c); got != "REDACTED" {
					t.Errorf("at last Taylor sees %s", got)
				}

				// SIGHUP, without a call: once with a good file, once with none.
				log.Reset()
				rewrite(t, s, true, whoSeesNames, taylorToo)
				process.Signal(syscall.SIGHUP)
				said(t, log, "told to reload the configuration")
				said(t, log, "the configuration is reloaded")
				if err := os.Rename(s.ConfigFile, s.ConfigFile+".away"); err != nil {
					t.Fatal(err)
				}
				process.Signal(syscall.SIGHUP)
				said(t, log, "no such file or directory")
				if got := firstName(t, c); got != demo.Names[0] {
					t.Errorf("without a file Taylor sees %s", got)
				}
			})
		}
	}
}

// live starts a server of its own process over the stage's file, and a client of it that is Taylor's.
func live(t *testing.T, s *demo.Stage, transport string) (*client.Client, *os.Process, *serving.Output) {
	t.Helper()
	log := &serving.Output{}
	address := serving.Address(t)
	environment := []string{
		"DEMO_AUDIT=" + filepath.Join(t.TempDir(), "audit.jsonl"),
		"DEPUTY_AGENT_KEY=" + s.AgentKey,
		"DEPUTY_USER_TOKEN=" + s.Token(demo.Taylor),
	}
	args := []string{"stdio"}
	if transport == "serve" {
		args = []string{"serve"}
		environment = append(environment, "DEMO_LISTEN="+address)
	}
	command := process(t, s, environment, args...)
	command.Stderr = log
	if transport == "stdio" {
		return speak(t, command), command.Process, log
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("deputy serve ended with %v: %s", err, log)
		}
	})
	url := "http://" + address + "/mcp"
	return awaited(t, url, s.AgentKey, s.TokenFor(demo.Taylor, url)), command.Process, log
}

// said waits until the log says something.
func said(t *testing.T, log *serving.Output, text string) {
	t.Helper()
	for range 12_000 {
		if strings.Contains(log.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the log never says %q: %s", text, log)
}

// Over the front door: a guardrail that a purpose opens, a mask that it lifts together with a group, on both
// transports.
func TestAPurposeIsDeclaredThroughTheFrontDoor(t *testing.T) {
	for _, engine := range engines {
		for _, transport := range []string{"serve", "stdio"} {
			t.Run(engine+" "+transport, func(t *testing.T) {
				s := stage(t, engine)
				rewrite(t, s, true, "policies:\n", `purposes:
  fraud-investigation: looking into a payment that was reported
  support: answering a customer
policies:
  - name: regions are for fraud investigations
    guardrail: [sales.regions]
    require: purpose:fraud-investigation
`)
				rewrite(t, s, true, whoSeesNames, "except: [group:Privacy, {all: [group:Marketing, purpose:support]}]")
				c, _, _ := live(t, s, transport)
				for _, tt := range []struct{ sql, purpose, says string }{
					{"SELECT min(warehouse) FROM regions", "fraud-investigation", "Newark"},
					{"SELECT min(warehouse) FROM regions", "support", "not_permitted"},
					{"SELECT min(warehouse) FROM regions", "", "not_permitted"},
					{"SELECT min(lastname) FROM customer_orders", "support", demo.Names[0]},
					{"SELECT min(lastname) FROM customer_orders", "fraud-investigation", "REDACTED"},
					{"SELECT min(lastname) FROM customer_orders", "", "REDACTED"},
					{"SELECT min(lastname) FROM customer_orders", "made-up", "invalid_argument"},
				} {
					args := map[string]any{"sql": tt.sql}
					if tt.purpose != "" {
						args["purpose"] = tt.purpose
					}
					r, err := c.Query(t.Context(), args)
					if got := fmt.Sprint(r.Rows, err); !strings.Contains(got, tt.says) {
						t.Errorf("%s for %q gives %s", tt.sql, tt.purpose, got)
					}
				}
			})
		}
	}
}
