package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp/client"
)

// limit is what a call may take: limits.timeout for its statement, and five seconds for everything around that.
const limit = 5*time.Second + 5*time.Second

// company is a deputy serve over its databases: shop, which faults come over, app and lake, which must go on, and the
// state of its requests.
type company struct {
	t                *testing.T
	dir              string
	address          string
	shop, app, state *throwaway.Cluster
	line             *relay // between the server and shop
	text             string // of the configuration
	log              serving.Output
	server           *exec.Cmd
	ended            chan error
	ending           []func() // what ends with the company
	lost             bool     // it is not good again after a fault
}

const configuration = `server: {listen: "ADDRESS", public_url: "http://ADDRESS"}
identity:
  issuers:
    - {name: corp, url: "ISSUER", audience: "http://ADDRESS/mcp"}
agents:
  - {name: assistant, client_ids: [chat]}
  - {name: sweeper, client_ids: [broom]}
platforms:
  shop: {engine: postgres, dsn: "SHOP", schemas: [s], signing_key: "0123456789012345678901234567890123456789"}
  app: {engine: postgres, dsn: "APP", schemas: [s], signing_key: "9876543210987654321098765432109876543210"}
  lake: {engine: sqlite, path: lake/lake.db, schema: s, hash_key: "0123456789012345678901234567890123456789"}
limits: {timeout: 5s}
requests:
  state: {dsn: "STATE"}
  rules:
    - {name: notes in the clear, about: [s.*, s.*.*], approvers: group:Stewards}
audit: {file: audit/audit.jsonl}
policies:
  - {name: staff, grant: [s.*], to: group:Staff}
  - {name: names, mask: [s.orders.name], with: {constant: REDACTED}}
  - {name: own region, filter: [s.orders], where: region = 'EU'}
`

const tables = `CREATE TABLE %[1]s.orders(id int, region text, name text);
	INSERT INTO %[1]s.orders VALUES (1, 'EU', 'Okafor'), (2, 'EU', 'Lindqvist'), (3, 'US', 'Smith');
	CREATE TABLE %[1]s.notes(id int, note text); INSERT INTO %[1]s.notes VALUES (1, 'a');
	CREATE TABLE %[1]s.ledger(id int, amount int); INSERT INTO %[1]s.ledger VALUES (1, 10);`

// found makes the company and starts its server.
func found(t *testing.T) *company {
	t.Helper()
	c := &company{t: t, dir: filepath.Join(scratch, "company"), address: serving.Address(t)}
	var err error
	c.shop, c.app, c.state, err = clusters(context.Background())
	if err == nil {
		c.line, err = startRelay(c.shop.Socket())
	}
	err = errors.Join(err, os.MkdirAll(filepath.Join(c.dir, "audit"), 0o700),
		os.MkdirAll(filepath.Join(c.dir, "lake"), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range []*throwaway.Cluster{c.shop, c.app} {
		if err := cluster.Exec(throwaway.Superuser, "postgres",
			"CREATE SCHEMA s; "+fmt.Sprintf(tables, "s")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.state.Exec(throwaway.Superuser, "postgres", "CREATE DATABASE desk"); err != nil {
		t.Fatal(err)
	}
	c.lake("PRAGMA journal_mode = wal; " + fmt.Sprintf(tables, "main"))
	c.text = strings.NewReplacer("ADDRESS", c.address, "ISSUER", authority.URL(),
		"SHOP", "host=127.0.0.1 port="+c.line.port()+" user=deputy_runner dbname=postgres sslmode=disable",
		"APP", c.app.DSN("deputy_runner", "postgres"),
		"STATE", c.state.DSN(throwaway.Superuser, "desk")).Replace(configuration)
	c.write(c.text)
	for platform, cluster := range map[string]*throwaway.Cluster{"shop": c.shop, "app": c.app} {
		c.deputy(cluster.DSN(throwaway.Superuser, "postgres"), "bootstrap", "postgres", "--platform", platform)
	}
	c.deputy("", "migrate")
	c.serve()
	return c
}

// lake runs SQL on the SQLite file, as the application does that owns it.
func (c *company) lake(script string) {
	c.t.Helper()
	db, err := sqlite3.Open(c.file())
	if err == nil {
		err = errors.Join(db.Exec("PRAGMA busy_timeout = 10000; "+script), db.Close())
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) write(text string) {
	c.t.Helper()
	path := filepath.Join(c.dir, "deputy.yaml")
	if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
		c.t.Fatal(err)
	}
}

// deputy runs one of its commands, and returns what it says.
func (c *company) deputy(admin string, args ...string) string {
	c.t.Helper()
	command := exec.Command(program, args...)
	command.Dir, command.Env = c.dir, append(os.Environ(), "DEPUTY_CONFIG=deputy.yaml", "DEPUTY_ADMIN_DSN="+admin)
	out, err := command.CombinedOutput()
	if err != nil {
		c.t.Errorf("deputy %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// serve starts the server with a small heap, and returns when it is ready.
func (c *company) serve() {
	c.t.Helper()
	c.server = exec.Command(program, "serve")
	c.server.Dir, c.server.Stderr = c.dir, &c.log
	c.server.Env = append(os.Environ(), "DEPUTY_CONFIG=deputy.yaml", "GOMEMLIMIT=512MiB")
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.ended = make(chan error, 1)
	go func(server *exec.Cmd, ended chan error) { ended <- server.Wait() }(c.server, c.ended)
	defer func() {
		if c.t.Failed() {
			c.t.Log(tail(c.log.String()))
		}
	}()
	serving.Await(c.t, "http://"+c.address+"/readyz", c.ended)
}

// stop asks the server to end, and returns how it did.
func (c *company) stop(how syscall.Signal) error {
	c.server.Process.Signal(how)
	select {
	case err := <-c.ended:
		return err
	case <-time.After(2 * time.Minute):
		c.server.Process.Kill()
		<-c.ended
		return errors.New("it did not end within two minutes")
	}
}

func (c *company) close() {
	c.stop(syscall.SIGTERM)
	for _, end := range c.ending {
		end()
	}
	c.line.close()
	for _, cluster := range []*throwaway.Cluster{c.shop, c.app, c.state} {
		cluster.Stop()
	}
}

// connect is a client of a person who acts through an agent.
func (c *company) connect(ctx context.Context, user, agent string) (*client.Client, error) {
	url := "http://" + c.address + "/mcp"
	token := authority.Token(issuer.Claims{Subject: user, ClientID: agent, Groups: []string{"Staff"}, Audience: url})
	return client.HTTP(ctx, url, token, "")
}

// posts is one call without a session, by an agent for a user, and all that comes back.
func (c *company) posts(agent, platform, sql string) string {
	url := "http://" + c.address + "/mcp"
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "tools/call",
		"params": map[string]any{"name": "query", "arguments": map[string]any{"platform": platform, "sql": sql}},
	})
	if err != nil {
		return err.Error()
	}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Authorization", "Bearer "+authority.Token(issuer.Claims{
		Subject: "dana", ClientID: agent, Groups: []string{"Staff"}, Audience: url,
	}))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return fmt.Sprint(string(text), err)
}

// ready is what /readyz says.
func (c *company) ready() (status int, body string, took time.Duration) {
	began := time.Now()
	response, err := (&http.Client{Timeout: time.Minute}).Get("http://" + c.address + "/readyz")
	if err != nil {
		return 0, err.Error(), time.Since(began)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text), time.Since(began)
}
