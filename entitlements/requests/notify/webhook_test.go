package notify_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/notify"
	"deputy/entitlements/requests/store"
	"deputy/identity"
)

const secret = "whsec_c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gc2lnbg=="

// stage is a state with requests in it, a receiver that can be down, and a clock.
type stage struct {
	state    *store.State
	receiver *httptest.Server
	status   atomic.Int64 // of the receiver's answers

	mu   sync.Mutex
	now  time.Time
	sent []*http.Request
	body []string
}

func newStage(t *testing.T) *stage {
	s := &stage{now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)}
	s.status.Store(http.StatusNoContent)
	var err error
	if s.state, err = store.Open(t.Context(), store.Config{File: filepath.Join(t.TempDir(), "state.db"), Now: s.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.state.Close() })
	s.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if status := int(s.status.Load()); status/100 != 2 {
			w.WriteHeader(status)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sent, s.body = append(s.sent, r), append(s.body, string(body))
	}))
	t.Cleanup(s.receiver.Close)
	return s
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *stage) sender(t *testing.T, change func(*notify.Receiver), log io.Writer) *notify.Sender {
	t.Helper()
	r := notify.Receiver{Name: "stewards", URL: s.receiver.URL + "/hook?token=hunter2", Secret: secret}
	if change != nil {
		change(&r)
	}
	sender, err := notify.New(
		notify.Config{Receivers: []notify.Receiver{r}, Outbox: s.state.Outbox(), PublicURL: "https://deputy.example.com",
			Server: t.Name(), Now: s.clock, Log: zerolog.New(log)},
	)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// ask makes a request that waits for an answer.
func (s *stage) ask(t *testing.T, n int, reason string) requests.Request {
	t.Helper()
	now := s.clock()
	r, _, err := s.state.Make(t.Context(), requests.Request{
		ID: fmt.Sprintf(
			"req_%026d",
			n,
		), Platform: "shop", Table: entitlements.TableName{Schema: "sales", Name: "customers"}, Columns: []string{"lastname"},
		Asker: requests.Asker{
			Agent: "chat",
			User: &identity.Person{
				ID:      fmt.Sprintf("taylor%d", n),
				Issuer:  "https://id.example.com",
				Subject: fmt.Sprint(n),
				Name:    "Taylor",
			},
		},
		Reason: reason, Wanted: requests.Duration(time.Hour), Created: now, Lapses: now.Add(24 * time.Hour),
		Status: requests.StatusPending,
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *stage) cancel(t *testing.T, id string) {
	t.Helper()
	if _, err := s.state.Step(t.Context(), id, func(r requests.Request) (requests.Request, error) { return r.Cancel("audit", s.clock()) }); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) types(t *testing.T) (out []string) {
	t.Helper()
	for _, body := range s.body {
		var m struct{ Type string }
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Type)
	}
	return out
}

func TestWhatHappenedWhileAReceiverWasDownForAnHourIsDeliveredInOrderOnceItIsBack(t *testing.T) {
	s := newStage(t)
	sender := s.sender(t, nil, io.Discard)
	sender.Send(t.Context()) // the receiver is known from here on
	s.status.Store(http.StatusServiceUnavailable)
	first := s.ask(t, 1, "for the mailing")
	for range 60 {
		s.pass(time.Minute)
		sender.Send(t.Context())
	}
	s.cancel(t, first.ID)
	s.ask(t, 2, "for the mailing")
	if len(s.sent) != 0 {
		t.Fatalf("%d were taken by a receiver that is down", len(s.sent))
	}
	s.status.Store(http.StatusNoContent)
	s.pass(15 * time.Minute) // the longest wait between two tries
	sender.Send(t.Context())
	if got := strings.Join(s.types(t), " "); got != "request.created request.cancelled request.created" {
		t.Fatalf("delivered: %s", got)
	}
	verifier, err := standard.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range s.sent {
		if err := verifier.VerifyIgnoringTimestamp([]byte(s.body[i]), r.Header); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		if err := verifier.VerifyIgnoringTimestamp([]byte(s.body[i]+" "), r.Header); err == nil {
			t.Errorf("message %d: a changed body verifies", i)
		}
	}
	sender.Send(t.Context())
	if len(s.sent) != 3 {
		t.Errorf("something is delivered twice: %q", s.types(t))
	}
}

func TestTwoServersDoNotSendAtTheSameTime(t *testing.T) {
	s := newStage(t)
	one, other := s.sender(t, nil, io.Discard), s.sender(t, nil, io.Discard)
	one.Send(t.Context())
	for n := range 20 {
		s.ask(t, n, "because")
	}
	var both sync.WaitGroup
	for _, sender := range []*notify.Sender{one, other} {
		both.Go(func() { sender.Send(t.Context()) })
	}
	both.Wait()
	one.Send(t.Context())
	seen := map[string]bool{}
	for _, r := range s.sent {
		id := r.Header.Get(standard.HeaderWebhookID)
		if seen[id] {
			t.Errorf("%s was sent twice", id)
		}
		seen[id] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 were sent", len(seen))
	}
}

func TestAReceiverIsToldOfTheEventsThatItWantsAndNoOthers(t *testing.T) {
	s := newStage(t)
	sender := s.sender(t, func(r *notify.Receiver) { r.Events = []string{"cancelled"} }, io.Discard)
	sender.Send(t.Context())
	s.cancel(t, s.ask(t, 1, "because").ID)
	sender.Send(t.Context())
	if got := strings.Join(s.types(t), " "); got != "request.cancelled" {
		t.Errorf("told of %s", got)
	}
}

func TestAReasonCannotPretendToBeADecisionInAChat(t *testing.T) {
	s := newStage(t)
	sender := s.sender(t, func(r *notify.Receiver) { r.Body = "slack" }, io.Discard)
	sender.Send(t.Context())
	s.ask(t, 1, `<!channel> "approved by the CISO" <https://evil.example|deputy>`)
	sender.Send(t.Context())
	var message struct{ Text string }
	if err := json.Unmarshal([]byte(s.body[0]), &message); err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(message.Text, "The reason given: ")
	if strings.ContainsAny(message.Text, "<>") || strings.Contains(before, "CISO") || !strings.HasPrefix(after, `"`) ||
		!strings.HasSuffix(after, `"`) ||
		!strings.Contains(before, "is pending") {
		t.Errorf("the chat reads: %s", message.Text)
	}
}

func TestATemplateMakesTheBody(t *testing.T) {
	s := newStage(t)
	sender := s.sender(t, func(r *notify.Receiver) {
		r.Body = `{"summary": {{json .Text}}, "who": {{json .Data.Name}}, "link": {{json .Data.Link}}}`
	}, io.Discard)
	sender.Send(t.Context())
	r := s.ask(t, 1, `he said "please"`)
	sender.Send(t.Context())
	var body map[string]string
	if err := json.Unmarshal([]byte(s.body[0]), &body); err != nil || body["who"] != "Taylor" ||
		body["link"] != "https://deputy.example.com/api/requests/"+r.ID {
		t.Errorf("%s (%v)", s.body[0], err)
	}
	for _, bad := range []string{`{"text": {{.Text}}}`, `{{.Nothing}}`, `{{`, `{{.Text}}`} {
		if notify.CheckBody(bad) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestNothingOfTheURLAndTheSecretIsInTheLog(t *testing.T) {
	s := newStage(t)
	var log strings.Builder
	sender := s.sender(t, nil, &log)
	sender.Send(t.Context())
	s.ask(t, 1, "because")
	s.status.Store(http.StatusInternalServerError)
	sender.Send(t.Context())
	s.pass(time.Hour)
	s.receiver.Close()
	sender.Send(t.Context())
	if said := log.String(); !strings.Contains(said, "status 500") || !strings.Contains(said, "cannot be reached") ||
		strings.Contains(said, "hunter2") ||
		strings.Contains(said, secret[10:]) {
		t.Errorf("the log says: %s", said)
	}
}

func TestAMessageGoesWhereTheFileSaysAndNowhereElse(t *testing.T) {
	s := newStage(t)
	elsewhere := atomic.Bool{}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer other.Close()
	redirects := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer redirects.Close()
	sender := s.sender(t, func(r *notify.Receiver) { r.URL = redirects.URL }, io.Discard)
	sender.Send(t.Context())
	s.ask(t, 1, "because")
	sender.Send(t.Context())
	if elsewhere.Load() {
		t.Error("a redirect was followed")
	}
}
