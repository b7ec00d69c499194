package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/mcp/client"
	"deputy/mcp/httpd"
	"deputy/tools"
	"deputy/tools/desk"
)

// askingStage is the demo's, with requests kept in a SQLite file or in a PostgreSQL database of that name.
func askingStage(t *testing.T, engine, inPostgres string, change ...func(*demo.Config)) *demo.Stage {
	t.Helper()
	c := demo.Config{Engine: engine, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)}
	for _, change := range change {
		change(&c)
	}
	if inPostgres != "" {
		pg := cluster.Cluster()
		if err := newDatabase(pg, inPostgres, "SELECT 1"); err != nil {
			t.Fatal(err)
		}
		c.State = asURL(pg, "dba", inPostgres)
		if _, err := store.Migrate(t.Context(), store.Config{DSN: c.State}, func(store.Migration) {}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := demo.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// names is what somebody sees of the last names: "clear" or "masked".
func names(t *testing.T, c *client.Client) string {
	t.Helper()
	r, err := c.Query(t.Context(), map[string]any{"sql": demo.RecentOrders})
	if err != nil {
		return err.Error()
	}
	var seen []string
	for _, row := range r.Rows {
		seen = append(seen, row[0].(string))
	}
	switch {
	case slices.Equal(seen, demo.Names):
		return "clear"
	case len(seen) == 5 && len(slices.Compact(seen)) == 1 && seen[0] == "REDACTED":
		return "masked"
	}
	return fmt.Sprint(seen)
}

// ask asks with what the notice of a masked column says.
func ask(t *testing.T, c *client.Client, duration string) *tools.AccessRequest {
	t.Helper()
	r, err := c.Query(t.Context(), map[string]any{"sql": demo.RecentOrders})
	if err != nil {
		t.Fatal(err)
	}
	args, err := demo.Asking(r.Notices)
	if err != nil {
		t.Fatal(err)
	}
	args["reason"], args["duration"] = "the names go on the envelopes", duration
	asked, err := c.RequestAccess(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

func decide(t *testing.T, s *demo.Stage, id, verdict string, body any) *desk.View {
	t.Helper()
	var v desk.View
	if err := s.Decide(t.Context(), demo.Dana, http.MethodPost, id+"/"+verdict, body, &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

func show(t *testing.T, s *demo.Stage, id string) *desk.View {
	t.Helper()
	var v desk.View
	if err := s.Decide(t.Context(), demo.Dana, http.MethodGet, id, nil, &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestTaylorSeesTheNamesForAnHourOnceAStewardSaysSo(t *testing.T) {
	for _, engine := range engines {
		for _, inPostgres := range []string{"", "asking_" + engine} {
			t.Run(
				engine+map[bool]string{true: ", requests in SQLite", false: ", requests in PostgreSQL"}[inPostgres == ""],
				func(t *testing.T) {
					s := askingStage(t, engine, inPostgres)
					taylor := overHTTP(t, s, s.Token(demo.Taylor), "")
					if got := names(t, taylor); got != "masked" {
						t.Fatalf("before, the names are %s", got)
					}
					asked := ask(t, taylor, "2h")
					if asked.Status != "pending" || len(asked.Approvers) != 1 ||
						!strings.Contains(asked.Approvers[0], "Data-Stewards") {
						t.Fatalf("the request is %+v", asked)
					}
					if again := ask(t, overStdio(t, s, s.AgentKey, s.Token(demo.Taylor)), "1h"); again.ID != asked.ID {
						t.Errorf("asking twice gives %s and %s", asked.ID, again.ID)
					}
					if got := names(t, taylor); got != "masked" {
						t.Errorf("with a request that waits, the names are %s", got)
					}
					v := decide(t, s, asked.ID, "approve", map[string]string{"duration": "1h", "note": "one hour will do"})
					if v.Status != requests.StatusApproved || v.ExpiresAt.Sub(v.Decisions[0].Time) != time.Hour {
						t.Errorf("it is approved as %+v", v)
					}
					if got := names(t, taylor); got != "clear" {
						t.Errorf("once approved, the names are %s", got)
					}
					if got := names(t, overHTTP(t, s, s.Token(demo.Person{Subject: "alex", Groups: []string{"Marketing"}}), "")); got != "masked" {
						t.Errorf("for a colleague, the names are %s", got)
					}
					s.Pass(v.ExpiresAt.Sub(s.Now()) - 10*time.Second)
					overHour := overHTTP(t, s, s.Token(demo.Taylor), "")
					if got := names(t, overHour); got != "clear" {
						t.Errorf("seconds before its end, the names are %s", got)
					}
					s.Pass(v.ExpiresAt.Sub(s.Now()))
					if got := names(t, overHTTP(t, s, s.Token(demo.Taylor), "")); got != "masked" {
						t.Errorf("when the hour is over, the names are %s", got)
					}
					for range 2 {
						if err := s.Sweep(t.Context(), s.Now()); err != nil {
							t.Fatal(err)
						}
					}
					assertStory(t, s.AuditFile, asked.ID)
				},
			)
		}
	}
}

// assertStory holds each step against its record.
func assertStory(t *testing.T, log, id string) {
	t.Helper()
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var steps []string
	for r, err := range audit.Read(file) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Request != nil:
			if r.Request.ID != id && r.Phase != audit.Intent { // an intent names the request that it would make
				t.Errorf("a record names %s", r.Request.ID)
			}
			steps = append(steps, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Tool, r.Phase, r.Request.Status)))
			if r.Tool == audit.Approve &&
				(r.User == nil || r.User.ID != "dana" || r.Agent.ID != "" || r.Mode != audit.InPerson || r.Request.User != "taylor" || r.Request.Note != "one hour will do") {
				t.Errorf("the approval is on the record as %+v, %+v", r, r.Request)
			}
		case r.Tool == "query" && r.Phase == audit.Ended && len(r.Tables) == 1:
			seen := "masked"
			if len(r.Tables[0].Masked) == 0 {
				seen = "clear"
			}
			if rests := slices.Equal(r.Tables[0].Requests, []string{id}); rests != (seen == "clear" && r.User.ID == "taylor") {
				t.Errorf("what %s saw %s rests on %v", r.User.ID, seen, r.Tables[0].Requests)
			}
			steps = append(steps, "query "+seen)
		}
	}
	// nothing is made
	want := []string{
		"query masked",
		"query masked",
		"request_access intent",
		"request_access outcome pending",
		"query masked",
		"request_access outcome pending",
		"query masked",
		"approve_request intent",
		"approve_request outcome approved",
		"query clear",
		"query masked",
		"query clear",
		"query masked",
		"expire_request outcome expired",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("on the record is\n%s\nnot\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatWasApprovedIsGoneWithTheNextCallOnceItIsRevoked(t *testing.T) {
	s := askingStage(t, config.SQLite, "")
	taylor := overHTTP(t, s, s.Token(demo.Taylor), "")
	id := ask(t, taylor, "8h").ID
	decide(t, s, id, "approve", nil)
	if got := names(t, taylor); got != "clear" {
		t.Fatalf("once approved, the names are %s", got)
	}
	decide(t, s, id, "revoke", map[string]string{"note": "the mailing was stopped"})
	if got := names(t, taylor); got != "masked" {
		t.Errorf("once revoked, the names are %s", got)
	}
	again := ask(t, taylor, "8h")
	if again.ID == id || again.Status != "pending" {
		t.Errorf("asked again, it is %+v", again)
	}
}

func TestExplainShowsWhatWasApproved(t *testing.T) {
	s := askingStage(t, config.SQLite, "")
	taylor := overHTTP(t, s, s.Token(demo.Taylor), "")
	explain := func(user string) string {
		return command(
			t,
			append(os.Environ(), s.Environment()...),
			"explain",
			"--config",
			s.ConfigFile,
			"--user",
			user,
			"--groups",
			"Marketing",
			"--agent",
			"marketing-agent",
			"customer_orders",
		)
	}
	before := explain("taylor")
	id := ask(t, taylor, "8h").ID
	decide(t, s, id, "approve", nil)
	if after := explain("taylor"); before == after || !strings.Contains(after, "request "+id) ||
		strings.Contains(before, id) {
		t.Errorf("explain says before\n%s\nand after\n%s", before, after)
	}
	if alex := explain("alex"); strings.Contains(alex, id) {
		t.Errorf("explain says of a colleague\n%s", alex)
	}
	who := command(
		t, append(os.Environ(), s.Environment()...),
		"who", "--config", s.ConfigFile, "customer_orders.lastname", "--log", s.AuditFile,
	)
	named := 0
	for line := range strings.Lines(who) {
		if !strings.Contains(line, "request "+id) {
			continue
		}
		if named++; !strings.HasPrefix(strings.TrimSpace(line), "taylor ") || !strings.Contains(line, "as it is") {
			t.Errorf("the request counts for\n%s", line)
		}
	}
	if named == 0 {
		t.Errorf("who does not name the person of the record with their request:\n%s", who)
	}
}

func TestAReceiverIsToldInOrderWhatHappensToARequest(t *testing.T) {
	s := askingStage(t, config.SQLite, "")
	told := make(chan string, 10)
	verifier, err := standard.NewWebhook("whsec_c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gc2lnbg==")
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m struct {
			Type string
			Data struct{ Status string }
		}
		if err := errors.Join(verifier.Verify(body, r.Header), json.Unmarshal(body, &m)); err != nil {
			t.Error(err)
		}
		told <- m.Type + " " + m.Data.Status
	}))
	defer receiver.Close()
	text, err := os.ReadFile(s.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	reconfigure(
		t,
		s,
		string(text),
		"requests:\n",
		"requests:\n  webhooks: [{name: stewards, url: \""+receiver.URL+"\", secret: whsec_c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gc2lnbg==}]\n",
	)
	url := replica(t, s)
	id := ask(t, served(t, url, s.Token(demo.Taylor)), "8h").ID
	for _, verdict := range []string{"approve", "revoke"} {
		if status, body := decideAt(t, s, url, id, verdict); status != http.StatusOK {
			t.Fatalf("%s: %d %s", verdict, status, body)
		}
	}
	id = ask(t, served(t, url, s.Token(demo.Taylor)), "8h").ID
	decide(t, s, id, "approve", nil)
	// by the stage's clock; the other server sends by its own
	for _, later := range []time.Duration{7*time.Hour - time.Second, time.Second, time.Hour} {
		s.Pass(later)
		if err := s.Sweep(t.Context(), s.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"request.created pending", "request.decided approved", "request.revoked revoked",
		"request.created pending", "request.decided approved", "request.expiring approved", "request.expired expired",
	} {
		select {
		case got := <-told:
			if got != want {
				t.Errorf("told of %s and not of %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody is told of %s", want)
		}
	}
}

// replica is one more server over the stage's database and state, with an audit log of its own.
func replica(t *testing.T, s *demo.Stage, change ...func(*config.Config)) string {
	t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	url := "http://" + listener.Listener.Addr().String()
	env := map[string]string{}
	for _, pair := range s.Environment() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	env["DEMO_AUDIT"], env["DEMO_LISTEN"] = t.TempDir()+"/audit.jsonl", strings.TrimPrefix(url, "http://")
	live, err := assembly.Follow(t.Context(), func() (*config.Config, error) {
		cfg, err := config.Load(s.ConfigFile, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		if err == nil {
			cfg.Identity.Issuers[0].Audience = s.URL // the tokens are for both
			for _, change := range change {
				change(cfg)
			}
		}
		return cfg, err
	}, func(string) zerolog.Logger { return zerolog.Nop() })
	if err != nil {
		t.Fatal(err)
	}
	handler, err := httpd.New(live.HTTP("test"))
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler = handler
	listener.Start()
	t.Cleanup(func() { listener.Close(); live.Close() })
	return url + "/mcp"
}

func TestARequestMadeAtOneReplicaIsApprovedAtTheOther(t *testing.T) {
	s := askingStage(t, config.Postgres, "replicas")
	other := replica(t, s)
	here, there := overHTTP(t, s, s.Token(demo.Taylor), ""), served(t, other, s.Token(demo.Taylor))
	asked := ask(t, here, "8h")
	if again := ask(t, there, "8h"); again.ID != asked.ID {
		t.Errorf("asked at the other, it is %s and not %s", again.ID, asked.ID)
	}
	if status, body := decideAt(t, s, other, asked.ID, "approve"); status != http.StatusOK {
		t.Fatalf("approved at the other: %d %s", status, body)
	}
	for where, c := range map[string]*client.Client{"here": here, "there": there} {
		if got := names(t, c); got != "clear" {
			t.Errorf("%s, the names are %s", where, got)
		}
	}
	if status, body := decideAt(t, s, s.URL, asked.ID, "revoke"); status != http.StatusOK {
		t.Fatalf("revoked here: %d %s", status, body)
	}
	if got := names(t, there); got != "masked" {
		t.Errorf("once it is revoked here, the names are %s there", got)
	}
}

func TestFiftyDecisionsAtTwoReplicasEndInOneOutcome(t *testing.T) {
	s := askingStage(t, config.Postgres, "fifty")
	logs := []string{s.AuditFile, ""}
	servers := []string{s.URL, replica(t, s, func(c *config.Config) { logs[1] = c.Audit.File })}
	taylor := overHTTP(t, s, s.Token(demo.Taylor), "")
	asked := ask(t, taylor, "8h")
	verdicts := []string{"approve", "deny", "revoke"}
	var mu sync.Mutex
	said := map[string][]int{}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			verdict := verdicts[i%3]
			status, body := decideAt(t, s, servers[i%2], asked.ID, verdict)
			if status != http.StatusOK && status != http.StatusConflict && status != http.StatusForbidden {
				t.Errorf("%s is answered %d %s", verdict, status, body)
			}
			mu.Lock()
			defer mu.Unlock()
			said[verdict] = append(said[verdict], status)
		})
	}
	all.Wait()
	count := func(verdict string) (n int) {
		for _, status := range said[verdict] {
			if status == http.StatusOK {
				n++
			}
		}
		return n
	}
	var v desk.View
	if err := s.Decide(t.Context(), demo.Dana, http.MethodGet, asked.ID, nil, &v); err != nil {
		t.Fatal(err)
	}
	approved, denied, revoked := count("approve"), count("deny"), count("revoke")
	if approved+denied != 1 || revoked > approved || len(v.Decisions) != approved+denied+revoked {
		t.Errorf(
			"%d were told that they approved, %d that they denied, %d that they revoked; the decisions are %+v",
			approved,
			denied,
			revoked,
			v.Decisions,
		)
	}
	want := map[bool]string{true: "clear", false: "masked"}[v.Status == requests.StatusApproved]
	if got := names(t, taylor); got != want {
		t.Errorf("it is %s, and the names are %s", v.Status, got)
	}
	if told, want := keptOf(t, s).events(t, asked.ID), "created decided"+strings.Repeat(" revoked", revoked); told != want {
		t.Errorf("told were %s and not %s", told, want)
	}
	assertDecisionsOnRecord(t, logs, v.Decisions, 50)
}

// assertDecisionsOnRecord: of so many who decided, those whose decision counts are answered on the record, and no
// others; each of them with what they were about to do before it.
func assertDecisionsOnRecord(t *testing.T, logs []string, decisions []requests.Decision, all int) {
	t.Helper()
	intents, answered, ended := map[string]bool{}, []string{}, 0
	for _, log := range logs {
		for _, r := range allRecords(t, log) {
			switch {
			case r.Tool != audit.Approve && r.Tool != audit.Deny && r.Tool != audit.Revoke:
			case r.Phase == audit.Intent:
				intents[r.ID] = true
			default:
				ended++
				if r.Outcome == audit.Answered {
					answered = append(answered, r.ID)
				}
			}
		}
	}
	var want []string
	for _, d := range decisions {
		if want = append(want, d.ID); !intents[d.ID] {
			t.Errorf("the decision %s has no intent", d.ID)
		}
	}
	slices.Sort(want)
	slices.Sort(answered)
	if !slices.Equal(answered, want) || ended != all {
		t.Errorf("on the record %d decided, %v with success; the decisions are %v", ended, answered, want)
	}
}

func served(t *testing.T, url, token string) *client.Client {
	t.Helper()
	c, err := client.HTTP(t.Context(), url, token, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// decideAt decides at a server, as Dana.
func decideAt(t *testing.T, s *demo.Stage, url, id, verdict string) (status int, body map[string]any) {
	request, err := http.NewRequestWithContext(
		context.WithoutCancel(t.Context()),
		http.MethodPost,
		strings.TrimSuffix(url, "/mcp")+"/api/requests/"+id+"/"+verdict,
		nil,
	)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	request.Header.Set("Authorization", "Bearer "+s.StewardToken(demo.Dana))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&body)
	return response.StatusCode, body
}
