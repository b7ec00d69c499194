package field

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
)

// world is one configuration over its databases, and deputy serve on it.
type world struct {
	dir      string
	address  string
	bases    map[string]database // by platform
	checked  string              // what deputy check says
	refused  map[string]bool     // rules that check refuses
	log      serving.Output
	server   *exec.Cmd
	ended    chan error
	sessions map[string]*session
}

// database is one of a platform's.
type database struct{ name, path string }

var (
	dsn     = regexp.MustCompile(`host=127\.0\.0\.1 port=\d+ user=deputy_runner password=runnerpw dbname=(\w+)`)
	port    = regexp.MustCompile(`127\.0\.0\.1:181[12]\d`)
	someone = regexp.MustCompile(`http://127\.0\.0\.1:18101`)
	schemas = regexp.MustCompile(`(?m)^  (\w+):\n    engine: postgres\n    dsn: .* dbname=(\w+) .*\n    schemas: \[(.*)\]`)
)

// newWorld loads the databases (name: script) that the configuration speaks of, sets them up and writes the
// configuration.
func newWorld(configuration string, scripts map[string]string) (*world, error) {
	w := &world{bases: map[string]database{}, sessions: map[string]*session{}}
	var err error
	if w.dir, err = os.MkdirTemp(scratch, "world-"); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.address = listener.Addr().String()
	listener.Close()
	configuration = port.ReplaceAllString(configuration, w.address)
	configuration = someone.ReplaceAllString(configuration, authority.URL())
	configuration = dsn.ReplaceAllString(configuration, "host="+cluster.Cluster().Dir+" user=deputy_runner dbname=$1")
	for _, m := range schemas.FindAllStringSubmatch(configuration, -1) {
		var path []string
		for schema := range strings.SplitSeq(m[3], ", ") {
			path = append(path, `"`+strings.Trim(schema, `"`)+`"`)
		}
		w.bases[m[1]] = database{m[2], strings.Join(append(path, "public", "extensions"), ", ")}
	}
	for base, script := range scripts {
		if err := create(base, script); err != nil {
			return nil, err
		}
	}
	return w, w.write(configuration)
}

// create makes a database and loads a script of testdata/worlds, or a text.
func create(name, script string) error {
	if out, err := psql("postgres", "", "CREATE DATABASE "+name); err != nil {
		return fmt.Errorf("%w %v", err, out)
	}
	if strings.HasSuffix(script, ".sql") {
		content, err := os.ReadFile(filepath.Join("testdata", script))
		if err != nil {
			return err
		}
		script = string(content)
	}
	script = strings.ReplaceAll(script, "host '127.0.0.1', port '55477'", "host '"+cluster.Cluster().Dir+"'")
	return load(name, strings.ReplaceAll(script, "{database}", name))
}

func (w *world) write(configuration string) error {
	return os.WriteFile(filepath.Join(w.dir, "deputy.yaml"), []byte(configuration), 0o600)
}

// deputy runs one of its commands over the world, and returns what it says.
func (w *world) deputy(admin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = w.dir
	command.Env = append(os.Environ(), "DEPUTY_CONFIG=deputy.yaml")
	if admin != "" {
		command.Env = append(command.Env, "DEPUTY_ADMIN_DSN="+cluster.DSN(throwaway.Superuser, admin))
	}
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("deputy %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// bootstrapping is held while a database is set up: the roles are the cluster's, and change once at a time.
var bootstrapping sync.Mutex

// bootstrap sets up every database of the world.
func (w *world) bootstrap() error {
	bootstrapping.Lock()
	defer bootstrapping.Unlock()
	for platform, base := range w.bases {
		if _, err := w.deputy(base.name, "bootstrap", "postgres", "--platform", platform); err != nil {
			return err
		}
	}
	return nil
}

// serve starts deputy serve and waits until it is ready.
func (w *world) serve() error {
	w.server = exec.Command(program, "serve")
	w.server.Dir, w.server.Stderr = w.dir, &w.log
	w.server.Env = append(os.Environ(), "DEPUTY_CONFIG=deputy.yaml")
	if err := w.server.Start(); err != nil {
		return err
	}
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.server.Wait() }()
	for range 12_000 {
		select {
		case err := <-w.ended:
			w.server = nil
			return fmt.Errorf("deputy serve does not start: %v: %s", err, w.log.String())
		case <-time.After(10 * time.Millisecond):
		}
		if response, err := http.Get("http://" + w.address + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("deputy serve is not ready: %s", w.log.String())
}

// stop ends the server.
func (w *world) stop() {
	for _, s := range w.sessions {
		if s.client != nil {
			s.client.Close()
		}
	}
	if w.server == nil {
		return
	}
	w.server.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.ended:
	case <-time.After(15 * time.Second):
		w.server.Process.Kill()
		<-w.ended
	}
	w.server = nil
}
