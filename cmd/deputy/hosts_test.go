package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
)

// hostServer is a server as hosts have it in their files: a command that they start, or an address.
type hostServer struct {
	Type    string
	Command string
	Args    []string
	Env     map[string]string
	URL     string
	Auth    *struct {
		ClientID string `json:"CLIENT_ID"`
		Scopes   []string
	}
}

// hostServers are the servers in a host's file. A key that the host does not know is an error.
func hostServers(t *testing.T, path string) map[string]hostServer {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Servers    map[string]hostServer // VS Code
		MCPServers map[string]hostServer `json:"mcpServers"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if file.Servers == nil {
		return file.MCPServers
	}
	return file.Servers
}

// Every file that a host is given starts as it stands, and has nothing in it that opens a database or speaks for an
// agent.
func TestHostFilesStart(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "hosts", "*.json"))
	if err != nil || len(files) < 2 {
		t.Fatalf("there are %v %v", files, err)
	}
	for _, path := range append(files, filepath.Join("..", "..", "examples", "claude-desktop.json")) {
		servers := hostServers(t, path)
		if len(servers) == 0 {
			t.Errorf("%s has no server", path)
		}
		for name, server := range servers {
			t.Run(filepath.Base(path)+" "+name, func(t *testing.T) {
				configured := func(arg string) bool { return strings.HasPrefix(arg, "--config") }
				if len(server.Env) > 0 || slices.ContainsFunc(server.Args, configured) {
					t.Errorf("it hands a laptop a configuration or secrets: %+v", server)
				}
				if server.Command != "" {
					startsAsItStands(t, server)
				} else {
					isAnswered(t, server.URL)
				}
			})
		}
	}
}

// startsAsItStands starts a server as a host does: in an empty folder, with no more than the PATH.
func startsAsItStands(t *testing.T, server hostServer) {
	t.Helper()
	if server.Command != "deputy" || server.URL != "" {
		t.Fatalf("the host starts %+v", server)
	}
	folder := t.TempDir()
	process := exec.Command(deputyBinary(t), server.Args...)
	process.Dir, process.Env = folder, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + folder}
	t.Cleanup(func() { // after the process has ended
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("it leaves %v %v", left, err)
		}
	})
	c := speak(t, process)
	names, err := c.Tools(t.Context())
	if err != nil || !slices.Contains(names, "query") || !slices.Contains(names, "describe_table") {
		t.Errorf("the tools are %v (%v)", names, err)
	}
	answer, err := c.Query(t.Context(), map[string]any{"sql": demo.RecentOrders})
	if err != nil || !reflect.DeepEqual(answer.Rows, seenByTaylor) {
		t.Errorf("Taylor sees %v (%v)", answer, err)
	}
}

// isAnswered has a server with the public URL of the example answer at the address, and name it to those who sign in.
func isAnswered(t *testing.T, address string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" {
		t.Fatalf("the host asks %s: %v", address, err)
	}
	s := stage(t, config.SQLite)
	rewrite(t, s, true, "listen: ${DEMO_LISTEN}", "listen: ${DEMO_LISTEN}\n  public_url: https://"+at.Host)
	listen := serving.Address(t)
	own := []string{"DEMO_LISTEN=" + listen, "DEMO_AUDIT=" + filepath.Join(t.TempDir(), "audit.jsonl")}
	server := process(t, s, own, "serve")
	var log serving.Output
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
	})
	said(t, &log, `"`+address+`"`) // as the endpoint that it serves
	ping := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	response, err := http.Post("http://"+listen+at.Path, "application/json", ping)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	metadata := "https://" + at.Host + "/.well-known/oauth-protected-resource" + at.Path
	challenge := response.Header.Get("WWW-Authenticate")
	if response.StatusCode != http.StatusUnauthorized || !strings.Contains(challenge, metadata) {
		t.Errorf("a host without a token is told %d %s", response.StatusCode, challenge)
	}
	response, err = http.Get("http://" + listen + strings.TrimPrefix(metadata, "https://"+at.Host))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var resource struct{ Resource string }
	if err := json.NewDecoder(response.Body).Decode(&resource); err != nil || resource.Resource != address {
		t.Errorf("the resource is %q (%v), and the host asks %s", resource.Resource, err, address)
	}
}
