package assembly_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp/stdio"
	"deputy/tools"
	"deputy/tools/desk"
)

var (
	stopAgent = stops.Stop{Agent: "marketing-agent"}
	stopUser  = stops.Stop{User: "taylor"}
)

func (w *world) stop(s stops.Stop) {
	w.t.Helper()
	if _, err := stops.Add(w.t.Context(), config.StopsFile(w.file), w.file, s); err != nil {
		w.t.Fatal(err)
	}
}

// says is what becomes of a call that w.sends: its whole answer over HTTP, or over a pipe.
type says chan string

// sends sends a call as Taylor's host would, with the answer on its way.
func (w *world) sends(transport, body, userToken string) says {
	w.t.Helper()
	answer := make(says, 1)
	if transport == "HTTP" {
		r := w.request(w.t.Context(), w.serve(), body, w.stage.AgentKey, userToken)
		r.Header.Set("Accept", "application/json, text/event-stream")
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
	lines, _ := w.pipe(userToken, body)
	go func() { answer <- <-lines }()
	return answer
}

// pipe serves over a pipe, sends what is to be sent, and returns what comes out, line by line, and the way to send
// more.
func (w *world) pipe(userToken string, send ...string) (lines <-chan string, more io.Writer) {
	w.t.Helper()
	in, client := io.Pipe()
	out, server := io.Pipe()
	credentials := func() (identity.Credentials, error) {
		return identity.Credentials{AgentKey: w.stage.AgentKey, UserToken: userToken}, nil
	}
	ctx, end := context.WithCancel(context.Background())
	ended, read := make(chan error), make(chan string, 100)
	go func() {
		served := w.Stdio("test")
		served.Credentials = credentials
		err := stdio.Serve(ctx, served, in, server)
		server.Close()
		ended <- err
	}()
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			read <- scanner.Text()
		}
	}()
	w.t.Cleanup(func() { client.Close(); end(); <-ended })
	for _, line := range send {
		fmt.Fprintln(client, line)
	}
	return read, client
}

// The whole way, over both transports and on both engines: the statement ends in the database, the record says why,
// and so does the answer.
func TestStopEndsTheStatement(t *testing.T) {
	for _, transport := range []string{"stdio", "HTTP"} {
		for name, s := range map[string]stops.Stop{"the agent": stopAgent, "the user": stopUser} {
			t.Run(transport+"/"+name, func(t *testing.T) {
				onBothEngines(t, func(t *testing.T, w *world) {
					w.sees()
					answer := w.sends(transport, callOf(endless), w.stage.Token(demo.Taylor))
					intent := w.awaitRecord(
						func(r audit.Record) bool { return r.Phase == audit.Intent && r.SQL == endless },
					)
					w.awaitSessions(intent.Role.Name, 1)
					w.stop(s)
					if got := <-answer; !strings.Contains(got, `"stopped"`) || !strings.Contains(got, "is disabled") {
						t.Errorf("the call is answered %s", got)
					}
					ended := w.awaitRecord(
						func(r audit.Record) bool { return r.Phase == audit.Ended && r.ID == intent.ID },
					)
					if ended.Outcome != audit.Cancelled || ended.Code != "stopped" || ended.Rows != 0 ||
						len(ended.Reasons) != 1 ||
						!strings.Contains(ended.Reasons[0], "the list of stops") {
						t.Errorf(
							"the record says %s %s, %d rows, %q",
							ended.Outcome,
							ended.Code,
							ended.Rows,
							ended.Reasons,
						)
					}
					w.awaitSessions(intent.Role.Name, 0)
					if got := <-w.sends(
						transport,
						callOf(names),
						w.stage.Token(demo.Taylor),
					); !strings.Contains(
						got,
						"is disabled",
					) {
						t.Errorf("the next call is answered %s", got)
					}
					records := w.records()
					if r := records[len(records)-1]; r.Tool != audit.Authenticate || r.Outcome != audit.Denied ||
						r.Agent.ID != "marketing-agent" {
						t.Errorf("the record of it is %+v", r)
					}
				})
			})
		}
	}
}

