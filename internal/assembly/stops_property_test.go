package assembly_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"pgregory.net/rapid"

	"deputy/audit"
	"deputy/identity/stops"
	"deputy/internal/config"
	"deputy/internal/demo"
)

// siege is two servers on one file, with two platforms, over which trouble comes.
type siege struct {
	servers [2]*world
	urls    [2]string
	copy    string // the second platform's database; the first one stays as it is
	catalog string // the file
	seen    []byte // what stands in it at first
}

func besiege(t *testing.T) *siege {
	t.Helper()
	w := withoutRules(t)
	data := w.stage.Environment()
	s := &siege{copy: filepath.Join(t.TempDir(), "copy.db"), catalog: filepath.Join(filepath.Dir(w.file),
		"deputy-catalog.json")}
	for _, pair := range data {
		if path, ok := strings.CutPrefix(pair, "DEMO_DATABASE="); ok {
			content, err := os.ReadFile(path)
			if err = errors.Join(err, os.WriteFile(s.copy, content, 0o600), os.WriteFile(s.copy+".kept", content,
				0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.text = w.but("  shop:\n", "  copy: {engine: sqlite, path: \""+s.copy+"\", schema: sales}\n  shop:\n")
	w.write(w.text)
	w.sees()
	s.servers = [2]*world{w, w.replica()}
	var err error
	if s.seen, err = os.ReadFile(s.catalog); err != nil {
		t.Fatal(err)
	}
	s.urls = [2]string{w.serve(), s.servers[1].serve()}
	return s
}

// peace is everything as it was, with no party stopped: each draw begins there.
func (s *siege) peace() {
	w := s.servers[0]
	content, err := os.ReadFile(s.copy + ".kept")
	os.Remove(s.copy)
	if err = errors.Join(err, os.WriteFile(s.copy, content, 0o600)); err != nil {
		w.t.Fatal(err)
	}
	if err = errors.Join(err, os.WriteFile(s.catalog, s.seen, 0o600)); err != nil {
		w.t.Fatal(err)
	}
	w.stage.Issuer().SetDown(false)
	w.rename(w.text)
	all, _, err := stops.Read(config.StopsFile(w.file))
	for _, stop := range all {
		if _, err := stops.Remove(w.t.Context(), config.StopsFile(w.file), w.file, stop); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, w := range s.servers {
		w.Reload(w.t.Context())
		got := w.sees() // what waits is tried again by itself
		for start := time.Now(); got != "REDACTED" && time.Since(start) < 20*time.Second; got = w.sees() {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil || got != "REDACTED" {
			w.t.Fatalf("in peace Taylor sees %s (%v)", got, err)
		}
	}
}

// change migrates the second platform, as it was at first.
func (s *siege) change(sql string) {
	content, err := os.ReadFile(s.copy + ".kept")
	os.Remove(s.copy)
	if err == nil {
		err = os.WriteFile(s.copy, content, 0o600)
	}
	db, opened := sqlite3.Open(s.copy)
	if err = errors.Join(err, opened); err == nil {
		err = errors.Join(db.Exec(sql), db.Close())
	}
	if err != nil {
		s.servers[0].t.Fatal(sql, err)
	}
}

// troubles are what can come over a server, or be done to its file by mistake.
var troubles = map[string]func(*siege){
	"platform down":   func(s *siege) { os.Remove(s.copy) },
	"platform spoilt": func(s *siege) { os.WriteFile(s.copy, []byte("no database"), 0o600) },
	"new table":       func(s *siege) { s.change("CREATE TABLE fresh (ssn text)") },
	"renamed column":  func(s *siege) { s.change("ALTER TABLE customer_orders RENAME COLUMN lastname TO surname") },
	"column gone":     func(s *siege) { s.change("ALTER TABLE customer_orders DROP COLUMN lastname") },
	"issuer down":     func(s *siege) { s.servers[0].stage.Issuer().SetDown(true) },
	"catalog spoilt":  func(s *siege) { os.WriteFile(s.catalog, []byte("{"), 0o600) },
	"file no YAML":    func(s *siege) { s.put("agents: [\n" + s.servers[0].text) },
	"file half":       func(s *siege) { s.put(s.servers[0].text[:len(s.servers[0].text)/2]) },
	"file gone":       func(s *siege) { os.Remove(s.servers[0].file) },
	"unknown key":     func(s *siege) { s.put(s.servers[0].text + "\npolicees: []\n") },
	"policy on nothing": func(s *siege) {
		s.put(s.servers[0].but("PII: [sales.customer_orders.lastname]", "PII: [sales.customer_orders.surname]"))
	},
	"needs a restart": func(s *siege) { s.put(s.servers[0].text + "\nlimits: {connections: 10}\n") },
	"another policy":  func(s *siege) { s.put(s.servers[0].but(masked, unmasked)) },
	"third platform": func(s *siege) {
		s.put(s.servers[0].but("  shop:\n", "  third: {engine: sqlite, path: nowhere.db}\n  shop:\n"))
	},
	"not disabled there": func(s *siege) {
		s.put(s.servers[0].but("  - name: marketing-agent\n", "  - name: marketing-agent\n    disabled: false\n",
			"identity:\n", "identity:\n  users: [{id: taylor, disabled: false}]\n"))
	},
}

func (s *siege) put(text string) { s.servers[0].write(text) }

// spellings are how an administrator may name the parties.
var spellings = map[string][]stops.Stop{
	"agent": {stopAgent},
	"user":  {stopUser, {User: "Taylor"}, {User: "ｔａｙｌｏｒ"}},
}

// call is one call of Taylor's at a server; a refused one says why.
func (s *siege) call(server int, transport, sql string) says {
	w := s.servers[server]
	if transport == "stdio" {
		return w.sends(transport, callOf(sql), w.stage.Token(demo.Taylor))
	}
	answer := make(says, 1)
	r := w.request(w.t.Context(), s.urls[server], callOf(sql), w.stage.AgentKey, w.stage.Token(demo.Taylor))
	go func() {
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answer <- fmt.Sprint(response.StatusCode, " ", string(text))
	}()
	return answer
}

// unproved is what every caller is told while the issuer of a file that has just come into force cannot be asked for
// its keys: it is not known who calls, and so not whether they are stopped.
const unproved = "its issuer's keys are not available"

// Whatever comes over the platforms, the issuer and the file, before, during or after: the next call of a stopped
// party is refused at every server and over every transport, and its running ones end.
func TestStopHoldsInTrouble(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		flag.Set("rapid.checks", "25")
		t.Cleanup(func() { flag.Set("rapid.checks", f.DefValue) })
	}
	s := besiege(t)
	rapid.Check(t, func(t *rapid.T) {
		s.peace()
		names := map[string][]string{}
		kinds := rapid.SampledFrom(slices.Sorted(maps.Keys(troubles)))
		for _, when := range []string{"before", "during", "after"} {
			names[when] = rapid.SliceOfNDistinct(kinds, 0, 2, rapid.ID[string]).Draw(t, when)
		}
		strike := func(when string) {
			for _, name := range names[when] {
				troubles[name](s)
			}
		}
		server, transport := rapid.IntRange(0, 1).Draw(t, "server"), rapid.SampledFrom([]string{"HTTP", "stdio"}).Draw(t,
			"transport")
		party := rapid.SampledFrom([]string{"agent", "user"}).Draw(t, "party")
		stop := rapid.SampledFrom(spellings[party]).Draw(t, "spelling")

		runs := s.call(server, transport, endless)
		intent := s.servers[server].awaitRecord(func(r audit.Record) bool {
			return r.Phase == audit.Intent && r.SQL == endless && !s.ended(server, r.ID)
		})
		strike("before")
		if rapid.Bool().Draw(t, "looked at") { // the servers have seen the trouble, and its file is refused or waits
			s.servers[0].Reload(s.servers[0].t.Context())
		}
		strike("during")
		s.servers[0].stop(stop)
		strike("after")
		for i := range s.servers {
			for _, transport := range []string{"HTTP", "stdio"} {
				got := <-s.call(i, transport, "SELECT region FROM customer_orders")
				refused := strings.Contains(got, "is disabled") && (transport == "stdio" || strings.HasPrefix(got, "403 "))
				if !refused && !(s.servers[0].stage.Issuer().Down() && strings.Contains(got, unproved)) {
					t.Fatalf("the next call at server %d over %s is answered %s", i, transport, got)
				}
			}
		}
		if got := <-runs; !strings.Contains(got, `"stopped"`) {
			t.Fatalf("the running call is answered %s", got)
		}
		s.servers[server].awaitRecord(func(r audit.Record) bool {
			return r.Phase == audit.Ended && r.ID == intent.ID &&
				r.Code == "stopped"
		})
	})
}

// ended reports whether a call's outcome is on a server's record.
func (s *siege) ended(server int, id string) bool {
	for _, r := range s.servers[server].records() {
		if r.ID == id {
			return true
		}
	}
	return false
}
