package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
	"deputy/tools"
	"deputy/tools/desk"
)

// answers is what the clients of servers that were killed have been answered. A name that is not in asked was answered
// nothing.
type answers struct {
	mu       sync.Mutex
	asking   []string                               // everybody who has asked, answered or not
	asked    map[string]string                      // the request, by who asked
	answered map[string]bool                        // calls, by the ids of their records
	verdicts map[string]map[string]requests.Verdict // by request and record
}

func TestKilledAtAnyMomentWhatWasAskedAndDecidedIsThereOnce(t *testing.T) {
	for name, inPostgres := range map[string]string{"requests in SQLite": "", "requests in PostgreSQL": "asking_killed"} {
		t.Run(name, func(t *testing.T) {
			s := askingStage(t, config.SQLite, inPostgres)
			kept := keptOf(t, s)
			address, path := serving.Address(t), filepath.Join(t.TempDir(), "audit.jsonl")
			url := "http://" + address + "/mcp"
			start := func() (kill func()) {
				server := process(
					t,
					s,
					[]string{"DEMO_AUDIT=" + path, "DEMO_LISTEN=" + address},
					"serve",
					"--listen",
					address,
				)
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
				return func() {
					server.Process.Kill() // SIGKILL: no instruction of ours runs any more
					server.Wait()
				}
			}
			all := &answers{
				asked:    map[string]string{},
				answered: map[string]bool{},
				verdicts: map[string]map[string]requests.Verdict{},
			}
			for round := range (rounds(t) + 3) / 4 {
				kill := start()
				all.load(t, s, url, fmt.Sprintf("round%d", round), time.Duration(rand.IntN(200))*time.Millisecond, kill)
			}
			kill := start()
			defer kill()
			all.askAgain(t, s, url, kept)
			kept.swept(t) // by the server, at its start or soon after
			kill()
			close := start() // closes what the killing has left
			awaited(t, url, s.AgentKey, s.TokenFor(demo.Taylor, url))
			close()
			all.check(t, kept, path)
		})
	}
}

// load lets people ask and Dana decide, until the server is gone.
func (all *answers) load(t *testing.T, s *demo.Stage, url, round string, after time.Duration, kill func()) {
	t.Helper()
	awaited(t, url, s.AgentKey, s.TokenFor(demo.Taylor, url))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var working sync.WaitGroup
	for worker := range 4 {
		working.Go(func() {
			for i := 0; all.one(ctx, t, s, url, fmt.Sprintf("%s-%d-%d", round, worker, i), i); i++ {
			}
		})
	}
	time.Sleep(after)
	kill()
	working.Wait()
}

// one is the way of one person's request, as far as the server lives.
func (all *answers) one(ctx context.Context, t *testing.T, s *demo.Stage, url, name string, i int) bool {
	c, err := client.HTTP(
		ctx,
		url,
		s.AgentKey,
		s.TokenFor(demo.Person{Subject: name, Groups: []string{"Marketing"}}, url),
	)
	if err != nil {
		return false
	}
	defer c.Close()
	all.note(func() { all.asking = append(all.asking, name) })
	for range 2 {
		r, err := askFor(ctx, c)
		if err != nil {
			return false
		}
		all.note(func() {
			if before, asked := all.asked[name]; asked && before != r.ID {
				t.Errorf("%s asked twice and was told of %s and %s", name, before, r.ID)
			}
			all.asked[name], all.answered[r.AuditID] = r.ID, true
		})
	}
	steps := [][2]string{{"approve", `{"duration":"PT1S"}`}} // and is over when the next server looks
	switch i % 3 {
	case 1:
		steps = [][2]string{{"deny", ""}}
	case 2:
		steps = [][2]string{{"approve", ""}, {"revoke", ""}}
	}
	for _, step := range steps {
		if !all.decide(ctx, t, s, url, all.requestOf(name), step[0], step[1]) {
			return false
		}
	}
	return true
}

