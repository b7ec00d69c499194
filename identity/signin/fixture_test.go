package signin_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/signin"
	"deputy/internal/testkit/issuer"
)

const audience = "https://deputy.example/mcp"

type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Now().Truncate(time.Second).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanoseconds.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

// world is an issuer, a server's way to verify its tokens, and a human's own folder.
type world struct {
	*signin.Store
	issuer *issuer.Issuer
	clock  *clock
	target signin.Target
}

func newWorld(t *testing.T, change ...func(*identity.IssuerConfig)) *world {
	t.Helper()
	w := &world{clock: newClock()}
	iss, err := issuer.Start(issuer.Config{Audience: audience, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { iss.Close() })
	w.issuer = iss
	iss.SignIn(taylor())
	w.Store = &signin.Store{Folder: filepath.Join(t.TempDir(), "deputy", "sign-in"), Now: w.clock.Now}
	config := identity.IssuerConfig{
		URL:      iss.URL(),
		Audience: audience,
		Login:    identity.LoginConfig{ClientID: "deputy-login"},
	}
	for _, c := range change {
		c(&config)
	}
	registry, err := identity.NewRegistry([]identity.AgentConfig{{Name: "chat", ClientIDs: []string{"chat-client"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := oidc.New(
		t.Context(),
		identity.Config{Issuers: []identity.IssuerConfig{config}},
		registry,
		oidc.Options{Now: w.clock.Now},
	)
	if err != nil {
		t.Fatal(err)
	}
	w.target = signin.Target{
		Server: audience, Issuer: iss.URL(), Audience: audience, Login: config.SignIn(), Command: "deputy login", Verify: a.SignedIn,
	}
	return w
}

func taylor() *issuer.Claims {
	return &issuer.Claims{Subject: "taylor", Name: "Taylor", Groups: []string{"Marketing"}}
}

// browser is a human with one: it goes where it is sent.
func browser(t *testing.T) func(string) error {
	return func(address string) error {
		go visit(t, address)
		return nil
	}
}

func visit(t *testing.T, address string) (int, string, http.Header) {
	response, err := http.Get(address)
	if err != nil {
		t.Errorf("the browser: %v", err)
		return 0, "", nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("the browser: %v", err)
	}
	return response.StatusCode, string(body), response.Header
}

// login signs in, as a human who does what they are asked.
func (w *world) login(t *testing.T) (identity.SignedIn, error) {
	t.Helper()
	return w.Login(t.Context(), w.target, signin.Flow{Out: io.Discard, Browser: browser(t), Wait: time.Minute})
}

func (w *world) mustLogin(t *testing.T) {
	t.Helper()
	if _, err := w.login(t); err != nil {
		t.Fatal(err)
	}
}

// file is where the sign-in is kept.
func (w *world) file(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.Folder, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there is one sign-in: got %v, %v", files, err)
	}
	return files[0]
}

func (w *world) kept() bool {
	files, _ := filepath.Glob(filepath.Join(w.Folder, "*.json*"))
	for _, f := range files {
		if !strings.HasSuffix(f, ".lock") {
			return true
		}
	}
	return false
}

var tokenLike = regexp.MustCompile(`eyJ[\w-]{10,}|[A-Z2-7]{26}`) // a JWT, and rand.Text

// quiet fails when something that was said has a token in it.
func quiet(t *testing.T, said string) {
	t.Helper()
	if tokenLike.MatchString(said) {
		t.Errorf("there is a token in what is said: %s", said)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func token(t *testing.T, w *world) string {
	t.Helper()
	got, err := w.Token(context.Background(), w.target)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