// A call that waits for a place at the platform ends, and the one that it waits for goes on.
func TestStopEndsWhatWaits(t *testing.T) {
	w := follow(t, config.SQLite)
	w.write(w.text + "\nlimits: {concurrency: 1}\n")
	w.sees()
	robin := demo.Person{Subject: "robin", Name: "Robin", Groups: []string{"Marketing"}}
	runs := w.sends("HTTP", callOf(endless), w.stage.Token(robin))
	running := w.awaitRecord(func(r audit.Record) bool { return r.Phase == audit.Intent && r.SQL == endless })
	waits := w.sends("stdio", callOf(names), w.stage.Token(demo.Taylor))
	select {
	case got := <-waits:
		t.Fatalf("it does not wait: %s", got)
	default:
	}
	w.stop(stopUser)
	if got := <-waits; !strings.Contains(got, "is disabled") {
		t.Errorf("it is answered %s", got)
	}
	select {
	case got := <-runs:
		t.Errorf("the other one ends with %s", got)
	default:
	}
	w.stop(stops.Stop{User: "robin"})
	<-runs
	if r := w.awaitRecord(func(r audit.Record) bool {
		return r.Phase == audit.Ended &&
			r.ID == running.ID
	}); r.Code != "stopped" {
		t.Errorf("the record says %+v", r)
	}
}

// While the human is asked in the client, nothing has been asked for yet; a stop ends the waiting, and what they say
// then counts for nothing.
func TestStopEndsAQuestion(t *testing.T) {
	w := follow(t, config.SQLite)
	lines, _ := w.pipe(
		w.stage.Token(demo.Taylor),
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":{"elicitation":{}}}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"request_access","arguments":{"table":"customer_orders","columns":["lastname"],"reason":"a customer"}}}`,
	)
	for line := range lines {
		if strings.Contains(line, "elicitation/create") {
			break
		}
	}
	w.stop(stopUser)
	for line := range lines {
		if strings.Contains(line, `"id":2`) {
			if !strings.Contains(line, `"stopped"`) {
				t.Errorf("the call is answered %s", line)
			}
			break
		}
	}
	r := w.awaitRecord(func(r audit.Record) bool { return r.Tool == "request_access" })
	if r.Code != "stopped" || r.Request != nil || len(r.Reasons) != 1 { // and not that the human did not agree
		t.Errorf("the record is %+v", r)
	}
}

