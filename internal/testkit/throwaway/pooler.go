package throwaway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Pooler is a running PgBouncer in front of a cluster, on a socket of its own in the cluster's directory.
type Pooler struct {
	dir    string
	server *exec.Cmd
	done   chan struct{} // closed when it has ended
	stop   sync.Once
}

// ErrNoPooler is returned where there is no PgBouncer.
var ErrNoPooler = errors.New("no PgBouncer found: install it (Debian: apt-get install pgbouncer)")

// Pool starts a PgBouncer in a mode (session, transaction or statement), with so many connections to each database for
// each of the roles.
func (c *Cluster) Pool(ctx context.Context, mode string, size int, roles ...string) (*Pooler, error) {
	bin, err := pgbouncer()
	if err != nil {
		return nil, err
	}
	run, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.Dir, "p")
	if err != nil {
		return nil, err
	}
	var users strings.Builder
	for _, role := range roles {
		fmt.Fprintf(&users, "%q \"\"\n", role)
	}
	settings := fmt.Sprintf(`[databases]
* = host=%s
[pgbouncer]
unix_socket_dir = %s
listen_port = 6432
auth_type = trust
auth_file = %s/users
pool_mode = %s
default_pool_size = %d
max_client_conn = 200
`, c.Dir, dir, dir, mode, size)
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "settings"), []byte(settings), 0o644),
		os.WriteFile(filepath.Join(dir, "users"), []byte(users.String()), 0o644),
		run.own(dir),
	)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &Pooler{dir: dir, server: exec.Command(bin, filepath.Join(dir, "settings")), done: make(chan struct{})}
	p.server.Dir, p.server.Stdout, p.server.Stderr = dir, log, log
	p.server.SysProcAttr = run.attributes()
	started := make(chan error)
	go attend(p.server, started, p.done)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting pgbouncer: %w", err)
	}
	return p, p.await(ctx)
}

// DSN is how lib/pq connects through the pooler.
func (p *Pooler) DSN(role, database string) string {
	return fmt.Sprintf("host=%s port=6432 user=%s dbname=%s sslmode=disable", p.dir, role, database)
}

// Socket is the path of the Unix socket that the pooler listens on.
func (p *Pooler) Socket() string { return filepath.Join(p.dir, ".s.PGSQL.6432") }

// Stop ends the pooler at once.
func (p *Pooler) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the pooler without a word to its clients.
func (p *Pooler) Kill() { p.end(syscall.SIGKILL) }

func (p *Pooler) end(how syscall.Signal) {
	p.stop.Do(func() {
		p.server.Process.Signal(how)
		<-p.done
	})
}

// await returns when the pooler's socket is there.
func (p *Pooler) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if _, err := os.Stat(p.Socket()); err == nil {
			return nil
		}
		select {
		case <-p.done:
			log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return fmt.Errorf("pgbouncer ended: %s", log)
		case <-ctx.Done():
			p.Stop()
			return fmt.Errorf("pgbouncer did not come up: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// pgbouncer looks where Debian puts it, which is not on everybody's path.
func pgbouncer() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, nil
	}
	const debian = "/usr/sbin/pgbouncer"
	if executable(debian) {
		return debian, nil
	}
	return "", ErrNoPooler
}
