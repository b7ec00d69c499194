package assembly_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/assembly"
	"deputy/internal/demo"
	"deputy/internal/testkit/throwaway"
)

// stateFiles are the state and what SQLite keeps beside it.
func (w *world) stateFiles() (all map[string][]byte) {
	w.t.Helper()
	all = map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(w.file), "deputy-state.db*"))
	if err != nil || len(names) == 0 {
		w.t.Fatalf("%v: %v", names, err)
	}
	for _, name := range names {
		if all[name], err = os.ReadFile(name); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

// restore puts a copy of the state in its place. The server is closed meanwhile.
func (w *world) restore(files map[string][]byte) {
	w.t.Helper()
	for name, text := range files {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// again starts the server with the same configuration and the same audit log.
func (w *world) again() {
	w.t.Helper()
	w.Close()
	var err error
	w.Live, err = assembly.Follow(w.t.Context(), w.load, func(string) zerolog.Logger { return zerolog.New(&w.log) })
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.Close() })
}

// revoked is a server whose state was copied between an approval and its revocation.
func revoked(t *testing.T) (w *world, id string, approved map[string][]byte) {
	t.Helper()
	w = withoutRules(t)
	w.write(w.text + rules)
	a, err := w.asks(lastnames)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.decides(a.ID, requests.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	if got := w.sees(); got != demo.Names[0] {
		t.Fatalf("approved, Taylor sees %s", got)
	}
	w.Close()
	approved = w.stateFiles()
	w.again()
	if err := w.decides(a.ID, requests.VerdictRevoke); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return w, a.ID, approved
}

// The state is put back to before a revocation: what was revoked stays closed.
func TestRestoredStateOpensNothing(t *testing.T) {
	w, _, approved := revoked(t)
	w.restore(approved)
	w.again()
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("after the restore, Taylor sees %s", got)
	}
	if notice := w.Notice(); !strings.Contains(notice, "deputy requests accept-restore") {
		t.Errorf("readyz says %q", notice)
	}
}

// onPostgres is a server whose state is in a PostgreSQL of its own, and Taylor's approved request.
func onPostgres(t *testing.T) (w *world, cluster *throwaway.Cluster) {
	t.Helper()
	cluster, err := throwaway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	c := store.Config{DSN: cluster.DSN(throwaway.Superuser, "postgres")}
	if _, err := store.Migrate(t.Context(), c, func(store.Migration) {}); err != nil {
		t.Fatal(err)
	}
	w = withoutRules(t)
	w.write(w.text + rules + "  state: {dsn: " + strconv.Quote(c.DSN) + "}\n")
	w.again()
	a, err := w.asks(lastnames)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.decides(a.ID, requests.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	if got := w.sees(); got != demo.Names[0] {
		t.Fatalf("approved, Taylor sees %s", got)
	}
	return w, cluster
}

// becomes waits until Taylor sees something.
func (w *world) becomes(want string) {
	w.t.Helper()
	got := ""
	for range 300 {
		if got = w.sees(); got == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Fatalf("Taylor sees %s, and never %s", got, want)
}

// Without its state a server answers what rests on no approval, says so, starts, and takes the state up again by
// itself.
func TestServerGoesOnWithoutState(t *testing.T) {
	w, cluster := onPostgres(t)
	ready := func(notice string) {
		t.Helper()
		if err := w.Ready(
			t.Context(),
		); err != nil || !strings.Contains(w.Notice(), notice) ||
			notice == "" && w.Notice() != "" {
			t.Errorf("readyz says %v, %q", err, w.Notice())
		}
	}
	const out = "nothing that was approved on request counts, because its state is out of reach"
	cluster.Freeze()
	t.Cleanup(cluster.Thaw)
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("with a frozen state, Taylor sees %s", got)
	}
	began := time.Now()
	for range 20 {
		w.sees()
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("20 calls wait %s for a state that is known to be out", took)
	}
	ready(out)
	cluster.Thaw()
	w.becomes(demo.Names[0])
	cluster.Halt()
	w.becomes("REDACTED")
	ready(out)
	w.again()
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("started without a state, Taylor sees %s", got)
	}
	ready(out)
	if err := cluster.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.becomes(demo.Names[0])
	ready("")
}
