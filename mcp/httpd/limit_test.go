package httpd

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deputy/identity"
	"deputy/mcp"
	"deputy/tools"
)

func TestTooManyCallsAtOnceAreTurnedAway(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	cfg := config(&fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		started <- struct{}{}
		<-release
		return orders(), nil
	}})
	cfg.Limits = func() Limits { return Limits{Calls: 3, CallerCalls: 2} }
	server := serve(t, cfg)
	answers := make(chan int)
	call := func(user string) {
		r := request(t, server, queryBody, func(r *http.Request) { r.Header.Set("Authorization", "Bearer token-"+user) })
		go func() {
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				answers <- 0
				return
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK && response.Header.Get("Retry-After") != "1" {
				t.Error("nothing says when to try again")
			}
			answers <- response.StatusCode
		}()
	}
	call("ann")
	<-started
	call("ann")
	<-started
	call("ann")
	if status := <-answers; status != http.StatusTooManyRequests {
		t.Errorf("ann's third call is answered %d", status)
	}
	call("bob")
	<-started // one user cannot take all
	call("cid")
	if status := <-answers; status != http.StatusServiceUnavailable {
		t.Errorf("with the server full, cid is answered %d", status)
	}
	close(release)
	for range 3 {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("a running call ends with %d", status)
		}
	}
	call("ann")
	<-started
	if status := <-answers; status != http.StatusOK {
		t.Errorf("with nothing running, ann is answered %d", status)
	}
}

// clock stands still until it is set.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1_800_000_000+c.Load(), 0) }

func TestACallerWhoComesTooOftenWaitsAndNobodyElseDoes(t *testing.T) {
	fake, time := &fakeTools{}, &clock{}
	limits := atomic.Pointer[Limits]{}
	limits.Store(&Limits{CallerPerMinute: 30})
	cfg := config(fake)
	cfg.Now, cfg.Limits = time.now, func() Limits { return *limits.Load() }
	server := serve(t, cfg)
	expect := func(user string, status int, wait string) {
		t.Helper()
		response, body := do(t, request(t, server, queryBody, as(user)))
		if response.StatusCode != status || response.Header.Get("Retry-After") != wait {
			t.Errorf("%s is answered %d %s, to wait %q", user, response.StatusCode, body, response.Header.Get("Retry-After"))
		}
		if status == http.StatusTooManyRequests &&
			(!strings.Contains(body, `"error":"too_busy"`) || strings.Contains(body, "jsonrpc")) {
			t.Errorf("%s is told %s", user, body)
		}
	}
	for range 30 {
		expect("ann", 200, "")
	}
	expect("ann", 429, "2")
	expect("bob", 200, "")
	if want := []string{"127.0.0.1 bot ann: " + "too many requests in a short time: wait before the next one"}; !reflect.DeepEqual(
		fake.Limited,
		want,
	) {
		t.Errorf("for the record there is %q", fake.Limited)
	}
	time.Add(2)
	expect("ann", 200, "")
	expect("ann", 429, "2")
	limits.Store(&Limits{CallerPerMinute: 600}) // the configuration was changed
	expect("ann", 429, "1")
	time.Add(1)
	for range 10 {
		expect("ann", 200, "")
	}
	expect("ann", 429, "1")
}

// What an agent's registration allows holds for all its users together.
func TestAnAgentHasLimitsOfItsOwn(t *testing.T) {
	time := &clock{}
	running, release := make(chan struct{}, 10), make(chan struct{})
	fake := &fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		running <- struct{}{}
		<-release
		return orders(), nil
	}}
	limits := identity.Limits{Concurrent: 2, PerMinute: 4}
	cfg := configFor(fake, hesitant{sees: func(string) {}, limits: limits})
	cfg.Now = time.now
	server := serve(t, cfg)
	var answers []<-chan string
	for _, user := range []string{"ann", "bob"} {
		answers = append(answers, send(t, request(t, server, queryBody, as(user))))
		<-running
	}
	if response, body := do(t, request(t, server, queryBody, as("cid"))); response.StatusCode != http.StatusTooManyRequests ||
		!strings.Contains(body, "this agent has too many calls running") {
		t.Errorf("a third user at once is answered %d %s", response.StatusCode, body)
	}
	close(release)
	for _, a := range answers {
		<-a
	}
	if response, body := do(t, request(t, server, queryBody, as("cid"))); response.StatusCode != http.StatusOK {
		t.Errorf("the fourth in a minute is answered %d %s", response.StatusCode, body)
	}
	if response, body := do(t, request(t, server, queryBody, as("dot"))); response.StatusCode != http.StatusTooManyRequests ||
		!strings.Contains(body, "this agent sends too many") {
		t.Errorf("the fifth in a minute is answered %d %s", response.StatusCode, body)
	}
	time.Add(15)
	if response, body := do(t, request(t, server, queryBody, as("dot"))); response.StatusCode != http.StatusOK {
		t.Errorf("a quarter of a minute later it is answered %d %s", response.StatusCode, body)
	}
}