func askFor(ctx context.Context, c *client.Client) (*tools.AccessRequest, error) {
	return c.RequestAccess(
		ctx,
		map[string]any{
			"table":    "sales.customer_orders",
			"columns":  []string{"lastname"},
			"reason":   "envelopes",
			"duration": "1h",
		},
	)
}

func (all *answers) decide(ctx context.Context, t *testing.T, s *demo.Stage, url, id, verdict, body string) bool {
	request, err := http.NewRequestWithContext(
		ctx,
		http.MethodPost,
		strings.TrimSuffix(url, "/mcp")+"/api/requests/"+id+"/"+verdict,
		bytes.NewReader([]byte(body)),
	)
	if err != nil {
		t.Error(err)
		return false
	}
	request.Header.Set("Authorization", "Bearer "+s.StewardTokenFor(demo.Dana, url))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var v desk.View
	if err := json.NewDecoder(response.Body).Decode(&v); err != nil {
		return false
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s %s is answered %d", verdict, id, response.StatusCode)
		return false
	}
	all.note(func() {
		all.answered[v.AuditID] = true
		if all.verdicts[id] == nil {
			all.verdicts[id] = map[string]requests.Verdict{}
		}
		all.verdicts[id][v.AuditID] = requests.Verdict(verdict)
	})
	return true
}

func (all *answers) note(what func()) {
	all.mu.Lock()
	defer all.mu.Unlock()
	what()
}

func (all *answers) requestOf(name string) string {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.asked[name]
}

// askAgain has those ask once more whose request still waits or who were answered nothing: it is the same request, if
// there is one.
func (all *answers) askAgain(t *testing.T, s *demo.Stage, url string, kept *keptRequests) {
	t.Helper()
	awaited(t, url, s.AgentKey, s.TokenFor(demo.Taylor, url))
	before := kept.byAsker(t)
	for _, name := range all.asking {
		was, there := before[name]
		if there && was[0].Status != requests.StatusPending {
			continue
		}
		c := served(t, url, s.TokenFor(demo.Person{Subject: name, Groups: []string{"Marketing"}}, url))
		r, err := askFor(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if there && r.ID != was[0].ID {
			t.Errorf("%s asks again and is told of %s and not of %s", name, r.ID, was[0].ID)
		}
		all.asked[name], all.answered[r.AuditID] = r.ID, true
	}
}

// check holds what the clients were told, what is kept and what is on the record against each other.
func (all *answers) check(t *testing.T, kept *keptRequests, path string) {
	t.Helper()
	intents, outcomes, expired := map[string]audit.Record{}, map[string]audit.Record{}, map[string]map[string]bool{}
	for e, err := range audit.Records(path) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Phase == audit.Intent:
			intents[e.ID] = e.Record
		case e.Tool == audit.Expire:
			if expired[e.Request.ID] == nil {
				expired[e.Request.ID] = map[string]bool{}
			}
			expired[e.Request.ID][e.ID] = true // the same id is the same step
		default:
			if before, twice := outcomes[e.ID]; twice {
				t.Errorf("the call %s has two outcomes: %s and %s", e.ID, before.Outcome, e.Outcome)
			}
			outcomes[e.ID] = e.Record
		}
	}
	unknown := 0
	for id, r := range intents {
		if o, ended := outcomes[id]; !ended {
			t.Errorf("%s %s has an intent and no outcome", r.Tool, id)
		} else if o.Outcome == audit.Unknown {
			unknown++
		}
	}
	for id := range all.answered {
		if outcomes[id].Outcome != audit.Answered {
			t.Errorf("a client was answered call %s, and on the record it is %q", id, outcomes[id].Outcome)
		}
	}
	byAsker, decisions := kept.byAsker(t), map[string]requests.Decision{}
	for _, name := range all.asking {
		if len(byAsker[name]) != 1 || byAsker[name][0].ID != all.asked[name] {
			t.Errorf("%s was told of %s, and kept are %+v", name, all.asked[name], byAsker[name])
		}
	}
	over := 0
	for _, made := range byAsker {
		r := made[0]
		for _, d := range r.Decisions {
			decisions[d.ID] = d
			if i, there := intents[d.ID]; !there || i.Request == nil || i.Request.ID != r.ID {
				t.Errorf("the decision %s of %s has no intent: %+v", d.ID, r.ID, i.Request)
			}
		}
		for id, verdict := range all.verdicts[r.ID] {
			if decisions[id].Verdict != verdict {
				t.Errorf("Dana was told that %s is %s, by %s, and kept is %+v", r.ID, verdict, id, r.Decisions)
			}
		}
		if want := map[bool]int{true: 1}[r.Status == requests.StatusExpired]; len(expired[r.ID]) != want {
			t.Errorf("%s is %s, and that it expired is on the record %d times", r.ID, r.Status, len(expired[r.ID]))
		} else {
			over += want
		}
		kept.checkEvents(t, r)
	}
	for id, o := range outcomes {
		if o.Outcome == audit.Answered && (o.Tool == audit.Approve || o.Tool == audit.Deny || o.Tool == audit.Revoke) &&
			decisions[id].ID == "" {
			t.Errorf("%s %s is on the record, and nobody decided so", o.Tool, id)
		}
	}
	if len(decisions) == 0 || over == 0 {
		t.Errorf("nothing was decided (%d) or nothing expired (%d): the test shows nothing", len(decisions), over)
	}
	t.Logf("%d asked, %d decisions, %d expired, %d calls cut off", len(all.asking), len(decisions), over, unknown)
}

