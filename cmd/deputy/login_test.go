//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
)

// machine is a human's machine: an issuer that they sign in at, a configuration, and a folder for what is theirs. Every
// deputy on it is a process of its own.
type machine struct {
	issuer *issuer.Issuer
	folder string
	env    []string
	listen string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	d := &machine{issuer: startIssuer(t), folder: t.TempDir()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.listen = listener.Addr().String()
	listener.Close()
	key, hash := identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	db, err := sqlite3.Open(filepath.Join(d.folder, "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec("CREATE TABLE orders (id int, lastname text); INSERT INTO orders VALUES (1, 'Okafor')"); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`
server: {listen: %q}
identity: {issuers: [{url: %q, login: {client_id: deputy-login}}]}
agents: [{name: desktop, key_sha256: [%s]}]
platforms: {shop: {engine: sqlite, path: shop.db, schema: sales}}
policies: [{name: all read orders, grant: [sales.orders], to: everyone}]
`, d.listen, d.issuer.URL(), hash)
	if err := os.WriteFile(filepath.Join(d.folder, "deputy.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	d.env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(d.folder, "home"), "DISPLAY=:0", "DEPUTY_AGENT_KEY="+key)
	return d
}

func (d *machine) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), deputyBinary(t), args...)
	c.Dir, c.Env = d.folder, d.env
	return c
}

// tokenLike is a JWT. Its first letters alone stand in random text now and then.
var tokenLike = regexp.MustCompile(`eyJ[\w-]{10,}\.[\w-]{10,}`)

func (d *machine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.command(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("deputy %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if tokenLike.MatchString(string(out)) {
		t.Errorf("deputy %s shows a token", strings.Join(args, " "))
	}
	return string(out)
}

func (d *machine) signIn(t *testing.T, who string) {
	t.Helper()
	d.issuer.SignIn(&issuer.Claims{Subject: who, Groups: []string{"Marketing"}})
	d.run(t, "login")
}

// expire makes the kept token one that is about to expire.
func (d *machine) expire(t *testing.T) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(d.folder, "home/deputy/sign-in/*.json"))
	if len(files) != 1 {
		t.Fatalf("one sign-in is kept: got %v", files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var kept map[string]any
	if err := json.Unmarshal(content, &kept); err != nil {
		t.Fatal(err)
	}
	kept["expires"] = time.Now().Add(-time.Minute)
	if content, err = json.Marshal(kept); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProcessesAtOnceUseARefreshTokenOnce(t *testing.T) {
	d := newMachine(t)
	d.signIn(t, "taylor")
	d.expire(t)
	before := len(d.issuer.Asked())
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if said := d.run(t, "whoami"); !strings.Contains(said, "taylor") {
				t.Errorf("each of them knows who is there: got %s", said)
			}
		})
	}
	all.Wait()
	if n := len(d.issuer.Asked()) - before; n != 1 || d.issuer.Reused() != 0 {
		t.Errorf("one of five processes has renewed the token: %d have, and %d used one again", n, d.issuer.Reused())
	}
}

// talk is a deputy stdio that can be spoken to.
type talk struct {
	in  io.Writer
	out *bufio.Scanner
	id  int
}

func (d *machine) talk(t *testing.T, env ...string) *talk {
	t.Helper()
	c := d.command(t, "stdio")
	c.Env = append(c.Env, env...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log serving.Output
	c.Stderr = &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		c.Wait()
		if tokenLike.MatchString(log.String()) {
			t.Error("the log has a token in it")
		}
	})
	return &talk{in: in, out: bufio.NewScanner(out)}
}

func (k *talk) ask(t *testing.T) string {
	t.Helper()
	k.id++
	fmt.Fprintf(
		k.in,
		`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"query","arguments":{"sql":"SELECT lastname FROM sales.orders"}}}`+"\n",
		k.id,
	)
	if !k.out.Scan() {
		t.Fatalf("there is no answer: %v", k.out.Err())
	}
	return k.out.Text()
}

func TestAnotherHumanSignsInWhileStdioRuns(t *testing.T) {
	d := newMachine(t)
	d.signIn(t, "taylor")
	k := d.talk(t)
	if got := k.ask(t); !strings.Contains(got, "Okafor") {
		t.Fatalf("Taylor is served: got %s", got)
	}
	d.expire(t)
	if got := k.ask(t); !strings.Contains(got, "Okafor") {
		t.Errorf("and so she is with a renewed token: got %s", got)
	}
	d.signIn(t, "kim")
	if got := k.ask(t); strings.Contains(got, "Okafor") ||
		!strings.Contains(got, "another human has signed in since this server started: restart it") ||
		!strings.Contains(got, "Ask the human to restart") {
		t.Errorf("Kim is not, before a restart: got %s", got)
	}
	d.run(t, "logout")
	if got := k.ask(t); strings.Contains(got, "Okafor") || !strings.Contains(got, "deputy login") {
		t.Errorf("nobody is not either: got %s", got)
	}
	d.signIn(t, "taylor")
	if got := k.ask(t); !strings.Contains(got, "Okafor") {
		t.Errorf("Taylor may come back: got %s", got)
	}
	d.signIn(t, "kim")
	if got := d.talk(t).ask(t); !strings.Contains(got, "Okafor") {
		t.Errorf("a new process serves Kim: got %s", got)
	}
}

func TestATokenFileIsReplacedByAnotherHumansWhileStdioRuns(t *testing.T) {
	d := newMachine(t)
	file := filepath.Join(d.folder, "token")
	put := func(who string) {
		token := d.issuer.Token(issuer.Claims{Subject: who, ClientID: "some-client", Audience: "http://" + d.listen + "/mcp"})
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("taylor")
	k := d.talk(t, "DEPUTY_USER_TOKEN_FILE="+file)
	if got := k.ask(t); !strings.Contains(got, "Okafor") {
		t.Fatalf("Taylor is served: got %s", got)
	}
	put("kim")
	if got := k.ask(t); strings.Contains(got, "Okafor") || !strings.Contains(got, "another human") {
		t.Errorf("Kim is not: got %s", got)
	}
}

var printed = regexp.MustCompile(`(?m)^  (http://\S+)$`)

func TestWithoutABrowserTheAddressIsThereToOpen(t *testing.T) {
	d := newMachine(t)
	d.issuer.SignIn(&issuer.Claims{Subject: "taylor"})
	c := d.command(t, "login", "--no-browser")
	var out, shown serving.Output
	c.Stdout, c.Stderr = &out, &shown
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	for address == "" {
		if found := printed.FindStringSubmatch(shown.String()); found != nil &&
			strings.Contains(shown.String(), "Open the address") {
			address = found[1]
		}
		if t.Context().Err() != nil {
			t.Fatal("no address is printed")
		}
		time.Sleep(5 * time.Millisecond)
	}
	serving.Get(t, address)
	if err := c.Wait(); err != nil || !strings.Contains(out.String(), "Signed in as taylor") {
		t.Errorf("it has waited for the browser: got %v, %s", err, out.String())
	}
}

func TestAnInterruptedSignInIsNoSuccess(t *testing.T) {
	d := newMachine(t)
	c := d.command(t, "login", "--no-browser")
	var shown serving.Output
	c.Stderr = &shown
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(shown.String(), "Open the address") && t.Context().Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	c.Process.Signal(os.Interrupt)
	if err := c.Wait(); c.ProcessState.ExitCode() != 1 {
		t.Errorf("a script sees that nobody signed in: got %v, %s", err, shown.String())
	}
}

func TestAStewardSignsInAtAServerElsewhere(t *testing.T) {
	d := newMachine(t)
	server := d.command(t, "serve")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { server.Process.Signal(os.Interrupt); server.Wait() }()
	url := "http://" + d.listen
	serving.Await(t, url+"/healthz", nil)
	home := t.TempDir()
	away := &machine{issuer: d.issuer, folder: home, env: append(d.env, "XDG_CONFIG_HOME="+home)}
	d.issuer.SignIn(&issuer.Claims{Subject: "sam"})
	if said := away.run(t, "login", "--server", url, "--scope", "approve"); !strings.Contains(said, "Signed in as sam") ||
		!strings.Contains(said, "scope=openid+offline_access+query+describe+request+approve") {
		t.Errorf("Sam has no configuration, and signs in: got %s", said)
	}
	if said := away.run(t, "whoami", "--server", url); !strings.Contains(said, url+"/mcp") {
		t.Errorf("the token is for that server: got %s", said)
	}
	if said := away.run(t, "logout", "--server", url); !strings.Contains(said, "taken the tokens back") {
		t.Errorf("and is given back: got %s", said)
	}
}
