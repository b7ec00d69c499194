//go:build unix

package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/testkit/issuer"
)

func refused(t *testing.T, err error) *identity.AuthError {
	t.Helper()
	why, ok := errors.AsType[*identity.AuthError](err)
	if !ok {
		t.Fatalf("it is refused: got %v", err)
	}
	quiet(t, err.Error())
	return why
}

func TestATokenIsRenewedShortlyBeforeItExpires(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	first := token(t, w)
	w.clock.Advance(58 * time.Minute)
	if token(t, w) != first || len(w.issuer.Asked()) != 1 {
		t.Error("a token that is good for two minutes is used")
	}
	w.clock.Advance(90 * time.Second)
	second := token(t, w)
	if second == first {
		t.Error("one that is good for half a minute is renewed")
	}
	if who, err := w.target.Verify(t.Context(), second); err != nil || who.User.ID != "taylor" {
		t.Errorf("and the new one is hers: got %v, %v", who, err)
	}
	w.clock.Advance(2 * time.Hour)
	if token(t, w) == second || w.issuer.Reused() != 0 {
		t.Errorf("each refresh token is used once: %d were used again", w.issuer.Reused())
	}
}

// Each Store opens the lock for itself, as processes do.
func TestTwoAtOnceDoNotBothUseOneRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	for range 3 {
		w.clock.Advance(2 * time.Hour)
		var all sync.WaitGroup
		got := make([]string, 8)
		for n := range got {
			all.Go(func() {
				s := &signin.Store{Folder: w.Folder, Now: w.clock.Now}
				var err error
				if got[n], err = s.Token(t.Context(), w.target); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, g := range got {
			if g != got[0] {
				t.Error("all get the one that was renewed")
			}
		}
	}
	if n := len(w.issuer.Asked()); n != 4 || w.issuer.Reused() != 0 {
		t.Errorf("there was one refresh each time: got %d, and %d tokens used again", n-1, w.issuer.Reused())
	}
}

func TestAStolenRefreshTokenEndsTheSignInForBoth(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	copied := read(t, w.file(t))
	w.clock.Advance(2 * time.Hour)
	token(t, w)
	thief := &signin.Store{Folder: filepath.Join(t.TempDir(), "sign-in"), Now: w.clock.Now}
	os.Mkdir(thief.Folder, 0o700)
	os.WriteFile(filepath.Join(thief.Folder, filepath.Base(w.file(t))), []byte(copied), 0o600)
	if _, err := thief.Token(t.Context(), w.target); err == nil {
		t.Error("the thief's copy has been used")
	}
	w.clock.Advance(2 * time.Hour)
	_, err := w.Token(t.Context(), w.target)
	if why := refused(t, err); why.Code != identity.Missing || !errors.Is(err, signin.ErrSignIn) {
		t.Errorf("the owner learns of it: got %v", err)
	}
}

func TestASignInThatTheIssuerEndedIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	w.issuer.EndSessions()
	w.clock.Advance(2 * time.Hour)
	_, err := w.Token(t.Context(), w.target)
	if why := refused(t, err); why.Code != identity.Missing || !strings.Contains(why.Message, `run "deputy login"`) ||
		!errors.Is(err, signin.ErrSignIn) {
		t.Errorf("it says what to run: got %v", err)
	}
	if w.kept() {
		t.Error("nothing of it is kept")
	}
	_, err = w.Token(t.Context(), w.target)
	if why := refused(t, err); why.Message != `nobody is signed in on this machine: run "deputy login"` {
		t.Errorf("then nobody is signed in: got %v", err)
	}
}

func TestAnIssuerThatIsDownEndsNothing(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	first := token(t, w)
	w.issuer.SetDown(true)
	w.clock.Advance(time.Hour - 30*time.Second)
	if token(t, w) != first {
		t.Error("a token is used as long as it lasts")
	}
	w.clock.Advance(time.Minute)
	_, err := w.Token(t.Context(), w.target)
	if why := refused(t, err); why.Code != identity.Unavailable {
		t.Errorf("then it says to try again: got %v", err)
	}
	w.issuer.SetDown(false)
	if token(t, w) == first {
		t.Error("and goes on when the issuer is back")
	}
}

func TestWithoutARefreshTokenASignInLastsAsLongAsItsToken(t *testing.T) {
	w := newWorld(t, func(c *identity.IssuerConfig) { c.Login.Scopes = []string{"openid"} })
	w.mustLogin(t)
	w.clock.Advance(59*time.Minute + 30*time.Second)
	token(t, w)
	w.clock.Advance(time.Minute)
	_, err := w.Token(t.Context(), w.target)
	if why := refused(t, err); !strings.Contains(why.Message, `the sign-in has expired: run "deputy login"`) {
		t.Errorf("then it says what to run: got %v", err)
	}
}

func TestWhatComesWithARefreshIsVerifiedToo(t *testing.T) {
	for name, change := range map[string]func(*issuer.Claims){
		"another human":  func(c *issuer.Claims) { c.Subject = "mallory" },
		"another server": func(c *issuer.Claims) { c.Audience = "https://elsewhere.example/mcp" },
		"another client": func(c *issuer.Claims) { c.ClientID = "mail-client" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustLogin(t)
			w.issuer.AnswerWith(func(c issuer.Claims) string { change(&c); return w.issuer.Token(c) })
			w.clock.Advance(2 * time.Hour)
			for range 2 {
				_, err := w.Token(t.Context(), w.target)
				if why := refused(t, err); why.Code != identity.Missing {
					t.Errorf("it is not used: got %v", err)
				}
			}
			if n := len(w.issuer.Asked()); n != 2 {
				t.Errorf("and not asked for again and again: got %d", n)
			}
		})
	}
}

