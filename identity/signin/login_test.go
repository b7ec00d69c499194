package signin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/testkit/issuer"
)

func TestAHumanSignsInInABrowser(t *testing.T) {
	w := newWorld(t)
	var out bytes.Buffer
	who, err := w.Login(t.Context(), w.target, signin.Flow{Out: &out, Browser: browser(t)})
	if err != nil {
		t.Fatal(err)
	}
	if who.User.ID != "taylor" || who.Client != "deputy-login" || !who.User.In("Marketing") {
		t.Errorf("it is Taylor who signed in: got %+v", who)
	}
	if !who.Expires.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("the token says when it expires: got %v", who.Expires)
	}
	asked := w.issuer.Asked()[0]
	if asked.Get("resource") != audience || len(asked.Get("code_verifier")) < 43 || asked.Has("client_secret") {
		t.Errorf("the issuer is told the audience, and given the verifier: got %v", asked)
	}
	if got, err := w.target.Verify(t.Context(), token(t, w)); err != nil || got.User.ID != "taylor" {
		t.Errorf("the kept token is hers: got %v, %v", got, err)
	}
	file := w.file(t)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is its owner's alone: got %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(w.Folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("and so is its folder: got %v, %v", info.Mode(), err)
	}
	address := out.String()[strings.Index(out.String(), w.issuer.URL()+"/authorize"):]
	u, err := url.Parse(strings.Fields(address)[0])
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("resource") != audience ||
		q.Get("scope") != "openid offline_access query describe request" ||
		!strings.HasPrefix(q.Get("redirect_uri"), "http://127.0.0.1:") {
		t.Errorf("the address asks for a code with PKCE, for this server, and back to this machine: got %v", q)
	}
}

func TestAnIssuerThatWantsASecretGetsIt(t *testing.T) {
	for name, announced := range map[string]map[string]any{
		"in the header": nil, "in the form": {"token_endpoint_auth_methods_supported": []string{"client_secret_post"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *identity.IssuerConfig) { c.Login.ClientSecret = "s3cr3t" })
			w.issuer.RequireSecret("s3cr3t")
			w.issuer.Announce(announced)
			w.mustLogin(t)
			if inForm := w.issuer.Asked()[0].Has("client_secret"); inForm != (announced != nil) {
				t.Errorf("the secret goes %s: got in the form %v", name, inForm)
			}
			w.clock.Advance(2 * time.Hour)
			token(t, w)
			if done, err := w.Logout(t.Context(), w.target); err != nil || !done.Revoked {
				t.Errorf("it is given at the end, too: got %+v, %v", done, err)
			}
		})
	}
}

func TestAnIssuerIsToldTheAudienceInItsOwnWords(t *testing.T) {
	for parameter, want := range map[identity.AudienceParameter]url.Values{
		identity.ByAudience: {"audience": {audience}}, identity.ByNone: {}, identity.ByResource: {"resource": {audience}},
	} {
		w := newWorld(t, func(c *identity.IssuerConfig) { c.Login.AudienceParameter = parameter })
		w.mustLogin(t)
		w.clock.Advance(2 * time.Hour)
		token(t, w)
		if len(w.issuer.Asked()) != 2 {
			t.Fatalf("there was a sign-in and a refresh: got %d", len(w.issuer.Asked()))
		}
		for _, asked := range w.issuer.Asked() {
			for _, name := range []string{"audience", "resource"} {
				if asked.Get(name) != want.Get(name) {
					t.Errorf("%s: %s is %q: got %q", parameter, name, want.Get(name), asked.Get(name))
				}
			}
		}
	}
}

// attack is called with the address that the browser would open, and does something else. The human comes afterwards.
func (w *world) attacked(t *testing.T, attack func(address, redirect string, q url.Values)) error {
	t.Helper()
	_, err := w.Login(
		t.Context(),
		w.target,
		signin.Flow{Out: io.Discard, Wait: time.Minute, Browser: func(address string) error {
			u, err := url.Parse(address)
			if err != nil {
				t.Error(err)
			}
			go func() { attack(address, u.Query().Get("redirect_uri"), u.Query()) }()
			return nil
		}},
	)
	return err
}

