package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
	"deputy/vending/postgres/setup"
)

// The command line, as files that read like a session in a terminal. Beside testscript's own commands they have:
//
//	exits CODE COMMAND…   runs a command that ends with this exit code
//	sqlite FILE SQL-FILE  makes a database
//	issuer                starts an identity provider at $ISSUER
//	human ID [GROUP…]     is in front of every browser from now on; without ID whoever is there says no
//	enters                has the human enter the code that a device shows
//	postgres              starts PostgreSQL, see cluster
//	address               finds a free $FREE and takes the address $TAKEN
//	get URL               waits until somebody answers there, and prints what
//	told LOG              lets the demo tell its story, and copies the audit log of it
//	raw FILE TEXT         writes a file with what is no text
//	wrong [REST]          checks every file that ends with what is wrong with it
func TestScripts(t *testing.T) {
	deadline, limited := t.Deadline() // for a server that starts though it should not
	if limited {
		deadline = deadline.Add(-time.Minute)
	}
	testscript.Run(t, testscript.Params{
		Dir:      filepath.Join("testdata", "script"),
		Deadline: deadline,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"sqlite":   sqlite,
			"issuer":   provider,
			"postgres": postgresql,
			"address":  address,
			"get":      get,
			"wrong":    wrong,
			"raw":      raw,
			"told":     told,
			"human":    human,
			"enters":   enters,
		},
		Setup: func(e *testscript.Env) error {
			e.Values[issuerKey{}] = new(*issuer.Issuer)
			return nil
		},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &ended) || ended.ExitCode() != want {
		ts.Fatalf("%s ended with %v, and not with exit status %d", strings.Join(args[1:], " "), err, want)
	}
}

func sqlite(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sqlite3.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	ts.Check(db.Exec(ts.ReadFile(args[1])))
}

func provider(ts *testscript.TestScript, _ bool, _ []string) {
	i, err := issuer.Start(issuer.Config{})
	ts.Check(err)
	ts.Defer(func() { i.Close() })
	ts.Setenv("ISSUER", i.URL())
	*ts.Value(issuerKey{}).(**issuer.Issuer) = i
}

type issuerKey struct{}

// issuerOf is what the command issuer started.
func issuerOf(ts *testscript.TestScript) *issuer.Issuer {
	return *ts.Value(issuerKey{}).(**issuer.Issuer)
}

func human(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		issuerOf(ts).SignIn(nil)
		return
	}
	issuerOf(
		ts,
	).SignIn(&issuer.Claims{Subject: args[0], Name: strings.ToUpper(args[0][:1]) + args[0][1:], Groups: args[1:]})
}

