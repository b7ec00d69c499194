package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
)

const configuration = `
server: {listen: "%[1]s"}
identity: {issuers: [{url: "%[2]s"}]}
agents: [{name: chat, client_ids: [chat]}]
platforms:
%[3]s
policies:
  - {name: everything, grant: [shop.*], to: "group:Everybody"}
limits: {max_rows: 1000, answer: 10000000}
audit: {file: audit.jsonl}
`

// server is a process of deputy serve, at its default limits but for answers, which are as large as memory allows.
type server struct {
	url     string
	process *exec.Cmd
	log     serving.Output
}

func postgresSection() string { return platform(cluster.DSN("deputy_runner", "postgres")) }

func platform(dsn string) string {
	return fmt.Sprintf(`  shop: {engine: postgres, dsn: "%s", schemas: [shop], signing_key: "%s"}`, dsn, signingKey)
}

// securedSection is the same platform behind TLS, on a cluster of its own, whose certificate is verified.
func securedSection(t *testing.T) string {
	t.Helper()
	authority, err := throwaway.NewAuthority("authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue("db.test", time.Now().Add(time.Hour), "db.test")
	if err != nil {
		t.Fatal(err)
	}
	address := serving.Address(t)
	secrecy := throwaway.Secrecy{Server: pair, Clients: authority, Access: "hostssl all all 127.0.0.1/32 trust\n"}
	c, err := throwaway.StartAt(t.Context(), address, secrecy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if err := fill(c); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(root, authority.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(address)
	return platform(fmt.Sprintf("host=db.test hostaddr=%s port=%s user=deputy_runner dbname=postgres "+
		"sslmode=verify-full sslrootcert=%s", host, port, root))
}

// serve starts the server with 512 MB as Go's memory limit.
func serve(t *testing.T, platforms string) *server {
	t.Helper()
	s := &server{}
	address := serving.Address(t)
	s.url = "http://" + address + "/mcp"
	file := filepath.Join(t.TempDir(), "deputy.yaml")
	text := fmt.Sprintf(configuration, address, authority.URL(), platforms)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.process = exec.Command(program, "serve", "--config", file)
	s.process.Env = append(os.Environ(), "GOMEMLIMIT=512MiB")
	s.process.Stderr = &s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	t.Cleanup(func() {
		s.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			s.process.Process.Kill()
			<-ended
		}
	})
	serving.Await(t, "http://"+address+"/readyz", ended)
	return s
}

var inStatus = map[string]*regexp.Regexp{
	"VmHWM": regexp.MustCompile(`VmHWM:\s+(\d+) kB`), "VmRSS": regexp.MustCompile(`VmRSS:\s+(\d+) kB`),
}

// memory is a figure of the process in MB, as the kernel has it.
func (s *server) memory(t *testing.T, figure string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := inStatus[figure].FindSubmatch(text)
	if found == nil {
		t.Fatalf("there is no %s in\n%s", figure, text)
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return kilobytes * 1024 / 1_000_000
}

// answer is what a caller got.
type answer struct {
	code  string // of the refusal; empty: rows
	says  string
	wire  int // bytes of the body
	took  time.Duration
	fault error
}

// caller is one user of the chat host.
type caller struct{ url, token string }

func (s *server) caller(name string) caller {
	return caller{s.url, authority.Token(issuer.Claims{
		Subject: name, ClientID: "chat", Audience: s.url, Groups: []string{"Everybody"}, Lifetime: time.Hour,
	})}
}

var clients = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}, Timeout: 2 * time.Minute}

func (c caller) query(sql string) (a answer) {
	began := time.Now()
	defer func() { a.took = time.Since(began) }()
	body, err := json.Marshal(
		map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{
			"name": "query", "arguments": map[string]any{"sql": sql},
		}},
	)
	if err != nil {
		return answer{fault: err}
	}
	request, err := http.NewRequest(http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return answer{fault: err}
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	response, err := clients.Do(request)
	if err != nil {
		return answer{fault: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{fault: err}
	}
	var told struct {
		Result struct {
			IsError           bool
			StructuredContent struct{ Code, Message string }
		}
		Error   any // of the protocol, or of HTTP
		Message string
	}
	a.wire = len(text)
	switch err := json.Unmarshal(text, &told); {
	case err != nil:
		a.fault = fmt.Errorf("%w: %.300s", err, text)
	case told.Error != nil:
		a.code, a.says = fmt.Sprint(told.Error), told.Message
	case told.Result.IsError:
		a.code, a.says = told.Result.StructuredContent.Code, told.Result.StructuredContent.Message
	}
	return a
}