func TestWhoeverDoesNotKnowTheStateIsNotListenedTo(t *testing.T) {
	w := newWorld(t)
	err := w.attacked(t, func(address, redirect string, q url.Values) {
		for _, answer := range []string{
			"", "?code=stolen", "?code=stolen&state=", "?code=stolen&state=wrong", "?error=access_denied&state=wrong",
			"?code=stolen&state=" + q.Get("state") + "&state=" + q.Get("state"), "?code=stolen&state=" + q.Get("state") + "%00", "?code=x;state=" + q.Get("state"),
		} {
			if status, _, _ := visit(t, redirect+answer); status != http.StatusBadRequest {
				t.Errorf("%q is refused: got %d", answer, status)
			}
		}
		visit(t, address) // it still waits for the human
	})
	if err != nil {
		t.Errorf("what others say changes nothing: got %v", err)
	}
}

func TestNothingElseIsServedAndNoOtherNameIsAnswered(t *testing.T) {
	w := newWorld(t)
	err := w.attacked(t, func(address, redirect string, q url.Values) {
		good := "?code=stolen&iss=" + url.QueryEscape(w.issuer.URL()) + "&state=" + q.Get("state")
		base := strings.TrimSuffix(redirect, "/callback")
		for _, path := range []string{"/", "/favicon.ico", "/callback/", "/callback/x", "//callback", "/CALLBACK", "/.well-known/x"} {
			if status, _, _ := visit(t, base+path+good); status != http.StatusNotFound {
				t.Errorf("%s is not there: got %d", path, status)
			}
		}
		for _, change := range []func(*http.Request){
			func(r *http.Request) { r.Host = "rebound.example" + r.Host[strings.Index(r.Host, ":"):] },
			func(r *http.Request) { r.Host = "localhost" + r.Host[strings.Index(r.Host, ":"):] },
			func(r *http.Request) { r.Method = http.MethodPost },
		} {
			r, _ := http.NewRequest(http.MethodGet, redirect+good, nil)
			r.Host = r.URL.Host
			change(r)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			if response.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s is not answered: got %d", r.Method, r.Host, response.StatusCode)
			}
		}
		visit(t, address)
	})
	if err != nil {
		t.Errorf("it still waits for the human: got %v", err)
	}
}

func TestACodeThatWasPutInIsWorthNothing(t *testing.T) {
	w := newWorld(t)
	err := w.attacked(t, func(address, redirect string, q url.Values) {
		// The attacker signs in as Mallory, with a challenge of their own, and has the victim's browser bring their code.
		w.issuer.SignIn(&issuer.Claims{Subject: "mallory"})
		own := url.Values{
			"response_type":         {"code"},
			"client_id":             {"deputy-login"},
			"redirect_uri":          {redirect},
			"state":                 {q.Get("state")},
			"resource":              {audience},
			"scope":                 {"openid"},
			"code_challenge_method": {"S256"},
			"code_challenge":        {strings.Repeat("A", 43)},
		}
		visit(t, w.issuer.URL()+"/authorize?"+own.Encode())
	})
	if err == nil || w.kept() {
		t.Errorf("nobody is signed in as Mallory: got %v", err)
	}
	quiet(t, err.Error())
}

func TestAnAnswerOfAnotherIssuerEndsTheSignIn(t *testing.T) {
	for name, iss := range map[string]string{
		"another issuer": "&iss=https%3A%2F%2Fevil.example", "no issuer, though it promised one": "", "an empty one": "&iss=",
		"two": "&iss=TWICE&iss=https%3A%2F%2Fevil.example",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			err := w.attacked(t, func(address, redirect string, q url.Values) {
				visit(
					t,
					redirect+"?code=stolen&state="+q.Get("state")+strings.Replace(iss, "TWICE", url.QueryEscape(w.issuer.URL()), 1),
				)
			})
			if err == nil || w.kept() {
				t.Errorf("the answer is not taken: got %v", err)
			}
			if asked := w.issuer.Asked(); len(asked) > 0 {
				t.Errorf("and its code is sent nowhere: got %v", asked)
			}
		})
	}
	t.Run("an issuer that promises nothing need not say it", func(t *testing.T) {
		w := newWorld(t)
		w.issuer.Announce(map[string]any{"authorization_response_iss_parameter_supported": nil})
		w.mustLogin(t)
	})
}