// What a stopped caller's client brings back to the server is no answer either.
func TestStoppedIsNotAsked(t *testing.T) {
	w := follow(t, config.SQLite)
	ctx := t.Context()
	g, end := w.Begin(ctx)
	defer end()
	who, err := g.Authenticator().Authenticate(ctx, identity.Credentials{AgentKey: w.stage.AgentKey,
		UserToken: w.stage.Token(demo.Taylor)})
	if err != nil {
		t.Fatal(err)
	}
	call := tools.Call{Principal: who, Client: "test"}
	if g.Tools().Proposal(ctx, call, lastnames) == nil {
		t.Fatal("nothing is proposed to a caller that is not stopped")
	}
	w.stop(stopUser)
	running, leave := w.HTTP("test").Stops.Running(ctx, who)
	defer leave()
	if p := g.Tools().Proposal(running, call, lastnames); p != nil {
		t.Errorf("a stopped caller is proposed %+v", p)
	}
	for name, err := range map[string]error{
		"query":          second(g.Tools().Query(running, call, tools.QueryArgs{SQL: names, Platform: "shop"})),
		"describe_table": second(g.Tools().DescribeTable(running, call, tools.DescribeArgs{Platform: "shop"})),
		"request_access": second(g.Tools().RequestAccess(running, call, lastnames)),
	} {
		if refusal, ok := err.(*tools.Refusal); !ok || refusal.Code != tools.Stopped || refusal.AuditID == "" ||
			!strings.Contains(refusal.Hint, "do not try again") {
			t.Errorf("%s ends with %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStoppedStewardDecidesNothing(t *testing.T) {
	o := newOffice(t)
	sam := o.steward("sam", "Data-Stewards")
	id := o.asking(t, o.stage.Token(demo.Taylor), names4mailing)
	if status, body := o.reads(t, http.MethodGet, sam, "/"+id); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	o.stop(stops.Stop{User: "sam"})
	for _, path := range []string{"/" + id + "/approve", "/" + id + "/deny"} {
		if status, body := o.reads(t, http.MethodPost, sam, path); status != http.StatusForbidden ||
			!strings.Contains(body, "is disabled") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := o.reads(t, http.MethodGet, sam, ""); status != http.StatusForbidden {
		t.Errorf("the list: %d %s", status, body)
	}
	records := o.records()
	if r := records[len(records)-1]; r.Outcome != audit.Denied || r.User == nil || r.User.ID != "corp/sam" {
		t.Errorf("the record is %+v", r)
	}
	// A step that has begun ends, too.
	user := identity.User{Identity: identity.Identity{Kind: identity.KindUser, ID: "corp/sam",
		Groups: []string{"Data-Stewards"}}, Issuer: o.corp.URL(), Subject: "sam"}
	ctx, leave := o.HTTP("test").Stops.Running(t.Context(), identity.Principal{User: &user})
	defer leave()
	g, end := o.Begin(ctx)
	defer end()
	_, err := assembly.DeskOf(g).Rule(ctx, tools.Steward{User: user, Client: "test"}, id,
		desk.Ruling{Verdict: requests.VerdictApprove})
	if refusal, ok := errors.AsType[*tools.Refusal](err); !ok || refusal.Code != tools.Stopped {
		t.Errorf("the step ends with %v", err)
	}
}

// A request whose body is held back until its caller is stopped is not answered.
func TestHeldBackBodyOfStoppedCaller(t *testing.T) {
	w := follow(t, config.SQLite)
	url, body := w.serve(), callOf(names)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(
		conn,
		"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"+
			"Authorization: Bearer %s\r\nDeputy-User-Token: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		w.stage.AgentKey,
		w.stage.Token(demo.Taylor),
		len(body),
	)
	in := bufio.NewReader(conn)
	if line, _ := in.ReadString('\n'); !strings.Contains(line, "100") {
		t.Fatalf("the server says %s", line)
	}
	in.ReadString('\n')
	w.stop(stopUser)
	io.WriteString(conn, body)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	if !strings.Contains(string(text), "is disabled") || strings.Contains(string(text), "REDACTED") {
		t.Errorf("it is answered %d %s", answer.StatusCode, text)
	}
}

// A list that cannot be read stops everything, and says so to the model, to the operator, in /readyz and on the record.
func TestUnreadableListIsSaid(t *testing.T) {
	w := follow(t, config.SQLite)
	url := w.serve()
	type answer struct{ Message, Stops string }
	ready := func() (status int, says answer) {
		t.Helper()
		status = serving.GetJSON(t, url+"/readyz", &says)
		return status, says
	}
	if status, says := ready(); status != http.StatusOK || says.Stops != "none" {
		t.Errorf("without a list /readyz says %d %v", status, says)
	}
	w.stop(stops.Stop{User: "robin"})
	_, hash, err := stops.Read(config.StopsFile(w.file))
	if status, says := ready(); err != nil || status != http.StatusOK || says.Stops != hash || len(hash) != 32 {
		t.Errorf("with a list /readyz says %d %v, and the hash is %s (%v)", status, says, hash, err)
	}
	if err := os.WriteFile(config.StopsFile(w.file), []byte("stops: [robin]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, says := ready(); status != http.StatusServiceUnavailable || says.Stops != stops.Unreadable ||
		!strings.Contains(says.Message, "the list of stops cannot be read") {
		t.Errorf("with rubbish in it /readyz says %d %v", status, says)
	}
	for _, transport := range []string{"HTTP", "stdio"} {
		before := len(w.records())
		got := <-w.sends(transport, callOf(names), w.stage.Token(demo.Taylor))
		if !strings.Contains(got, "the list of stops cannot be read") || strings.Contains(got, "Try again later.") ||
			transport == "HTTP" && !strings.HasPrefix(got, "503 ") {
			t.Errorf("over %s a call is answered %s", transport, got)
		}
		records := w.records()
		if len(records) != before+1 ||
			!strings.Contains(fmt.Sprint(records[len(records)-1].Reasons), "the list of stops") {
			t.Errorf("over %s the record is %+v", transport, records[before:])
		}
	}
	if log := w.log.String(); !strings.Contains(log,
		"the list of stops cannot be read: every call is refused until it can") ||
		!strings.Contains(log, config.StopsFile(w.file)) {
		t.Errorf("the log says %s", log)
	}
	if err := os.Remove(config.StopsFile(w.file)); err != nil {
		t.Fatal(err)
	}
	if status, says := ready(); status != http.StatusOK || says.Stops != hash ||
		!strings.Contains(says.Message, "the list of stops is gone") {
		t.Errorf("without the file /readyz says %d %v", status, says)
	}
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("Taylor sees %s", got)
	}
}

// Every way to prove who one is ends at the list.
func TestStoppedWhateverTheCredential(t *testing.T) {
	w := follow(t, config.SQLite)
	taylor := w.stage.Token(demo.Taylor)
	agentOnly := func(ctx context.Context) error {
		g, end := w.Begin(ctx)
		defer end()
		_, err := g.Authenticator().Authenticate(ctx, identity.Credentials{AgentKey: w.stage.AgentKey})
		if _, ok := errors.AsType[*identity.AgentOnly](err); ok {
			return nil // it is told which tools there are
		}
		return err
	}
	with := func(c identity.Credentials) func(context.Context) error {
		return func(ctx context.Context) error {
			g, end := w.Begin(ctx)
			defer end()
			return second(g.Authenticator().Authenticate(ctx, c))
		}
	}
	ways := map[string]struct {
		ask    func(context.Context) error
		agents bool // it is a call of the agent's
		users  bool // and of the user's
	}{
		"a token":             {with(identity.Credentials{Bearer: taylor}), true, true},
		"a key and a token":   {with(identity.Credentials{AgentKey: w.stage.AgentKey, UserToken: taylor}), true, true},
		"a key as bearer":     {with(identity.Credentials{Bearer: w.stage.AgentKey, UserToken: taylor}), true, true},
		"a key alone":         {agentOnly, true, false},
		"another agent alone": {with(identity.Credentials{AgentKey: w.stage.ScannerKey}), false, false},
		"a steward in person": {func(ctx context.Context) error {
			g, end := w.Begin(ctx)
			defer end()
			return second(
				assembly.PeopleOf(g).Person(ctx, identity.Credentials{Bearer: w.stage.StewardToken(demo.Taylor)}),
			)
		}, false, true},
		"signed in for oneself": {func(ctx context.Context) error { return second(w.SignedIn(ctx, taylor)) }, false,
			true},
		"a token of somebody else's": {with(identity.Credentials{Bearer: w.stage.Token(demo.Person{Subject: "robin",
			Groups: []string{"Marketing"}})}), true, false},
	}
	for name, way := range ways {
		if err := way.ask(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, tt := range []struct {
		stop    stops.Stop
		refused func(name string) bool
	}{
		{stopAgent, func(name string) bool { return ways[name].agents }},
		{stopUser, func(name string) bool { return ways[name].users }},
	} {
		w.stop(tt.stop)
		for name, way := range ways {
			err := way.ask(t.Context())
			why, refused := errors.AsType[*identity.AuthError](err)
			if want := tt.refused(name); refused != want || err != nil && !refused || refused &&
				(!errors.Is(err, identity.ErrStopped) || why.Code != identity.InsufficientAccess || why.Who == nil) {
				t.Errorf("with %s on the list, %s is answered %v", tt.stop, name, err)
			}
		}
		if _, err := stops.Remove(t.Context(), config.StopsFile(w.file), w.file, tt.stop); err != nil {
			t.Fatal(err)
		}
	}
}

// The case from the field: a table that deputy_owner cannot read, and a database that takes no connections.
func TestStopHoldsOnPostgres(t *testing.T) {
	w := follow(t, config.Postgres)
	db, err := w.stage.Cluster().Open("postgres", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, sql := range map[string]string{
		"new table": "ALTER DEFAULT PRIVILEGES IN SCHEMA sales REVOKE SELECT ON TABLES FROM deputy_owner; CREATE TABLE sales.fresh (id int); REVOKE ALL ON sales.fresh FROM deputy_owner",
		"down":      "ALTER ROLE deputy_runner NOLOGIN",
	} {
		if _, err := db.Exec(sql); err != nil {
			t.Fatal(err)
		}
		w.write(w.text + "# " + name + "\n") // a reload, which is refused
		for _, s := range []stops.Stop{stopAgent, stopUser} {
			w.stop(s)
			for _, transport := range []string{"HTTP", "stdio"} {
				if got := <-w.sends(
					transport,
					callOf(names),
					w.stage.Token(demo.Taylor),
				); !strings.Contains(
					got,
					"is disabled",
				) {
					t.Errorf("%s, %s on the list: the next call over %s is answered %s", name, s, transport, got)
				}
			}
			if _, err := stops.Remove(t.Context(), config.StopsFile(w.file), w.file, s); err != nil {
				t.Fatal(err)
			}
		}
	}
}
