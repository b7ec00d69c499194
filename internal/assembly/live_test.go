package assembly_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"deputy/audit"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/tools"
)

func TestAChangeOfPolicyReachesTheVeryNextCall(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		if got := w.sees(); got != "REDACTED" {
			t.Fatalf("at first Taylor sees %s", got)
		}
		for name, put := range map[string]func(string){"in place": w.write, "by renaming": w.rename, "by turning a link": w.turn} {
			for range 3 {
				put(w.but(masked, unmasked))
				if got := w.sees(); got != demo.Names[0] {
					t.Errorf("unmasked %s, Taylor sees %s", name, got)
				}
				put(w.text)
				if got := w.sees(); got != "REDACTED" {
					t.Errorf("masked again %s, Taylor sees %s", name, got)
				}
			}
		}
		seen := map[string]string{} // version: what Taylor saw
		for _, r := range w.records() {
			clear := fmt.Sprint(len(r.Tables[0].Masked) == 0)
			if before, ok := seen[r.PolicyVersion]; ok && before != clear {
				t.Errorf("of the version %s the records say both masked and clear", r.PolicyVersion)
			}
			seen[r.PolicyVersion] = clear
		}
		if len(seen) != 2 || seen[""] != "" {
			t.Errorf("two configurations have the versions %v", seen)
		}
	})
}

func TestWhoeverIsTakenOutIsRefusedOnTheVeryNextCall(t *testing.T) {
	w := follow(t, "sqlite")
	for name, gone := range map[string]string{
		"the agent":  w.but("key_sha256: [\"${DEMO_AGENT_KEY_SHA256}\"]", ""),
		"the issuer": w.but("url: ${DEMO_ISSUER}", "url: http://127.0.0.1:1"),
	} {
		w.write(gone)
		if got := w.sees(); !strings.Contains(got, "_token") && !strings.Contains(got, "not from an issuer") &&
			!strings.Contains(got, "not known") {
			t.Errorf("without %s Taylor sees %s", name, got)
		}
		w.write(w.text)
		if got := w.sees(); got != "REDACTED" {
			t.Errorf("with %s again, Taylor sees %s", name, got)
		}
	}
}

// A switch of two words, and each way in front of the tools asks it.
func TestADisabledAgentOrUserIsRefusedOnTheVeryNextCallAndOnTheRecord(t *testing.T) {
	w := follow(t, "sqlite")
	c := w.client(w.serve())
	query := func() string {
		if _, err := c.Query(t.Context(), map[string]any{"sql": names, "platform": "shop"}); err != nil {
			return err.Error()
		}
		return "answered"
	}
	for _, tt := range []struct{ name, text, says string }{
		{"the agent", w.but("  - name: marketing-agent\n", "  - name: marketing-agent\n    disabled: true\n"), "agent marketing-agent is disabled"},
		{"the user", w.but("identity:\n", "identity:\n  users: [{id: taylor, disabled: true}]\n"), "the human whom the token names is disabled here"},
		{"the right to act for Taylor", w.but("  - name: marketing-agent\n", "  - name: marketing-agent\n    acts_for: [user:robin]\n"), "agent marketing-agent may not act for this human"},
	} {
		if got := query(); got != "answered" {
			t.Fatalf("before %s is taken away: %s", tt.name, got)
		}
		w.write(tt.text)
		if got := query(); !strings.Contains(got, "insufficient_access") {
			t.Errorf("without %s the next call over HTTP ends with %s", tt.name, got)
		}
		if got := w.sees(); !strings.Contains(got, tt.says) {
			t.Errorf("without %s Taylor sees %s", tt.name, got)
		}
		r := w.records()[len(w.records())-1]
		if r.Tool != audit.Authenticate || r.Outcome != audit.Denied || r.Agent.ID != "marketing-agent" ||
			r.Credential != w.credential() ||
			len(r.Reasons) != 1 ||
			r.Reasons[0] != tt.says {
			t.Errorf("without %s the record is %+v", tt.name, r)
		}
		if r.User == nil && tt.name != "the agent" || r.User != nil && r.User.ID != "taylor" {
			t.Errorf("without %s the record is about %+v", tt.name, r.User)
		}
		w.write(w.text)
		if got := query(); got != "answered" {
			t.Errorf("with %s again: %s", tt.name, got)
		}
	}
}