func TestOneAnswerIsTaken(t *testing.T) {
	w := newWorld(t)
	second := make(chan int, 1)
	err := w.attacked(t, func(address, redirect string, q url.Values) {
		no := redirect + "?error=access_denied&iss=" + url.QueryEscape(w.issuer.URL()) + "&state=" + q.Get("state")
		first := make(chan struct{})
		go func() { visit(t, no); close(first) }()
		<-first
		response, err := http.Get(no)
		if err != nil {
			second <- 0 // it does not even listen any more
			return
		}
		response.Body.Close()
		second <- response.StatusCode
	})
	if err == nil || !strings.Contains(err.Error(), "refused there, or cancelled") {
		t.Errorf("the human said no: got %v", err)
	}
	if status := <-second; status != 0 && status != http.StatusConflict {
		t.Errorf("a second answer is not taken: got %d", status)
	}
}

func TestThePageAfterwardsHasNoScriptAndRepeatsNothing(t *testing.T) {
	w := newWorld(t)
	err := w.attacked(t, func(address, redirect string, q url.Values) {
		for _, bad := range []string{"?state=%3Cscript%3Ealert(1)%3C/script%3E", "?error=%3Cb%3E&error_description=%3Cscript%3E&state=x"} {
			_, body, _ := visit(t, redirect+bad)
			if strings.Contains(body, "script") || strings.Contains(body, "<b>") {
				t.Errorf("what was asked is in the page: %s", body)
			}
		}
		status, body, header := visit(t, address)
		if status != http.StatusOK || !strings.Contains(body, "may be closed") || strings.Contains(body, "<script") {
			t.Errorf("the page says that it may be closed: got %d, %s", status, body)
		}
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if !strings.Contains(header.Get(name), want) {
				t.Errorf("%s says %s: got %q", name, want, header.Get(name))
			}
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASignInThatNobodyFinishesEnds(t *testing.T) {
	w := newWorld(t)
	_, err := w.Login(t.Context(), w.target, signin.Flow{Out: io.Discard, Wait: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "in time") || w.kept() {
		t.Errorf("it does not wait for ever: got %v", err)
	}
}

func TestTokensThatAreNotKept(t *testing.T) {
	other, err := issuer.Start(issuer.Config{Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for name, sign := range map[string]func(*issuer.Issuer, issuer.Claims) string{
		"for another server": func(i *issuer.Issuer, c issuer.Claims) string {
			c.Audience = "https://elsewhere.example/mcp"
			return i.Token(c)
		},
		"an ID token": func(i *issuer.Issuer, c issuer.Claims) string {
			c.Audience = c.ClientID
			return i.Forge(issuer.Forgery{Type: "JWT"}, c)
		},
		"an ID token for us": func(i *issuer.Issuer, c issuer.Claims) string {
			c.Extra = map[string]any{"nonce": "x"}
			return i.Token(c)
		},
		"of another client":       func(i *issuer.Issuer, c issuer.Claims) string { c.ClientID = "mail-client"; return i.Token(c) },
		"of an agent":             func(i *issuer.Issuer, c issuer.Claims) string { c.ClientID = "chat-client"; return i.Token(c) },
		"that an agent acts with": func(i *issuer.Issuer, c issuer.Claims) string { c.Actor = "deputy-login"; return i.Token(c) },
		"of no human":             func(i *issuer.Issuer, c issuer.Claims) string { c.Subject = c.ClientID; return i.Token(c) },
		"expired":                 func(i *issuer.Issuer, c issuer.Claims) string { c.Lifetime = -time.Minute; return i.Token(c) },
		"of another issuer":       func(i *issuer.Issuer, c issuer.Claims) string { return other.Token(c) },
		"signed by somebody else": func(i *issuer.Issuer, c issuer.Claims) string {
			c.Extra = map[string]any{"iss": i.URL()}
			return other.Token(c)
		},
		"that is no token": func(i *issuer.Issuer, c issuer.Claims) string { return "opaque" },
		"bound to a key elsewhere": func(i *issuer.Issuer, c issuer.Claims) string {
			c.Extra = map[string]any{"cnf": map[string]any{"jkt": "x"}}
			return i.Token(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.issuer.AnswerWith(func(c issuer.Claims) string { return sign(w.issuer, c) })
			_, err := w.login(t)
			if err == nil || w.kept() {
				t.Fatalf("the token is not kept: got %v", err)
			}
			quiet(t, err.Error())
		})
	}
}

func TestATokenOfAnotherTrustedIssuerIsNotKept(t *testing.T) {
	w := newWorld(t)
	verify := w.target.Verify
	w.target.Verify = func(ctx context.Context, token string) (identity.SignedIn, error) {
		who, err := verify(ctx, token)
		who.User.Issuer = "https://other.example"
		return who, err
	}
	if _, err := w.login(t); err == nil || w.kept() {
		t.Errorf("who signs in at one issuer is nobody of another: got %v", err)
	}
}

func TestATokenThatNeedsAProofIsNotKept(t *testing.T) {
	w := newWorld(t)
	hostile := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(
			out,
			`{"access_token":%q,"token_type":"DPoP","expires_in":3600}`,
			w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "deputy-login"}),
		)
	}))
	defer hostile.Close()
	w.issuer.Announce(map[string]any{"token_endpoint": hostile.URL})
	if _, err := w.login(t); err == nil || !strings.Contains(err.Error(), "not a bearer token") || w.kept() {
		t.Errorf("nobody could use it: got %v", err)
	}
}

func TestOnlyWebAddressesAreOpened(t *testing.T) {
	t.Setenv("DISPLAY", ":0")
	t.Setenv("PATH", t.TempDir())
	for _, address := range []string{"file:///etc/passwd", "--version", "javascript:alert(1)", "", "/bin/sh"} {
		if err := signin.Browse(address); err == nil || !strings.Contains(err.Error(), "only web addresses") {
			t.Errorf("%q is not opened: got %v", address, err)
		}
	}
}

func TestEndpointsThatAreNotAsked(t *testing.T) {
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "revocation_endpoint"} {
		for _, where := range []string{"http://id.example.com/x", "https://10.0.0.7/x", "https://169.254.169.254/latest", "file:///etc/passwd", "https://user:pass@id.example.com/", "javascript:alert(1)", "//id.example.com/x"} {
			w := newWorld(t)
			w.issuer.Announce(map[string]any{name: where})
			_, err := w.login(t)
			if err == nil || w.kept() || len(w.issuer.Asked()) > 0 {
				t.Errorf("%s %s: nothing is sent there: got %v", name, where, err)
			}
		}
	}
	t.Run("an issuer that does not take PKCE", func(t *testing.T) {
		w := newWorld(t)
		w.issuer.Announce(map[string]any{"code_challenge_methods_supported": []string{"plain"}})
		if _, err := w.login(t); err == nil {
			t.Error("it is not signed in at")
		}
	})
	t.Run("a token endpoint that sends on", func(t *testing.T) {
		caught := make(chan string, 10)
		thief := httptest.NewServer(
			http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { r.ParseForm(); caught <- r.Form.Encode() }),
		)
		defer thief.Close()
		redirecting := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
		defer redirecting.Close()
		w := newWorld(t)
		w.issuer.Announce(map[string]any{"token_endpoint": redirecting.URL})
		_, err := w.login(t)
		if err == nil || len(caught) > 0 {
			t.Errorf("no code follows a redirect: got %v, %d", err, len(caught))
		}
		quiet(t, err.Error())
	})
	t.Run("a token endpoint that repeats what it got", func(t *testing.T) {
		echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"`+string(body)+`","error_description":"`+string(body)+`"}`)
		}))
		defer echo.Close()
		w := newWorld(t)
		w.issuer.Announce(map[string]any{"token_endpoint": echo.URL})
		_, err := w.login(t)
		if err == nil {
			t.Fatal("nobody is signed in")
		}
		quiet(t, err.Error())
	})
}

// offline is a network that ends at the issuer's handler, so that time can be a bubble's own.
type offline struct{ http.Handler }

func (o offline) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w.Result(), nil
}

// lines hands on what is written, a write at a time.
type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }

func onDevice(t *testing.T, during func(*issuer.Issuer, string)) (took time.Duration, asked int, err error) {
	iss, err := issuer.Start(issuer.Config{Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	defer iss.Close()
	iss.SignIn(taylor())
	client := &http.Client{Transport: offline{iss.Handler()}}
	folder := t.TempDir() + "/sign-in"
	synctest.Test(t, func(t *testing.T) {
		s := &signin.Store{Folder: folder, Client: client}
		target := signin.Target{
			Server:   audience,
			Issuer:   iss.URL(),
			Audience: audience,
			Command:  "deputy login",
			Login:    identity.LoginConfig{ClientID: "deputy-login"}.Complete(),
		}
		target.Verify = func(ctx context.Context, token string) (identity.SignedIn, error) {
			return identity.SignedIn{User: identity.User{Issuer: iss.URL(), Subject: "taylor"}}, nil
		}
		out := make(lines, 10)
		began := time.Now()
		go func() { during(iss, <-out) }()
		_, err = s.Login(t.Context(), target, signin.Flow{Out: out, Device: true, Client: client})
		took = time.Since(began)
		time.Sleep(time.Minute) // for the timers of requests that are over
	})
	return took, len(iss.Asked()), err
}

func approve(iss *issuer.Issuer, shown string) {
	w := httptest.NewRecorder()
	fields := strings.Fields(shown)
	iss.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/device?user_code="+fields[len(fields)-1], nil))
}

func TestAHumanSignsInOnAnotherDevice(t *testing.T) {
	took, asked, err := onDevice(t, func(iss *issuer.Issuer, shown string) {
		time.Sleep(3500 * time.Millisecond)
		approve(iss, shown)
	})
	if err != nil || took != 4*time.Second || asked != 4 {
		t.Errorf("it asks every second, as it was told: got %d times in %v, %v", asked, took, err)
	}
	took, asked, err = onDevice(t, func(iss *issuer.Issuer, shown string) {
		iss.SlowDown(1)
		approve(iss, shown)
	})
	if err != nil || took != 7*time.Second || asked != 2 {
		t.Errorf("it slows down when it is told: got %d times in %v, %v", asked, took, err)
	}
	_, _, err = onDevice(t, func(iss *issuer.Issuer, shown string) {
		iss.SignIn(nil)
		approve(iss, shown)
	})
	if err == nil || !strings.Contains(err.Error(), "refused there, or cancelled") {
		t.Errorf("the human said no: got %v", err)
	}
	took, _, err = onDevice(t, func(*issuer.Issuer, string) {})
	if err == nil || took != 5*time.Minute {
		t.Errorf("it does not wait for ever: got %v after %v", err, took)
	}
}

func TestACodeThatPaintsTheTerminalIsNotShown(t *testing.T) {
	for name, answer := range map[string]string{
		"an escape":            `{"device_code":"d","user_code":"\u001b[2Jx","verification_uri":"https://id.example.com/d"}`,
		"no address":           `{"device_code":"d","user_code":"AAAA","verification_uri":"javascript:x"}`,
		"in the clear":         `{"device_code":"d","user_code":"AAAA","verification_uri":"http://id.example.com/d"}`,
		"an hour between":      `{"device_code":"d","user_code":"AAAA","verification_uri":"https://id.example.com/d","interval":3600}`,
		"looks like a command": `{"device_code":"d","user_code":"AAAA\nRun: curl evil","verification_uri":"https://id.example.com/d"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			hostile := httptest.NewServer(
				http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) }),
			)
			defer hostile.Close()
			w.issuer.Announce(map[string]any{"device_authorization_endpoint": hostile.URL})
			var out bytes.Buffer
			_, err := w.Login(t.Context(), w.target, signin.Flow{Out: &out, Device: true})
			if err == nil || out.Len() > 0 || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it is not shown: got %q, %v", out.String(), err)
			}
		})
	}
}
