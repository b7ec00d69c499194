package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
)

// waiting is a command that waits, when it does, and with which status one signal ends it.
type waiting struct {
	name   string
	start  func(t *testing.T, folder string) *exec.Cmd
	until  func(term *terminal, folder string)
	status int
}

// Every command that waits ends with the first Ctrl-C or SIGTERM, and leaves no file and no process.
func TestSignalEnds(t *testing.T) {
	t.Parallel()
	for _, w := range waitingCommands(t) {
		for how, send := range map[string]func(*terminal){
			"Ctrl-C":  func(term *terminal) { term.types("\x03") },
			"SIGTERM": func(term *terminal) { term.Process.Signal(syscall.SIGTERM) },
		} {
			t.Run(w.name+" "+how, func(t *testing.T) {
				t.Parallel()
				folder := temporary(t)
				command := w.start(t, folder)
				if command.Env == nil {
					command.Env = os.Environ()
				}
				command.Env = append(command.Env, "TMPDIR="+folder)
				term := atTerminal(t, command)
				w.until(term, folder)
				send(term)
				if status := term.end(); status.Signaled() || status.ExitStatus() != w.status {
					t.Errorf("it ends with %v, not %d: %s", status, w.status, term.shown.String())
				}
				leaves(t, folder)
			})
		}
	}
}

func waitingCommands(t *testing.T) (out []waiting) {
	deputy := func(args ...string) func(*testing.T, string) *exec.Cmd {
		return func(t *testing.T, _ string) *exec.Cmd { return exec.Command(deputyBinary(t), args...) }
	}
	says := func(text string) func(*terminal, string) {
		return func(term *terminal, _ string) { term.says(text) }
	}
	answers := func(term *terminal, _ string) {
		term.types(`{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n")
		term.says(`"result"`)
	}
	for _, engine := range engines {
		out = append(out,
			waiting{engine + " demo over stdio", deputy("demo", "--stdio", "--engine", engine), answers, 0},
			waiting{engine + " demo that serves", deputy("demo", "--serve", "--engine", engine), says("Stop with Ctrl-C"), 0},
			waiting{engine + " demo that tells", deputy("demo", "--engine", engine), says("1. Taylor"), 0},
			waiting{engine + " demo that waits", deputy("demo", "--engine", engine), says("Five seconds later"), 0},
		)
		s := stage(t, engine)
		in := func(env []string, args ...string) func(*testing.T, string) *exec.Cmd {
			return func(t *testing.T, folder string) *exec.Cmd {
				own := []string{"DEMO_LISTEN=" + serving.Address(t), "DEMO_AUDIT=" + filepath.Join(t.TempDir(), "audit.jsonl")}
				return process(t, s, append(own, env...), args...)
			}
		}
		agent := []string{"DEPUTY_AGENT_KEY=" + s.AgentKey, "DEPUTY_USER_TOKEN=" + s.Token(demo.Taylor)}
		ask := []string{
			"DEPUTY_SERVER=" + strings.TrimSuffix(s.URL, "/mcp"),
			"DEPUTY_USER_TOKEN=" + s.StewardToken(demo.Dana),
		}
		request, err := s.AskAgain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out,
			waiting{engine + " serve", in(nil, "serve"), says("policy_version"), 0},
			waiting{engine + " stdio", in(agent, "stdio"), answers, 0},
			waiting{engine + " requests", in(ask, "requests", "approve", request), says("[y/N]"), 1},
			waiting{engine + " audit that follows", func(t *testing.T, _ string) *exec.Cmd {
				return process(t, s, nil, "audit", "list", "--follow")
			}, says("request_access"), 0},
		)
	}
	starting := func(term *terminal, folder string) {
		term.wait("starts a PostgreSQL", func() bool {
			made, _ := filepath.Glob(filepath.Join(folder, "deputy-pg-*", "data"))
			return len(made) > 0
		})
	}
	return append(out,
		waiting{"demo that starts", deputy("demo", "--engine", config.Postgres), starting, 0},
		waiting{"login", func(t *testing.T, _ string) *exec.Cmd {
			return newMachine(t).command(t, "login", "--no-browser")
		}, says("Open the address"), 1},
		waiting{"login with a device", func(t *testing.T, _ string) *exec.Cmd {
			return newMachine(t).command(t, "login", "--device")
		}, says("code"), 1},
	)
}

// A server that lets running calls end is ended by a second signal.
func TestSecondSignalForces(t *testing.T) {
	s := stage(t, config.Postgres)
	log := filepath.Join(t.TempDir(), "audit.jsonl")
	address := serving.Address(t)
	term := atTerminal(t, process(t, s, []string{"DEMO_LISTEN=" + address, "DEMO_AUDIT=" + log}, "serve"))
	term.says("policy_version")
	url := "http://" + address + "/mcp"
	c, err := client.HTTP(t.Context(), url, s.TokenFor(demo.Taylor, url), "")
	if err != nil {
		t.Fatal(err)
	}
	go c.Query(
		t.Context(),
		map[string]any{"sql": "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"},
	)
	term.wait("has a call", func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), "generate_series")
	})
	for signaled := false; !signaled; time.Sleep(10 * time.Millisecond) {
		term.Process.Signal(syscall.SIGTERM)
		select {
		case <-term.ended:
			signaled = true
		default:
		}
	}
	if status := term.end(); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ends with %v: %s", status, term.shown.String())
	}
}
