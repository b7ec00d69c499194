package field

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// plain is the configuration of one database with nothing special, for those whose line brings rules or settings of its
// own.
const plain = `server:
  listen: 127.0.0.1:18110
  public_url: http://127.0.0.1:18110
identity:
  issuers:
    - name: corp
      url: http://127.0.0.1:18101
      audience: http://127.0.0.1:18110/mcp
      claims: {groups: groups, attributes: {email: email}}
agents:
  - {name: assistant, client_ids: [chat], groups: [Agents]}
platforms:
  base:
    engine: postgres
    dsn: host=127.0.0.1 port=55477 user=deputy_runner password=runnerpw dbname=BASE sslmode=disable
    schemas: [s]
    signing_key: 0123456789012345678901234567890123456789
audit: {file: audit.jsonl}
policies:
  - {name: staff, grant: [s.*], to: group:Staff}
`

// shared are the worlds that lines only read, by what they say of their world; each is made when a line asks for it.
var shared = map[string]*sharedWorld{}

type sharedWorld struct {
	world *world
	err   error
}

func stopWorlds() {
	for _, s := range shared {
		if s.world != nil {
			s.world.stop()
		}
	}
}

// worldOf is the running world of a line that only reads.
func worldOf(t *testing.T, l line) (*world, error) {
	key := l.World
	switch {
	case strings.HasSuffix(key, "main.yaml"):
		key = "main.yaml"
	case l.Rule != "":
		key = l.file() + ".sql with rules"
	}
	s := shared[key]
	if s == nil {
		s = &sharedWorld{}
		s.world, s.err = start(t, key, l.file())
		shared[key] = s
	}
	return s.world, s.err
}

// start makes a world and serves it.
func start(t *testing.T, key, file string) (*world, error) {
	w, err := prepare(t, key, file)
	if err == nil {
		err = w.bootstrap()
	}
	if err == nil {
		w.checked, _ = w.deputy("", "check")
		if strings.HasSuffix(key, "with rules") {
			err = w.withoutRefused()
		}
	}
	if err == nil {
		err = w.serve()
	}
	return w, err
}

func prepare(t *testing.T, key, file string) (*world, error) {
	script := "worlds/" + file + ".sql"
	switch {
	case key == "main.yaml":
		scripts := map[string]string{}
		for _, name := range []string{"shop", "app", "supa", "erp"} {
			scripts[name] = "worlds/" + name + ".sql"
		}
		return newWorld(configuration(t, key), scripts)
	case key == "hash.sql":
		mask := "  - {name: hashed, mask: [\"s.*.v\"], with: hash}\n"
		return newWorld(on("hash", plain)+mask, map[string]string{"hash": script})
	case strings.HasSuffix(key, "with rules"):
		return newWorld(on(file, plain)+rules(t, file), map[string]string{file: script})
	case key == "fn.sql + fn.yaml": // as it was tried: without functions
		text := regexp.MustCompile(`(?m)^    functions:.*\n`).ReplaceAllString(configuration(t, "fn.yaml"), "")
		return newWorld(strings.Replace(text, "dbname=fn ", "dbname=fn_plain ", 1), map[string]string{"fn_plain": script})
	case strings.Contains(key, ".yaml"):
		return newWorld(configuration(t, file+".yaml"), map[string]string{file: script})
	}
	return nil, fmt.Errorf("there is no world %q", key)
}

func configuration(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "worlds", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// on is a configuration over another database.
func on(base, configuration string) string { return strings.Replace(configuration, "BASE", base, 1) }

// rules are those of all lines about a database, each for the group that is named after its line.
func rules(t *testing.T, file string) string {
	var out strings.Builder
	for _, lines := range kinds(t) {
		for _, l := range lines {
			if l.Rule != "" && l.file() == file {
				fmt.Fprintf(&out, "  - {name: %s, %s, for: group:%[1]s}\n", l.ID, l.Rule)
			}
		}
	}
	return out.String()
}

// withoutRefused takes the rules that deputy check refuses out of the configuration, so that the others can be tried.
func (w *world) withoutRefused() error {
	w.refused = map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^problem .*policy "([^"]+)"`).FindAllStringSubmatch(w.checked, -1) {
		w.refused[m[1]] = true
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "deputy.yaml"))
	if err != nil {
		return err
	}
	var kept strings.Builder
	for row := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(row, "  - {name: "), ",")
		if !w.refused[name] {
			kept.WriteString(row)
		}
	}
	return w.write(kept.String())
}