func TestARefreshThatCannotBeVerifiedNowIsNotLost(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	w.clock.Advance(25 * time.Hour) // the issuer's keys are too old to be believed
	good := w.target.Verify
	down := true
	w.target.Verify = func(ctx context.Context, token string) (identity.SignedIn, error) {
		if down {
			return identity.SignedIn{}, &identity.AuthError{Code: identity.Unavailable, Message: "the keys are not available"}
		}
		return good(ctx, token)
	}
	_, err := w.Token(t.Context(), w.target)
	if why := refused(t, err); why.Code != identity.Unavailable {
		t.Errorf("it says to try again: got %v", err)
	}
	down = false
	if token(t, w) == "" || w.issuer.Reused() != 0 {
		t.Errorf("the refresh token that came is used next: %d were used again", w.issuer.Reused())
	}
}

func TestFilesThatAreNotRead(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, w *world, file string){
		"that the group can read": func(t *testing.T, _ *world, file string) { os.Chmod(file, 0o640) },
		"that all can read":       func(t *testing.T, _ *world, file string) { os.Chmod(file, 0o604) },
		"that others can write":   func(t *testing.T, _ *world, file string) { os.Chmod(file, 0o602) },
		"in a folder of others":   func(t *testing.T, w *world, _ string) { os.Chmod(w.Folder, 0o777) },
		"in a linked folder": func(t *testing.T, w *world, _ string) {
			os.Rename(w.Folder, w.Folder+"-elsewhere")
			os.Symlink(w.Folder+"-elsewhere", w.Folder)
		},
		"that is a link": func(t *testing.T, w *world, file string) {
			os.Rename(file, w.Folder+"/elsewhere")
			os.Symlink(w.Folder+"/elsewhere", file)
		},
		"that is a pipe": func(t *testing.T, _ *world, file string) {
			os.Remove(file)
			if err := syscall.Mkfifo(file, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"that is a folder": func(t *testing.T, _ *world, file string) { os.Remove(file); os.Mkdir(file, 0o700) },
		"that is huge":     func(t *testing.T, _ *world, file string) { os.Truncate(file, 1<<30) },
		"of somebody else": func(t *testing.T, _ *world, file string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			os.Chown(file, 12345, 12345)
		},
		"that is empty": func(t *testing.T, _ *world, file string) { os.Truncate(file, 0) },
		"of no sign-in": func(t *testing.T, _ *world, file string) { os.WriteFile(file, []byte(`{"issuer":"x"}`), 0o600) },
		"of another sign-in": func(t *testing.T, _ *world, file string) {
			os.WriteFile(file, []byte(strings.ReplaceAll(read(t, file), audience, "https://elsewhere.example/mcp")), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustLogin(t)
			spoil(t, w, w.file(t))
			_, err := w.Token(t.Context(), w.target)
			if why := refused(t, err); why.Code != identity.Missing || !strings.Contains(why.Message, "cannot be used") {
				t.Errorf("it is not read: got %v", err)
			}
		})
	}
}

func TestAFolderOfOthersIsNotWrittenTo(t *testing.T) {
	w := newWorld(t)
	if err := os.MkdirAll(w.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(t); err == nil || !strings.Contains(err.Error(), "chmod 700") || len(w.issuer.Asked()) > 0 {
		t.Errorf("nobody is sent to a browser for it: got %v", err)
	}
}

func TestTheOldSignInIsThereUntilTheNewOneIs(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	file := w.file(t)
	left := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".123") // by a process that was killed
	os.WriteFile(left, []byte("half a sig"), 0o600)
	w.issuer.SignIn(&issuer.Claims{Subject: "kim"})
	w.mustLogin(t)
	if who, err := w.target.Verify(t.Context(), token(t, w)); err != nil || who.User.ID != "kim" {
		t.Errorf("it is Kim now: got %v, %v", who, err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("nothing stays beside it")
	}
}

func TestLogoutGivesTheTokensBack(t *testing.T) {
	w := newWorld(t)
	w.mustLogin(t)
	given := token(t, w)
	done, err := w.Logout(t.Context(), w.target)
	if err != nil || !done.Was || !done.Revoked || w.kept() {
		t.Errorf("nothing is kept: got %+v, %v", done, err)
	}
	if revoked := w.issuer.Revoked(); len(revoked) != 2 || revoked[1] != given {
		t.Errorf("the issuer got the refresh token and the access token: got %d", len(revoked))
	}
	if done, err = w.Logout(t.Context(), w.target); err != nil || done.Was {
		t.Errorf("then there is nobody: got %+v, %v", done, err)
	}
}

func TestLogoutForgetsWhatTheIssuerDoesNotTakeBack(t *testing.T) {
	for name, spoil := range map[string]func(*world, string){
		"there is no endpoint":   func(w *world, _ string) { w.issuer.Announce(map[string]any{"revocation_endpoint": nil}) },
		"the issuer is down":     func(w *world, _ string) { w.issuer.SetDown(true) },
		"the file is no sign-in": func(w *world, file string) { os.WriteFile(file, []byte("x"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustLogin(t)
			spoil(w, w.file(t))
			done, err := w.Logout(t.Context(), w.target)
			if err != nil || done.Revoked || done.Why == nil || w.kept() {
				t.Errorf("it is forgotten, and it is said: got %+v, %v", done, err)
			}
		})
	}
}

// deputyAt is a server's metadata.
func deputyAt(t *testing.T, document map[string]any) *httptest.Server {
	t.Helper()
	document = maps.Clone(document)
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/oauth-protected-resource/mcp" {
			http.NotFound(w, r)
			return
		}
		if _, ok := document["resource"]; !ok {
			document["resource"] = s.URL + "/mcp"
		}
		json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(s.Close)
	return s
}

func offers(iss string, more map[string]any) map[string]any {
	offer := map[string]any{"issuer": iss, "client_id": "deputy-login", "scopes": []string{"openid", "offline_access"}}
	for name, value := range more {
		offer[name] = value
	}
	return map[string]any{"authorization_servers": []string{iss}, "deputy_login": []any{offer}}
}

func TestAHumanSignsInAtAServerWithoutItsConfiguration(t *testing.T) {
	w := newWorld(t)
	server := deputyAt(t, offers(w.issuer.URL(), nil))
	target, err := w.Remote(t.Context(), server.URL+"/", signin.Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	who, err := w.Login(t.Context(), target, signin.Flow{Out: &strings.Builder{}, Browser: browser(t)})
	if err != nil || who.User.Subject != "taylor" {
		t.Fatalf("it is Taylor: got %v, %v", who, err)
	}
	w.clock.Advance(2 * time.Hour)
	session, err := w.Session(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Token(t.Context(), session); err != nil {
		t.Errorf("the token is renewed without the server: got %v", err)
	}
	if w.issuer.Asked()[1].Get("resource") != server.URL+"/mcp" {
		t.Error("the token is for the server that was asked")
	}
	_, err = w.Session("https://elsewhere.example", "")
	if why := refused(t, err); !strings.Contains(why.Message, `run "deputy login --server https://elsewhere.example"`) {
		t.Errorf("at another server nobody is signed in: got %v", err)
	}
}

func TestAServerCannotGetATokenForAnother(t *testing.T) {
	w := newWorld(t)
	for name, document := range map[string]map[string]any{
		"by an audience of its choice": offers(w.issuer.URL(), map[string]any{"audience": audience}),
		// then the issuer's default is the other server
		"by an issuer's answer": offers(w.issuer.URL(), map[string]any{"audience_parameter": "none"}),
	} {
		t.Run(name, func(t *testing.T) {
			server := deputyAt(t, document)
			target, err := w.Remote(t.Context(), server.URL, signin.Wanted{})
			if err != nil {
				t.Fatal(err)
			}
			if target.Audience != server.URL+"/mcp" {
				t.Errorf("the token is for who was asked: got %s", target.Audience)
			}
			if _, err := w.Login(t.Context(), target, signin.Flow{Out: &strings.Builder{}, Browser: browser(t)}); err != nil {
				return // the issuer gave one for somebody else, and it is not kept
			}
			session, err := w.Session(server.URL, "")
			if err != nil {
				t.Fatal(err)
			}
			got, err := w.Token(t.Context(), session)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.target.Verify(t.Context(), got); err == nil {
				t.Error("the server gets a token that is good elsewhere")
			}
		})
	}
	w.mustLogin(t)
	if _, err := w.Session("https://evil.example", ""); err == nil {
		t.Error("what was signed in for elsewhere is not sent to it")
	}
}

func TestServersThatAreNotSignedInAt(t *testing.T) {
	w := newWorld(t)
	iss := w.issuer.URL()
	two := offers(iss, nil)
	two["authorization_servers"] = []string{iss, "https://other.example"}
	two["deputy_login"] = append(
		two["deputy_login"].([]any),
		map[string]any{"issuer": "https://other.example", "name": "other", "client_id": "x", "scopes": []string{}},
	)
	for name, document := range map[string]map[string]any{
		"of another resource":              {"resource": "https://elsewhere.example/mcp", "authorization_servers": []string{iss}, "deputy_login": offers(iss, nil)["deputy_login"]},
		"that offers nothing":              {"authorization_servers": []string{iss}},
		"with an issuer in the clear":      offers("http://id.example.com", nil),
		"with an issuer that it hides":     {"authorization_servers": []string{iss}, "deputy_login": offers("https://evil.example", nil)["deputy_login"]},
		"with scopes that are many in one": offers(iss, map[string]any{"scopes": []string{"openid mail.read"}}),
		"without a client":                 offers(iss, map[string]any{"client_id": ""}),
		"with nobody's client":             {"authorization_servers": []string{iss}, "deputy_login": []any{map[string]any{"issuer": iss}}},
		"with a choice":                    two,
		"with nonsense":                    {"authorization_servers": []string{iss}, "deputy_login": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if target, err := w.Remote(t.Context(), deputyAt(t, document).URL, signin.Wanted{}); err == nil {
				t.Errorf("it is refused: got %+v", target)
			}
		})
	}
	for _, url := range []string{"http://deputy.example.com", "https://deputy.example.com/x", "https://user@deputy.example.com", "deputy.example.com", "https://deputy.example.com?x"} {
		if _, err := w.Remote(t.Context(), url, signin.Wanted{}); err == nil {
			t.Errorf("%s is refused", url)
		}
	}
	if _, err := w.Remote(t.Context(), deputyAt(t, two).URL, signin.Wanted{Issuer: "other"}); err != nil {
		t.Errorf("one of several is said: got %v", err)
	}
	if target, err := w.Remote(t.Context(), deputyAt(t, map[string]any{"authorization_servers": []string{iss}}).URL, signin.Wanted{ClientID: "own"}); err != nil ||
		target.Login.ClientID != "own" {
		t.Errorf("so is a client that the server does not offer: got %v, %v", target, err)
	}
}

func TestAServerOnTheNetworkCannotSendPeopleInside(t *testing.T) {
	var document map[string]any
	s := &signin.Store{
		Folder: t.TempDir(),
		Client: &http.Client{Transport: offline{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			document["resource"] = "https://" + r.Host + strings.TrimPrefix(r.URL.Path, "/.well-known/oauth-protected-resource")
			if path, below := strings.CutSuffix(r.URL.Path, "/.well-known/oauth-protected-resource/mcp"); below {
				document["resource"] = "https://" + r.Host + path + "/mcp"
			}
			json.NewEncoder(w).Encode(document)
		})}},
	}
	document = offers("https://id.example.com", nil)
	if _, err := s.Remote(t.Context(), "https://deputy.example.com", signin.Wanted{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remote(t.Context(), "https://deputy.example.com/tenant", signin.Wanted{}); err == nil {
		t.Error("a Deputy is a whole host")
	}
	for _, inside := range []string{"https://10.0.0.7", "https://127.0.0.1:8443", "https://[fd00::1]", "https://169.254.169.254", "https://localhost"} {
		document = offers(inside, nil)
		if _, err := s.Remote(t.Context(), "https://deputy.example.com", signin.Wanted{}); err == nil {
			t.Errorf("nobody is sent to %s", inside)
		}
	}
}

func TestASignInPrintsAsNothing(t *testing.T) {
	w := newWorld(t, func(c *identity.IssuerConfig) { c.Login.ClientSecret = "s3cr3t" })
	w.issuer.RequireSecret("s3cr3t")
	if said := fmt.Sprintf("%v %+v %#v", w.target, w.target, w.target.Login); strings.Contains(said, "s3cr3t") {
		t.Errorf("the secret shows: %s", said)
	}
}
