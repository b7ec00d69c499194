// Package throwaway starts a real PostgreSQL server for as long as somebody needs it, from the server binaries on this
// machine: for the tests and for "deputy demo --engine postgres". It listens on a Unix socket in a temporary directory
// and nowhere else, keeps nothing, and dies with the process that started it.
package throwaway

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/lib/pq" // to ask whether the server is up
)

// Superuser is the cluster's administrator; there is no password on its private socket.
const Superuser = "postgres"

// portSetting begins the setting of a port other than the usual one.
const portSetting = "port="

// Cluster is a running PostgreSQL server.
type Cluster struct {
	Dir     string   // everything is below it, the socket in it
	Version string   // as "postgres --version" prints it
	port    string   // empty: the usual one
	args    []string // of the server
	server  *exec.Cmd
	done    chan struct{} // closed when the server has ended
	frozen  bool
	remover *remover
	stop    sync.Once
}

// ErrNoServer is returned when there are no PostgreSQL server binaries; its text says what to install.
var ErrNoServer = errors.New(
	"no PostgreSQL server binaries found: install them (Debian: apt-get install postgresql; macOS: brew install postgresql@17; Fedora: dnf install postgresql-server)",
)

// Start makes and starts a cluster. settings are more lines for its configuration: "shared_buffers=64MB".
func Start(ctx context.Context, settings ...string) (*Cluster, error) {
	return start(ctx, settings, initdb)
}

// initdb is the command, without its program's folder, that lays out an empty directory of data.
func initdb(data string) []string {
	return []string{
		"initdb", "-D", data, "-U", Superuser, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync",
		"--no-instructions",
	}
}

// start makes a cluster with the command that lays out its directory of data, and starts it.
func start(ctx context.Context, settings []string, layOut func(data string) []string) (*Cluster, error) {
	bin, err := Binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "deputy-pg-") // short: a socket's path has 107 characters at most
	if err != nil {
		return nil, fmt.Errorf("making the cluster's directory: %w", err)
	}
	c := &Cluster{Dir: dir}
	running.Store(c, true)
	if c.remover, err = startRemover(dir); err != nil {
		c.Stop()
		return nil, fmt.Errorf("starting what removes the cluster's directory: %w", err)
	}
	if err = c.make(ctx, bin, settings, layOut); err == nil {
		err = c.Launch(ctx)
	}
	if err != nil {
		c.Stop()
		if ctx.Err() != nil { // what was killed for it says something else
			err = ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

// DSN is how lib/pq connects as a role to a database.
func (c *Cluster) DSN(role, database string) string {
	dsn := fmt.Sprintf("host=%s user=%s dbname=%s sslmode=disable", c.Dir, role, database)
	if c.port != "" {
		dsn += " port=" + c.port
	}
	return dsn
}

// Open connects as a role to a database.
func (c *Cluster) Open(role, database string) (*sql.DB, error) {
	return sql.Open("postgres", c.DSN(role, database))
}

// Exec runs a script as a role in a database.
func (c *Cluster) Exec(role, database, script string) error {
	db, err := c.Open(role, database)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(script); err != nil {
		return fmt.Errorf("%s: %w", script, err)
	}
	return nil
}

// Stop ends the server at once and removes everything.
func (c *Cluster) Stop() {
	c.stop.Do(func() {
		c.Halt()
		os.RemoveAll(c.Dir)
		if c.remover != nil {
			c.remover.dismiss()
		}
		running.Delete(c)
	})
}

// make lays out a directory of data.
func (c *Cluster) make(ctx context.Context, bin string, settings []string, layOut func(string) []string) error {
	run, err := unprivileged()
	if err != nil {
		return err
	}
	if err := run.own(c.Dir); err != nil {
		return err
	}
	data := filepath.Join(c.Dir, "data")
	args := layOut(data)
	laying := exec.CommandContext(ctx, filepath.Join(bin, args[0]), args[1:]...)
	laying.Dir = c.Dir
	laying.SysProcAttr = run.attributes()
	// It ends with what it has started.
	laying.Cancel = func() error { return syscall.Kill(-laying.Process.Pid, syscall.SIGKILL) }
	if out, err := laying.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, out)
	}
	if out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output(); err == nil {
		c.Version = string(out[:len(out)-1])
	}
	c.args = []string{
		filepath.Join(bin, "postgres"), "-D", data, "-k", c.Dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200",
	}
	for _, s := range settings {
		c.args = append(c.args, "-c", s)
		if port, is := strings.CutPrefix(s, portSetting); is {
			c.port = port
		}
	}
	return nil
}

// await returns when the server answers.
func (c *Cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	db, err := c.Open(Superuser, "postgres")
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		if err := db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("postgres ended: %s", c.tail())
		case <-ctx.Done():
			return fmt.Errorf("postgres did not come up: %s", c.tail())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *Cluster) tail() string {
	log, _ := os.ReadFile(filepath.Join(c.Dir, "log"))
	return string(log[max(0, len(log)-1000):])
}

// Binaries looks where package managers put them, the newest version first.
func Binaries() (string, error) {
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
		"/usr/pgsql-*/bin",
	} {
		dirs, _ := filepath.Glob(pattern)
		sort.Sort(sort.Reverse(sort.StringSlice(dirs)))
		found = append(found, dirs...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			found = append(found, filepath.Dir(real))
		}
	}
	if dir := os.Getenv("DEPUTY_PG_BIN"); dir != "" {
		found = []string{dir}
	}
	for _, dir := range found {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", ErrNoServer
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
