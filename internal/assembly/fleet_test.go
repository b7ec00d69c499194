package assembly_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
	"deputy/tools"
)

// two are servers on machines of their own that share a state, and nothing else. The second one has no rule of access
// requests: the state is for the stops alone.
func two(t *testing.T) (one, other *world, cluster *throwaway.Cluster, c store.Config) {
	t.Helper()
	cluster, err := throwaway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	c = store.Config{DSN: cluster.DSN(throwaway.Superuser, "postgres")}
	if _, err := store.Migrate(t.Context(), c, func(store.Migration) {}); err != nil {
		t.Fatal(err)
	}
	state := "  state: {dsn: " + strconv.Quote(c.DSN) + "}\n"
	one, other = withoutRules(t), withoutRules(t)
	one.write(one.text + rules + state)
	other.write(other.text + "\nrequests:\n" + state)
	one.again()
	other.again()
	return one, other, cluster, c
}

// shares changes the list of stops that servers share, as an administrator does on another machine.
func shares(t *testing.T, c store.Config, change func(context.Context, *store.State) error) {
	t.Helper()
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := change(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func stopping(party stops.Stop) func(context.Context, *store.State) error {
	return func(ctx context.Context, s *store.State) error { _, _, err := s.Stop(ctx, party); return err }
}

func lifting(party stops.Stop) func(context.Context, *store.State) error {
	return func(ctx context.Context, s *store.State) error { _, _, err := s.Lift(ctx, party, ""); return err }
}

// comes waits until what Taylor sees has something in it.
func (w *world) comes(want string) {
	w.t.Helper()
	got := ""
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		if got = w.sees(); strings.Contains(got, want) {
			return
		}
	}
	w.t.Fatalf("Taylor sees %s, and never %s", got, want)
}

// robin is what Robin sees, who is in the same group as Taylor and not stopped.
func (w *world) robin() string {
	w.t.Helper()
	ctx := w.t.Context()
	g, end := w.Begin(ctx)
	defer end()
	robin := demo.Person{Subject: "robin", Name: "Robin", Groups: []string{"Marketing"}}
	who, err := g.Authenticator().Authenticate(ctx, identity.Credentials{AgentKey: w.stage.AgentKey,
		UserToken: w.stage.Token(robin)})
	if err != nil {
		return err.Error()
	}
	r, err := g.Tools().Query(ctx, tools.Call{Principal: who, Client: "test"},
		tools.QueryArgs{SQL: names, Platform: "shop"})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Rows[0][0])
}

const closedFor = "could not be read yet, so every call is refused"

// copyOf is where a world's server copies the list to.
func (w *world) copyOf() string { return w.audit + ".stops" }

