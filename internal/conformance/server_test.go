package conformance

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
)

// The question that every client asks, and what Taylor of Marketing is answered: lastname is masked for all but
// Privacy.
const (
	question  = "SELECT lastname, total FROM sales.orders ORDER BY id"
	data      = "CREATE TABLE orders (id integer, lastname text, total numeric(10,2)); INSERT INTO orders VALUES (1, 'Lindqvist', 89.00), (2, 'Okafor', 117.00);"
	secret    = "Lindqvist" // must not reach anybody here
	wantShown = `[["REDACTED","89.00"],["REDACTED","117.00"]]`
)

// deputy is the program itself, running as somebody deploys it, for one test.
type deputy struct {
	url         string // of the endpoint, and the audience of tokens
	config      string
	environment []string // of another process with the same configuration
	chatKey     string
	deskKey     string
	nightlyKey  string
	audit       string
}

// binary is built once; TestMain removes it.
var binary = sync.OnceValues(func() (string, error) {
	if err := lookAtSources(); err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "deputy")
	build := exec.Command("go", "build", "-o", path, "deputy/cmd/deputy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building deputy: %w: %s", err, out)
	}
	return path, nil
})

// lookAtSources lets go test know what the program is made of: it is no part of the test's own binary, so that a result
// from before the program changed would count.
func lookAtSources() error {
	return filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasSuffix(path, "_test.go") &&
			(filepath.Ext(path) == ".go" || entry.Name() == "go.mod") {
			_, err = os.Stat(path)
		}
		return err
	})
}

var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "deputy-conformance-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// serveAt starts deputy serve, which trusts the issuer, and ends it with the test.
func serveAt(t *testing.T, listen, issuerURL string) *deputy {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "deputy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, listen, issuerURL, string(text))
}

// serveWith is the same with another configuration.
func serveWith(t *testing.T, listen, issuerURL, configuration string) *deputy {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := &deputy{
		url:    "http://" + listen + "/mcp",
		config: filepath.Join(dir, "deputy.yaml"),
		audit:  filepath.Join(dir, "audit.jsonl"),
	}
	if err := os.WriteFile(d.config, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(dir, "shop.db")
	db, err := sqlite3.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(data); err != nil {
		t.Fatal(err)
	}
	var chatHash, deskHash, nightlyHash string
	d.chatKey, chatHash = identity.NewKey(rand.Reader)
	d.deskKey, deskHash = identity.NewKey(rand.Reader)
	d.nightlyKey, nightlyHash = identity.NewKey(rand.Reader)
	d.environment = []string{
		"DEPUTY_CONFIG=" + d.config, "LISTEN=" + listen, "ISSUER=" + issuerURL, "DATABASE=" + database,
		"CHAT_KEY_SHA256=" + chatHash, "DESK_KEY_SHA256=" + deskHash, "NIGHTLY_KEY_SHA256=" + nightlyHash, "AUDIT=" + d.audit,
	}
	server := exec.Command(program, "serve")
	server.Env = append(os.Environ(), d.environment...)
	var said bytes.Buffer
	server.Stderr = &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("deputy serve ended with %v: %s", err, said.String())
		}
	})
	until(t, func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatal("deputy serve did not stay: see below")
		default:
		}
		response, err := http.Get("http://" + listen + "/readyz")
		if err == nil {
			response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	})
	return d
}

// stdio are the variables of a deputy stdio that acts for the owner of the token.
func (d *deputy) stdio(t *testing.T, userToken string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(userToken), 0o600); err != nil {
		t.Fatal(err)
	}
	return append([]string{"DEPUTY_AGENT_KEY=" + d.chatKey, "DEPUTY_USER_TOKEN_FILE=" + file}, d.environment...)
}

// records is what the audit log says of how calls ended, in order.
func (d *deputy) records(t *testing.T) (out []audit.Record) {
	t.Helper()
	for e, err := range audit.Records(d.audit) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Phase != audit.Intent {
			out = append(out, e.Record)
		}
	}
	return out
}

// ownIssuer is the fake one of the other tests, for clients of which only the protocol is looked at.
func ownIssuer(t *testing.T, audience string) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Start(issuer.Config{Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

// stage is deputy and an issuer that it believes.
func stage(t *testing.T) (d *deputy, taylor string) {
	t.Helper()
	listen := serving.Address(t)
	i := ownIssuer(t, "http://"+listen+"/mcp")
	return serveAt(
			t,
			listen,
			i.URL(),
		), i.Token(
			issuer.Claims{Subject: "taylor", ClientID: "chat", Groups: []string{"Marketing"}},
		)
}

func until(t *testing.T, there func() bool) {
	t.Helper()
	for range 12_000 {
		if there() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("what was waited for never came")
}