// An address that guesses costs no verification, once it has used up its requests, and is heard no more than that.
func TestAnAddressThatComesTooOftenIsNotEvenVerified(t *testing.T) {
	fake, time := &fakeTools{}, &clock{}
	cfg := config(fake)
	cfg.Now, cfg.Limits = time.now, func() Limits { return Limits{AddressPerMinute: 60} }
	cfg.Proxies = Proxies{netip.MustParsePrefix("127.0.0.1/32")}
	server := serve(t, cfg)
	from := func(address, token string) int {
		response, _ := do(
			t,
			request(
				t,
				server,
				queryBody,
				header("X-Forwarded-For", address),
				func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
			),
		)
		return response.StatusCode
	}
	for range 60 {
		if status := from("203.0.113.9", "guess"); status != http.StatusUnauthorized {
			t.Fatalf("a guess is answered %d", status)
		}
	}
	for range 5 {
		if status := from("203.0.113.9", "guess"); status != http.StatusTooManyRequests {
			t.Errorf("one guess more is answered %d", status)
		}
	}
	if n := len(fake.TurnedAway()); n != 60 {
		t.Errorf("%d guesses were verified", n)
	}
	if status := from("203.0.113.10", "token-ann"); status != http.StatusOK {
		t.Errorf("another address is answered %d", status)
	}
	if want := "203.0.113.9 : " + "too many requests in a short time: wait before the next one"; len(fake.Limited) != 5 ||
		fake.Limited[0] != want {
		t.Errorf("for the record there is %q", fake.Limited)
	}

	// Whoever has one address of a /64 has all of them.
	addresses := []string{"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"}
	for i := range 60 {
		from(addresses[i%3], "guess")
	}
	if status := from("2001:db8::4", "token-ann"); status != http.StatusTooManyRequests {
		t.Errorf("with yet another address of its network, it is answered %d", status)
	}
	if status := from("2001:db8:0:1::1", "token-ann"); status != http.StatusOK {
		t.Errorf("another network is answered %d", status)
	}
}

// hesitant sees a credential before it is verified.
type hesitant struct {
	fakeAuthenticator
	sees   func(token string)
	limits identity.Limits // of the agent
}

func (h hesitant) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	h.sees(c.Bearer)
	p, err := h.fakeAuthenticator.Authenticate(ctx, c)
	p.Agent.Limits = h.limits
	return p, err
}

func TestRequestsWhoseCallersAreNotProvedAreFew(t *testing.T) {
	hold := make(chan struct{})
	asked := make(chan struct{}, 100)
	who := hesitant{sees: func(token string) {
		if token == "slow" { // its issuer is asked for keys, say
			asked <- struct{}{}
			<-hold
		}
	}}
	cfg := configFor(&fakeTools{}, who)
	cfg.Limits = func() Limits { return Limits{AddressUnproved: 2} }
	server := serve(t, cfg)
	slow := func(r *http.Request) { r.Header.Set("Authorization", "Bearer slow") }
	for range 2 {
		send(t, request(t, server, queryBody, slow))
		<-asked
	}
	response, body := do(t, request(t, server, queryBody, slow))
	if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "1" {
		t.Errorf("the third is answered %d %s", response.StatusCode, body)
	}
	close(hold)
	// What is proved does not count, however long it runs.
	running, release := make(chan struct{}), make(chan struct{})
	cfg.Generations = mcp.Fixed(
		&fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
			running <- struct{}{}
			<-release
			return orders(), nil
		}},
		who,
	)
	server = serve(t, cfg)
	var answers []<-chan string
	for range 5 {
		answers = append(answers, send(t, request(t, server, queryBody)))
		<-running
	}
	close(release)
	for _, a := range answers {
		if got := <-a; !strings.Contains(got, `"audit_id":"a1"`) {
			t.Errorf("a call is answered %s", got)
		}
	}
}