func TestABadFileKeepsThePolicyAndSaysWhere(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		url := w.serve()
		version := w.Config().Version
		// the table they are about
		closes := map[string]bool{"a policy about nothing": true, "SQL that the database does not understand": true}
		for _, tt := range []struct{ name, text, log, notice string }{
			{"a typing error", w.but("with: {constant: REDACTED}", "wiht: {constant: REDACTED}"), `deputy.yaml:%d: policies[2]: unknown key \"wiht\"`, "(deputy.yaml:"},
			{"a policy about nothing", w.but("PII: [sales.customer_orders.lastname]", "PII: [sales.customer_orders.surname]"), `deputy.yaml:%d: tags.PII[0]: there is no column`, "(deputy.yaml:"},
			{"SQL that the database does not understand", w.but("policies:\n", "policies:\n  - {name: odd, filter: [sales.customer_orders], where: regoin = 'EU'}\n"), `policy \"odd\": the database does not understand it`, "(deputy.yaml:"},
			{"half a line", w.text[:strings.Index(w.text, "except: group:Pri")+4], `not YAML`, "(deputy.yaml:"},
			{"another address", w.but("listen: ${DEMO_LISTEN}", "listen: 127.0.0.1:9"), `server.listen: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"another name", w.but("listen: ${DEMO_LISTEN}", "listen: ${DEMO_LISTEN}\n  public_url: https://deputy.example.com"), `server.public_url: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"a proxy that is trusted", w.but("listen: ${DEMO_LISTEN}", "listen: ${DEMO_LISTEN}\n  trusted_proxies: [127.0.0.1]"), `server.trusted_proxies: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"more connections", w.text + "\nlimits: {connections: 10}\n", `limits.connections: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"another audit log", w.but("file: ${DEMO_AUDIT}", "file: elsewhere.jsonl"), `audit.file: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"another sink", w.but("file: ${DEMO_AUDIT}", "file: ${DEMO_AUDIT}\n  sinks: [{type: stdout}]"), `audit.sinks: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"another state", w.but("requests:\n", "requests:\n  state: {file: elsewhere.db}\n"), `requests.state: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
			{"a webhook", w.but("requests:\n", "requests:\n  webhooks: [{name: a, url: \"http://127.0.0.1:9\", secret: whsec_c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gc2lnbg==}]\n"), `requests.webhooks: it cannot change while Deputy runs: restart`, "(deputy.yaml:"},
		} {
			w.write(w.text) // what was understood goes on waiting when the next file is not
			if got := w.sees(); got != "REDACTED" || w.Notice() != "" {
				t.Errorf("before %s Taylor sees %s, and the notice is %q", tt.name, got, w.Notice())
			}
			w.write(tt.text)
			got := w.sees()
			if closes[tt.name] && !strings.Contains(got, "unavailable") && !strings.Contains(got, "not_permitted") ||
				!closes[tt.name] && got != "REDACTED" {
				t.Errorf("%s: Taylor sees %s", tt.name, got)
			}
			if strings.Contains(tt.log, "%d") {
				tt.log = tt.log[strings.Index(tt.log, "%d")+2:]
			}
			if log := w.log.String(); !strings.Contains(log, tt.log) || !strings.Contains(log, "the one before") {
				t.Errorf("%s: the log does not say %q: %s", tt.name, tt.log, log)
			}
			status, body := serving.Get(t, url+"/readyz")
			if status != http.StatusOK || !strings.Contains(body, tt.notice) || strings.Contains(body, "lastname") {
				t.Errorf("%s: /readyz says %d %s", tt.name, status, body)
			}
			if records := w.records(); records[len(records)-1].PolicyVersion != version {
				t.Errorf("%s: the record has the version of %+v", tt.name, records[len(records)-1])
			}
		}
		w.write(w.but(masked, unmasked))
		if got := w.sees(); got != demo.Names[0] || w.Notice() != "" {
			t.Errorf("after a good file Taylor sees %s, and the notice is %q", got, w.Notice())
		}
	})
}

// What was counted outlives a change of the file: whoever may touch it gives nobody a minute more.
func TestALimitFollowsTheFileAndForgetsNothing(t *testing.T) {
	w := follow(t, "sqlite")
	w.write(w.text + "\nlimits: {per_caller: {per_minute: 5}}\n")
	w.sees()
	url := w.serve()
	ask := func() int {
		t.Helper()
		body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/mcp", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+w.stage.AgentKey)
		r.Header.Set("Deputy-User-Token", w.stage.Token(demo.Taylor))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	for range 5 {
		if status := ask(); status != http.StatusOK {
			t.Fatalf("a request is answered %d", status)
		}
	}
	w.write(w.text + "\nlimits: {per_caller: {per_minute: 4}}\n")
	w.sees()
	if status := ask(); status != http.StatusTooManyRequests {
		t.Errorf("after the file has changed, one more is answered %d", status)
	}
	if records := w.records(); records[len(records)-1].Code != "too_busy" ||
		records[len(records)-1].User.ID != demo.Taylor.Subject {
		t.Errorf("the record of it is %+v", records[len(records)-1])
	}
}

func TestABadFileIsTriedOnce(t *testing.T) {
	w := follow(t, "sqlite")
	w.write("polices: []\n")
	for range 20 {
		w.sees()
	}
	if n := strings.Count(w.log.String(), "is refused"); n != 1 {
		t.Errorf("a bad file is refused %d times", n)
	}
}

func TestAFileThatIsGoneChangesNothingAndOneThatComesBackCounts(t *testing.T) {
	w := follow(t, "sqlite")
	if err := os.Remove(w.file); err != nil {
		t.Fatal(err)
	}
	w.Reload(t.Context()) // as SIGHUP does
	if got := w.sees(); got != "REDACTED" || !strings.Contains(w.log.String(), "no such file") {
		t.Errorf("without a file Taylor sees %s, and the log says %s", got, w.log.String())
	}
	w.write(w.but(masked, unmasked))
	if got := w.sees(); got != demo.Names[0] {
		t.Errorf("with a file again, Taylor sees %s", got)
	}
}

// What stands in the file before the mask is a valid configuration, and shows names. A writer who takes its time must
// not make it one.
func TestAHalfWrittenFileIsNeverLive(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		_, audit, _ := strings.Cut(w.text, "\naudit:")
		w.text = "audit:" + audit + "\n" + strings.TrimSuffix(w.text, "audit:"+audit)
		half := strings.Index(w.text, "  - name: hide personal data")
		w.write(w.text[:half])
		if got := w.sees(); got != demo.Names[0] {
			t.Fatalf("the first half alone shows %s: it is no attack", got)
		}
		w.write(w.text)
		w.sees()
		stop := make(chan bool)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if got := w.sees(); got != "REDACTED" {
							t.Errorf("while the file is written, Taylor sees %s", got)
						}
					}
				}
			})
		}
		for range 3 {
			file, err := os.Create(w.file)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(file, w.text[:half])
			time.Sleep(300 * time.Millisecond) // longer than a file has to be still
			io.WriteString(file, w.text[half:])
			file.Close()
			time.Sleep(100 * time.Millisecond)
		}
		close(stop)
		all.Wait()
	})
}

// Each of the two configurations hides the names from Taylor. What is known of Taylor by one, judged by the policies of
// the other, would show them.
func TestCallsDuringReloadsSeeOnlyWholeConfigurations(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		users := func(group string) string {
			return "        groups: groups\n  users: [{id: taylor, groups: [" + group + "]}]\n"
		}
		legal := w.but("        groups: groups\n", users("Privacy"), masked, "except: group:Legal")
		privacy := w.but("        groups: groups\n", users("Legal"))
		w.write(legal)
		url := w.serve()
		stop := make(chan bool)
		var all sync.WaitGroup
		for range 8 {
			c := w.client(url)
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					r, err := c.Query(t.Context(), map[string]any{"sql": names})
					if err != nil || r.Rows[0][0] != "REDACTED" {
						t.Errorf("during a reload a call gives %v (%v)", r, err)
						return
					}
				}
			})
		}
		versions := map[string]bool{}
		for i := range 50 {
			if i%2 == 0 {
				w.rename(privacy)
			} else {
				w.write(legal)
			}
			w.sees()
			versions[w.Config().Version] = true
		}
		close(stop)
		all.Wait()
		for _, r := range w.records() {
			if !versions[r.PolicyVersion] {
				t.Errorf("a record has the version %q, which nobody wrote", r.PolicyVersion)
			}
		}
		if len(versions) != 2 {
			t.Errorf("50 reloads of two files made %d versions", len(versions))
		}
	})
}

func TestACallEndsWithTheConfigurationItBeganWithAndThenItsEngineIsClosed(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		g, end := w.Begin(t.Context())
		engine, first := w.Engine("shop"), w.Config().Version
		w.write(strings.ReplaceAll(w.but(masked, unmasked, "  shop:", "  store:"), "the shop", "the store"))
		if got := w.sees(); !strings.Contains(got, "say which platform") {
			t.Errorf("of a platform that is gone Taylor sees %s", got)
		}
		if got := w.seesIn(g); got != "REDACTED" {
			t.Errorf("a call that began before sees %s", got)
		}
		records := w.records()
		if records[len(records)-1].PolicyVersion != first || records[len(records)-2].PolicyVersion == first {
			t.Errorf(
				"the records say %s and %s, and not first another and then %s",
				records[len(records)-2].PolicyVersion,
				records[len(records)-1].PolicyVersion,
				first,
			)
		}
		end()
		_, catalog := engine.Catalog(
			t.Context(),
		) // PostgreSQL's may be remembered, SQLite's list is made without the engine
		if _, standing := engine.Standing(t.Context()); catalog == nil && standing == nil {
			t.Error("an engine that nobody needs is not closed")
		}
		if w.Engine("store") == engine {
			t.Error("a platform that is new has the engine of an old one")
		}
	})
}

func TestAnEngineIsKeptWhileItsPlatformStaysAsItIs(t *testing.T) {
	w := follow(t, "sqlite")
	engine := w.Engine("shop")
	w.write(w.but(masked, unmasked))
	w.sees()
	if w.Engine("shop") != engine {
		t.Error("a change of policy opened the engine anew")
	}
	w.write(w.text + "\nlimits: {concurrency: 3}\n")
	w.sees()
	if w.Engine("shop") == engine {
		t.Error("a change of concurrency is not in the engine")
	}
	if _, err := engine.Catalog(t.Context()); err == nil {
		t.Error("the old engine is not closed")
	}
}

func TestAHeldBackBodyDoesNotKeepWhatIsTakenAway(t *testing.T) {
	w := follow(t, "sqlite")
	url := w.serve()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"sql":"` + names + `"}}}`
	for name, tt := range map[string]struct{ text, says string }{
		"the agent is gone": {w.but("key_sha256: [\"${DEMO_AGENT_KEY_SHA256}\"]", ""), "401"},
		"names are masked":  {w.text, "REDACTED"},
	} {
		w.write(w.but(masked, unmasked))
		w.sees()
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
		// the caller is proved: the server asks for the body
		if line, _ := in.ReadString('\n'); !strings.Contains(line, "100") {
			t.Fatalf("the server says %s", line)
		}
		in.ReadString('\n')
		w.write(tt.text)
		io.WriteString(conn, body)
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		if said := fmt.Sprint(answer.StatusCode, string(text)); !strings.Contains(said, tt.says) ||
			strings.Contains(said, demo.Names[0]) {
			t.Errorf("%s while the body is on its way: %s", name, said)
		}
	}
}

func TestTheToolsSchemasFollow(t *testing.T) {
	w := follow(t, "sqlite")
	url := w.serve()
	list := func() string {
		request, _ := http.NewRequestWithContext(
			t.Context(),
			http.MethodPost,
			url+"/mcp",
			strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`),
		)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		request.Header.Set("Authorization", "Bearer "+w.stage.AgentKey)
		request.Header.Set("Deputy-User-Token", w.stage.Token(demo.Taylor))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	if got := list(); strings.Contains(got, "purpose") || strings.Contains(got, `"platform"`) ||
		!strings.Contains(got, "query") {
		t.Errorf("at first the tools are %s", got)
	}
	w.write(
		w.but(
			"  shop:\n",
			"  copy: {engine: sqlite, path: \"${DEMO_DATABASE}\", schema: sales}\n  shop:\n",
		) + "\npurposes: {support: answering a customer}\n",
	)
	if got := list(); strings.Count(got, `"enum":["support"]`) != 2 ||
		strings.Count(got, `"enum":["copy","shop"]`) != 3 {
		t.Errorf("with purposes and another platform the tools are %s", got)
	}
	c := w.client(url)
	r, err := c.Query(t.Context(), map[string]any{"sql": names, "platform": "copy", "purpose": "support"})
	if err != nil || r.Rows[0][0] != "REDACTED" {
		t.Errorf("the new platform gives %v (%v)", r, err)
	}
	if records := w.records(); records[len(records)-1].Purpose != "support" {
		t.Errorf("the record says %+v", records[len(records)-1])
	}
	w.write(w.text)
	if got := list(); strings.Contains(got, "purpose") {
		t.Errorf("without purposes again the tools are %s", got)
	}
	_, err = c.Query(t.Context(), map[string]any{"sql": names, "purpose": "support"})
	if refusal, ok := err.(*tools.Refusal); !ok ||
		!strings.Contains(refusal.Message, `there is no argument "purpose"`) {
		t.Errorf("without purposes one is answered with %v", err)
	}
}
