package conformance

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The address stands on a line of its own.
var address = regexp.MustCompile(`^ +(https?://\S+)$`)

func TestWhoSignsInWithDeputyLoginIsWhoStdioActsFor(t *testing.T) {
	t.Parallel()
	box := tools(t)
	for way, flag := range map[string]string{"in a browser": "--no-browser", "on another device": "--device"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d, as := believing(t, box)
			program, err := binary()
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			run := func(args ...string) *exec.Cmd {
				c := exec.CommandContext(t.Context(), program, args...)
				c.Env = append(
					append(os.Environ(), d.environment...),
					"HOME="+home,
					"XDG_CONFIG_HOME="+home,
					"DEPUTY_AGENT_KEY="+d.deskKey,
				)
				return c
			}
			if _, said, err := capture(run("whoami")); err == nil || !strings.Contains(said, "deputy login") {
				t.Errorf("who has not signed in is told %q (%v)", said, err)
			}
			if said := signedIn(t, run("login", flag), "taylor"); !strings.Contains(said, "taylor") ||
				!strings.Contains(said, as.Issuer) {
				t.Errorf("the login says %q", said)
			}
			if out, said, err := capture(run("whoami")); err != nil || !strings.Contains(out, "taylor") {
				t.Errorf("whoami says %q (%v: %s)", out, err, said)
			}
			shown(t, overStdio(t, run("stdio")))
			if r := d.last(t); r.User == nil || r.User.ID != "taylor" || r.Agent.ID != "desk" {
				t.Errorf("the record says %+v", r)
			}
			if out, said, err := capture(run("logout")); err != nil {
				t.Errorf("logout says %q (%v: %s)", out, err, said)
			}
			revoked := false
			for _, request := range as.requests(t) {
				revoked = revoked || strings.HasPrefix(request.Path, "/token/revocation")
			}
			if !revoked {
				t.Error("the issuer was not told that the token is given back")
			}
			if _, _, err := capture(run("whoami")); err == nil {
				t.Error("somebody is signed in after logout")
			}
		})
	}
}

// Access tokens live for three seconds here, so that the one from the login is of no use by the time it is used.
func TestASignInOutlivesItsAccessToken(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, as := believing(t, box, "3")
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	run := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Env = append(
			append(os.Environ(), d.environment...),
			"HOME="+home,
			"XDG_CONFIG_HOME="+home,
			"DEPUTY_AGENT_KEY="+d.deskKey,
		)
		return c
	}
	signedIn(t, run("login", "--no-browser"), "taylor")
	time.Sleep(3100 * time.Millisecond)
	as.requests(t)
	if out, said, err := capture(run("whoami")); err != nil || !strings.Contains(out, "taylor") {
		t.Errorf("whoami says %q (%v: %s)", out, err, said)
	}
	if !slices.ContainsFunc(as.requests(t), func(r request) bool { return r.Method == "POST" && r.Path == "/token" }) {
		t.Error("nothing was renewed")
	}
}

// signedIn runs a login to its end, with somebody at the browser who does what it says.
func signedIn(t *testing.T, login *exec.Cmd, person string) string {
	t.Helper()
	out := &strings.Builder{}
	login.Stdout = out
	says, err := login.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := login.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(says)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			visitor := newBrowser(t, person)
			if !strings.Contains(found[1], "?") && lines.Scan() { // the code for the page
				said, visitor.code = said+lines.Text()+"\n", strings.TrimSpace(lines.Text())
			}
			if end := visitor.open(found[1]); end.Query().Has("code") {
				page(t, end) // deputy login waits there
			}
			break
		}
	}
	rest, _ := io.ReadAll(says)
	if err := login.Wait(); err != nil {
		t.Fatalf("login ended with %v: %s%s", err, said, rest)
	}
	return out.String()
}

// page is what somebody is shown in the end.
func page(t *testing.T, at *url.URL) {
	t.Helper()
	response, err := http.Get(at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the browser is shown %d: %.200s (%v)", response.StatusCode, text, err)
	}
}