func enters(ts *testscript.TestScript, _ bool, _ []string) {
	for range 12_000 {
		for _, code := range issuerOf(ts).UserCodes() {
			response, err := http.Get(issuerOf(ts).URL() + "/device?user_code=" + code)
			ts.Check(err)
			response.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("no device ever showed a code")
}

// browse is the browser that scripts have: xdg-open. What it is shown goes to the file $PAGE.
func browse() {
	if key, there := os.LookupEnv("DEPUTY_AGENT_KEY"); there { // a browser has no business with it
		fmt.Fprintln(os.Stderr, "the browser was given", len(key), "characters of an agent's key")
		os.Exit(1)
	}
	response, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer response.Body.Close()
	page, _ := io.ReadAll(response.Body)
	if file := os.Getenv("PAGE"); file != "" {
		if err := os.WriteFile(file, page, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func told(ts *testscript.TestScript, _ bool, args []string) {
	s, err := demo.Start(context.Background(), demo.Config{Engine: config.SQLite, Log: zerolog.Nop(), Clock: slowly()})
	ts.Check(err)
	defer s.Close()
	ts.Check(demo.Tell(context.Background(), s, passing(s), io.Discard))
	files, err := filepath.Glob(s.AuditFile + "*")
	ts.Check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+strings.TrimPrefix(file, s.AuditFile)), text, 0o600))
	}
}

func address(ts *testscript.TestScript, _ bool, _ []string) {
	free, err := serving.FreeAddress()
	ts.Check(err)
	ts.Setenv("FREE", free)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("TAKEN", l.Addr().String())
	ts.Defer(func() { l.Close() })
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	for range 12_000 {
		response, err := http.Get(args[0])
		if err == nil {
			defer response.Body.Close()
			io.Copy(ts.Stdout(), response.Body)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("nobody ever answered at %s", args[0])
}

// signingKey is what the databases of the cluster are set up with.
const signingKey = "0123456789abcdef0123456789abcdef"

// cluster is one throw-away PostgreSQL for all scripts and examples, started when the first one asks. It belongs to the
// role dba, who is no superuser. Its databases all have the table sales.orders: shop is set up for Deputy, bare is not,
// late has got another table since that is not the DBA's, and new is there for one script to set it up (two at once
// would stand in each other's way: roles belong to the whole cluster). In state and fleet there is nothing of
// Deputy's until a script migrates it.
var cluster = throwaway.NewShared(makeDatabases)

func makeDatabases(c *throwaway.Cluster) error {
	if err := c.Exec(throwaway.Superuser, "postgres", "CREATE ROLE dba LOGIN CREATEROLE"); err != nil {
		return err
	}
	for _, name := range []string{"shop", "bare", "late", "new", "state", "fleet"} {
		if err := newDatabase(c, name, "CREATE SCHEMA sales; CREATE TABLE sales.orders (id int, lastname text); "+
			"CREATE SCHEMA util; GRANT USAGE ON SCHEMA util TO PUBLIC; CREATE FUNCTION util.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2'"); err != nil {
			return err
		}
	}
	for _, name := range []string{"shop", "late"} {
		if err := prepared(c, name); err != nil {
			return err
		}
	}
	return c.Exec(throwaway.Superuser, "late", "CREATE TABLE sales.payments (id int)")
}

func prepared(c *throwaway.Cluster, database string) error {
	admin, err := c.Open("dba", database)
	if err != nil {
		return err
	}
	defer admin.Close()
	return setup.Bootstrap(
		context.Background(),
		admin,
		setup.Order{Schemas: []string{"sales"}, SigningKey: signingKey},
	)
}

// newDatabase makes a database of the DBA's, in place of one of that name.
func newDatabase(c *throwaway.Cluster, name, seed string) error {
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name + " OWNER dba"} {
		if err := c.Exec(throwaway.Superuser, "postgres", statement); err != nil {
			return err
		}
	}
	return c.Exec("dba", name, seed)
}

// postgresql puts into the environment how deputy_runner connects ($SHOP_DSN, $BARE_DSN, $LATE_DSN, $NEW_DSN), how the
// administrator connects to the new database ($ADMIN_DSN, for the one script that sets it up) and to the bare one
// ($BARE_ADMIN_DSN), how Deputy's state is reached ($STATE_DSN), and the $SIGNING_KEY. The password in them is hunter2;
// the cluster asks for none.
func postgresql(ts *testscript.TestScript, _ bool, _ []string) {
	c := cluster.Cluster()
	for name, user := range map[string][2]string{
		"SHOP_DSN": {"deputy_runner", "shop"}, "BARE_DSN": {"deputy_runner", "bare"}, "LATE_DSN": {"deputy_runner", "late"}, "NEW_DSN": {"deputy_runner", "new"},
		"ADMIN_DSN": {"dba", "new"}, "BARE_ADMIN_DSN": {"dba", "bare"},
		"STATE_DSN": {"dba", "state"}, "FLEET_DSN": {"dba", "fleet"},
	} {
		ts.Setenv(name, asURL(c, user[0], user[1]))
	}
	ts.Setenv("SIGNING_KEY", signingKey)
}

// asURL is how a configuration names a database of the cluster.
func asURL(c *throwaway.Cluster, role, database string) string {
	return fmt.Sprintf("postgres://%s:hunter2@/%s?host=%s&sslmode=disable", role, database, c.Dir)
}