// keptRequests is the state as somebody sees it who opens its database.
type keptRequests struct {
	*store.State
	db     *sql.DB
	schema string // with its dot
}

func keptOf(t *testing.T, s *demo.Stage) *keptRequests {
	t.Helper()
	kept := &keptRequests{State: s.State.State()}
	driver, dsn := "postgres", string(s.Config.Requests.State.DSN)
	kept.schema = "deputy_state."
	if dsn == "" {
		driver, dsn, kept.schema = "sqlite3", "file:"+s.Config.Requests.State.File, ""
	}
	var err error
	if kept.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.db.Close() })
	return kept
}

func (kept *keptRequests) byAsker(t *testing.T) map[string][]requests.Request {
	t.Helper()
	all, err := kept.List(t.Context(), requests.Filter{Most: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]requests.Request{}
	for _, r := range all {
		out[r.Asker.User.ID] = append(out[r.Asker.User.ID], r)
	}
	return out
}

// swept waits until a server has written down all that is over.
func (kept *keptRequests) swept(t *testing.T) {
	t.Helper()
	soon := time.Now().Add(2 * time.Second).UnixNano() // nobody asked for less, but for those who asked for hours
	await(
		t,
		kept.db,
		fmt.Sprintf(
			`SELECT count(*) FROM %srequests WHERE status = 'approved' AND ends < %d OR status = 'expired' AND told = 0`,
			kept.schema,
			soon,
		),
		0,
	)
}

// events are the kinds of what was told of a request, in their order.
func (kept *keptRequests) events(t *testing.T, id string) string {
	t.Helper()
	rows, err := kept.db.Query(
		`SELECT kind FROM ` + kept.schema + `events WHERE request = '` + id + `' ORDER BY sequence`,
	)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var kinds []string
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
	}
	return strings.Join(kinds, " ")
}

// checkEvents: each step is told of once, in its order.
func (kept *keptRequests) checkEvents(t *testing.T, r requests.Request) {
	t.Helper()
	want := map[requests.Status]string{
		requests.StatusPending: "created", requests.StatusApproved: "created decided", requests.StatusDenied: "created decided",
		requests.StatusRevoked: "created decided revoked", requests.StatusExpired: "created decided expired",
	}[r.Status]
	if got := strings.Replace(kept.events(t, r.ID), " expiring", "", 1); got != want {
		t.Errorf("%s is %s, and told were %s", r.ID, r.Status, got)
	}
}
