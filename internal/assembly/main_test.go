package assembly_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp"
	"deputy/mcp/client"
	"deputy/mcp/httpd"
	"deputy/tools"
)

// world is a Deputy that follows a file which the test rewrites, over the demo's data and issuer.
type world struct {
	*assembly.Live
	t     testing.TB
	stage *demo.Stage
	file  string // the configuration
	text  string // what stood in it at first
	audit string
	log   serving.Output
}

var engines = []string{config.SQLite, config.Postgres}

func onBothEngines(t *testing.T, test func(*testing.T, *world)) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) { test(t, follow(t, engine)) })
	}
}

func follow(t testing.TB, engine string) *world { t.Helper(); return followText(t, engine, "") }

// followText begins with more than the demo's configuration.
func followText(t testing.TB, engine, more string) *world {
	t.Helper()
	stage, err := demo.Start(context.Background(), demo.Config{Engine: engine, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stage.Close() })
	text, err := os.ReadFile(stage.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, stage: stage, file: filepath.Join(t.TempDir(), "deputy.yaml"), text: string(text)}
	w.audit = filepath.Join(filepath.Dir(w.file), "audit.jsonl")
	w.write(w.text + more)
	w.Live, err = assembly.Follow(t.Context(), w.load, func(string) zerolog.Logger { return zerolog.New(&w.log) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func (w *world) load() (*config.Config, error) {
	return config.Load(w.file, func(name string) (string, bool) {
		if name == "DEMO_AUDIT" {
			return w.audit, true
		}
		for _, pair := range w.stage.Environment() {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value, true
			}
		}
		return "", false
	})
}

// write changes the file in place.
func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// rename puts a file that is complete in the place of the old one.
func (w *world) rename(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file+".new", []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(w.file+".new", w.file); err != nil {
		w.t.Fatal(err)
	}
}

// turn makes the file a link to a link, as Kubernetes does with a ConfigMap, and turns the inner one.
func (w *world) turn(text string) {
	w.t.Helper()
	folder, err := os.MkdirTemp(filepath.Dir(w.file), "data")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "deputy.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	inner := filepath.Join(filepath.Dir(w.file), "..data")
	for link, target := range map[string]string{inner: folder, w.file: filepath.Join(inner, "deputy.yaml")} {
		if err := os.Symlink(target, link+".tmp"); err != nil {
			w.t.Fatal(err)
		}
		if err := os.Rename(link+".tmp", link); err != nil {
			w.t.Fatal(err)
		}
	}
}

// but is the first configuration with something exchanged.
func (w *world) but(pairs ...string) string {
	w.t.Helper()
	text := w.text
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			w.t.Fatalf("the demo's configuration does not say %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// unmasked is what has to be said for Taylor to see names, and masked how it is said at first.
const masked, unmasked = "except: group:Privacy", "except: group:Marketing"

const names = "SELECT lastname FROM customer_orders ORDER BY lastname"

// sees is what Taylor sees of the names through the marketing agent, in one call as the transports make it.
func (w *world) sees() string {
	w.t.Helper()
	g, end := w.Begin(w.t.Context())
	defer end()
	return w.seesIn(g)
}

func (w *world) seesIn(g mcp.Generation) string {
	w.t.Helper()
	ctx := w.t.Context()
	who, err := g.Authenticator().Authenticate(
		ctx,
		identity.Credentials{AgentKey: w.stage.AgentKey, UserToken: w.stage.Token(demo.Taylor)},
	)
	if err != nil {
		return err.Error()
	}
	r, err := g.Tools().
		Query(ctx, tools.Call{Principal: who, Client: "test"}, tools.QueryArgs{SQL: names, Platform: "shop"})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Rows[0][0])
}

// inForce waits until the file is in force, without a call or a signal.
func (w *world) inForce() {
	w.t.Helper()
	for range 12_000 {
		if w.Notice() == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("the file is never in force: %s", w.log.String())
}

// records are the outcomes on the audit log, in order.
func (w *world) records() (out []audit.Record) {
	w.t.Helper()
	file, err := os.Open(w.audit)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	for r, err := range audit.Read(file) {
		if err != nil {
			w.t.Fatal(err)
		}
		if r.Phase != audit.Intent {
			out = append(out, r)
		}
	}
	return out
}

// serve puts the real server in front, under the name that the configuration knows, and returns where it is.
func (w *world) serve() string {
	w.t.Helper()
	handler, err := httpd.New(w.HTTP("test"))
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	return server.URL
}

func (w *world) client(url string) *client.Client {
	w.t.Helper()
	c, err := client.HTTP(w.t.Context(), url+"/mcp", w.stage.AgentKey, w.stage.Token(demo.Taylor))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// credential is what records call the agent's key.
func (w *world) credential() string {
	hash := sha256.Sum256([]byte(w.stage.AgentKey))
	return fmt.Sprintf("key %x", hash[:4])
}