// One stop in the state holds at every server that shares it: what runs there ends, and nothing begins. It goes on
// while the state is out of reach, at a start without it, and after the state was restored from before it.
func TestStopsOfAFleet(t *testing.T) {
	one, other, cluster, c := two(t)
	for _, w := range []*world{one, other} {
		w.comes("REDACTED")
	}
	answer := other.sends("HTTP", callOf(endless), other.stage.Token(demo.Taylor))
	other.awaitRecord(func(r audit.Record) bool { return r.Phase == audit.Intent && r.SQL == endless })
	shares(t, c, stopping(stopUser))
	if got := <-answer; !strings.Contains(got, `"stopped"`) {
		t.Errorf("the call that ran is answered %s", got)
	}
	for _, w := range []*world{one, other} {
		w.comes("is disabled")
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) { // the copy comes right behind
			if text, _ := os.ReadFile(w.copyOf()); strings.Contains(string(text), "taylor") {
				break
			}
			if time.Since(began) > 30*time.Second {
				t.Fatal("the list is never copied")
			}
		}
	}

	t.Run("frozen", func(t *testing.T) {
		cluster.Freeze()
		defer cluster.Thaw()
		url := other.serve()
		for began := time.Now(); !strings.Contains(ready(t, url).Message, "cannot be read, and is"); {
			if time.Since(began) > 30*time.Second {
				t.Fatalf("/readyz says %+v", ready(t, url))
			}
			time.Sleep(50 * time.Millisecond)
		}
		if got := other.sees(); !strings.Contains(got, "is disabled") {
			t.Errorf("Taylor sees %s", got)
		}
	})
	t.Run("restored", func(t *testing.T) {
		shares(t, c, func(ctx context.Context, _ *store.State) error {
			return cluster.Exec(throwaway.Superuser, "postgres", "DELETE FROM deputy_state.stops")
		})
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) { // a server puts it back
			there := 0
			shares(t, c, func(ctx context.Context, s *store.State) error {
				v, err := s.Stops(ctx, nil)
				there = len(v.Active)
				return err
			})
			if there == 1 {
				break
			}
			if got := other.sees(); !strings.Contains(got, "is disabled") {
				t.Fatalf("Taylor sees %s", got)
			}
			if time.Since(began) > 30*time.Second {
				t.Fatal("the stop is never put back")
			}
		}
		for _, w := range []*world{one, other} {
			if got := w.sees(); !strings.Contains(got, "is disabled") {
				t.Errorf("Taylor sees %s", got)
			}
		}
	})
	t.Run("started without the state", func(t *testing.T) {
		cluster.Halt()
		for _, w := range []*world{one, other} {
			w.again()
			if got := w.sees(); !strings.Contains(got, "is disabled") {
				t.Errorf("Taylor sees %s", got)
			}
			if got := w.robin(); got != "REDACTED" {
				t.Errorf("Robin, who is not stopped, sees %s", got)
			}
		}
	})
	t.Run("started with a broken copy", func(t *testing.T) {
		if err := os.WriteFile(one.copyOf(), []byte("deputy"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(other.copyOf()); err != nil {
			t.Fatal(err)
		}
		for _, w := range []*world{one, other} {
			w.again()
			if got := w.robin(); !strings.Contains(got, closedFor) {
				t.Errorf("Robin sees %s", got)
			}
			says := ready(t, w.serve())
			if says.status != http.StatusServiceUnavailable || says.Shared != stops.Closed ||
				!strings.Contains(says.Message, closedFor) {
				t.Errorf("/readyz says %+v", says)
			}
		}
		if err := cluster.Launch(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, w := range []*world{one, other} {
			w.comes("is disabled")
		}
	})
	t.Run("lifted", func(t *testing.T) {
		shares(t, c, lifting(stopUser))
		for _, w := range []*world{one, other} {
			w.comes("REDACTED")
		}
		one.stop(stopAgent) // in the file beside the configuration: both lists count
		if got := one.sees(); !strings.Contains(got, "is disabled") {
			t.Errorf("with the file alone Taylor sees %s", got)
		}
		if got := other.sees(); got != "REDACTED" {
			t.Errorf("the other server has no such file, and Taylor sees %s", got)
		}
	})
	if names, _ := filepath.Glob(
		filepath.Join(filepath.Dir(one.audit), "."+filepath.Base(one.copyOf())+"*"),
	); len(
		names,
	) > 0 {
		t.Errorf("copies leave %v behind", names)
	}
}

// readyz is what /readyz says of the lists.
type readyz struct {
	status          int
	Message, Shared string
}

func ready(t *testing.T, url string) (r readyz) {
	t.Helper()
	var body struct {
		Message string `json:"message"`
		Shared  string `json:"shared_stops"`
	}
	r.status = serving.GetJSON(t, url+"/readyz", &body)
	r.Message, r.Shared = body.Message, body.Shared
	return r
}

// A list in the state that is not understood stops every call at every server.
func TestUnreadableSharedList(t *testing.T) {
	one, other, cluster, _ := two(t)
	if err := cluster.Exec(throwaway.Superuser, "postgres",
		`INSERT INTO deputy_state.stops (id, body) VALUES ('a', '{"agent":"x","until":"tomorrow"}')`); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*world{one, other} {
		w.comes("is not understood, so every call is refused")
	}
	if err := cluster.Exec(throwaway.Superuser, "postgres", `DELETE FROM deputy_state.stops`); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*world{one, other} {
		w.comes("REDACTED")
	}
}
