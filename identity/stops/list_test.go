package stops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/identity"
)

func agent(name string) identity.Principal {
	return identity.Principal{Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: name}}}
}

func user(id string) identity.Principal {
	p := agent("chat")
	p.User = &identity.User{Identity: identity.Identity{Kind: identity.KindUser, ID: id},
		Issuer: "https://id.example.com", Subject: id}
	return p
}

func listOf(t *testing.T) (*List, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), File)
	return At(path, zerolog.Nop()), path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func listText(all ...Stop) string { return string(encode(all)) }

// refused says how the list refuses a principal: "", "stopped" or "everything".
func refused(t *testing.T, l *List, p identity.Principal) string {
	t.Helper()
	why := l.Refuses(p)
	switch {
	case why == nil:
		return ""
	case !errors.Is(why, identity.ErrStopped) || why.Who == nil || why.Who.Agent.ID != p.Agent.ID:
		t.Errorf("the refusal is %+v", why)
	case why.Code == identity.InsufficientAccess && strings.Contains(why.Message, "is disabled"):
		return "stopped"
	case why.Code == identity.Unavailable && strings.Contains(why.Message, "the list of stops cannot be read"):
		return "everything"
	}
	t.Errorf("the refusal is %v", why)
	return "?"
}

func TestStopCovers(t *testing.T) {
	kim := user("corp/kim")
	kim.User.Subject, kim.User.Email = "kim", "Kim@Example.com"
	for _, tt := range []struct {
		stop Stop
		p    identity.Principal
		want bool
	}{
		{Stop{Agent: "chat"}, agent("chat"), true},
		{Stop{Agent: "chat"}, kim, true},
		{Stop{Agent: "Chat"}, agent("chat"), true},
		{Stop{Agent: "chat"}, agent("chatt"), false},
		{Stop{Agent: "kim"}, kim, false},
		{Stop{User: "chat"}, kim, false},
		{Stop{User: "chat"}, agent("chat"), false},
		{Stop{User: "corp/kim"}, kim, true},
		{Stop{User: "kim"}, kim, true},
		{Stop{User: "ＫＩＭ"}, kim, true},
		{Stop{User: "kim@example.com"}, kim, true},
		{Stop{User: "kim@example．com."}, kim, true},
		{Stop{User: "ki"}, kim, false},
		{Stop{User: "kim", Issuer: "https://id.example.com"}, kim, true},
		{Stop{User: "kim", Issuer: "https://id.example.com/"}, kim, true},
		{Stop{User: "kim", Issuer: "https://other.example.com"}, kim, false},
		{Stop{User: "corp/kim", Issuer: "https://id.example.com"}, kim, true},
		{Stop{User: "KIM", Issuer: "https://ID.example.com"}, kim, true},
		{Stop{User: "Kim@example.com", Issuer: "https://id.example.com"}, kim, true},
		{Stop{User: "kim@example.com", Issuer: "https://other.example.com"}, kim, true},
		{Stop{User: "corp/kim", Issuer: "https://other.example.com"}, kim, false},
		{Stop{User: "kim"}, identity.Principal{User: kim.User}, true},
		{Stop{Agent: "chat"}, identity.Principal{User: kim.User}, false},
	} {
		if got := tt.stop.Covers(tt.p); got != tt.want {
			t.Errorf("%+v covers %s, %+v: %t", tt.stop, tt.p.Agent.ID, tt.p.User, got)
		}
	}
}

// A configuration that waits may know a user by another id.
func TestWaitingPrincipalStopped(t *testing.T) {
	l, path := listOf(t)
	write(t, path, listText(Stop{User: "new/kim"}))
	p, waiting := user("old/kim"), user("new/kim")
	p.User.Subject, p.Waiting = "k", &waiting
	if got := refused(t, l, p); got != "stopped" {
		t.Errorf("it is refused: %q", got)
	}
}

// Each way in which a file can change holds for the very next question.
func TestNextQuestionSeesChange(t *testing.T) {
	for _, trusted := range []time.Duration{settled, -1} { // as it is, and where the file was last changed long ago
		l, path := listOf(t)
		l.settled = trusted
		if got := refused(t, l, agent("chat")); got != "" {
			t.Fatalf("without a list it is refused: %q", got)
		}
		a, b := listText(Stop{Agent: "chat"}), listText(Stop{Agent: "bots"})
		folder := 0
		for name, put := range map[string]func(string){
			"in place": func(s string) { write(t, path, s) },
			"in place at the same time": func(s string) {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				write(t, path, s)
				if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
					t.Fatal(err)
				}
			},
			"by renaming": func(s string) {
				write(t, path+".new", s)
				if err := os.Rename(path+".new", path); err != nil {
					t.Fatal(err)
				}
			},
			"by turning a link": func(s string) { // as Kubernetes does with a ConfigMap
				folder++
				real := filepath.Join(filepath.Dir(path), fmt.Sprint("data", folder))
				if err := os.Mkdir(real, 0o700); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(real, File), s)
				inner := filepath.Join(filepath.Dir(path), "..data")
				for link, target := range map[string]string{inner: real, path: filepath.Join(inner, File)} {
					if err := errors.Join(os.Symlink(target, link+".tmp"), os.Rename(link+".tmp", link)); err != nil {
						t.Fatal(err)
					}
				}
			},
		} {
			for range 3 {
				for s, want := range map[string][2]string{a: {"stopped", ""}, b: {"", "stopped"}} {
					if trusted < 0 {
						time.Sleep(10 * time.Millisecond) // the clock of the file system ticks
					}
					if _, err := os.Stat(path); err != nil {
						write(t, path, s)
					}
					put(s)
					if got := [2]string{refused(t, l, agent("chat")), refused(t, l, agent("bots"))}; got != want {
						t.Errorf("changed %s, chat and bots are refused %q and not %q", name, got, want)
					}
				}
			}
		}
	}
}

// Two changes within one tick of the file system's clock look the same, so a file that has just been changed is read
// every time.
func TestYoungFileIsReadAgain(t *testing.T) {
	l, path := listOf(t)
	write(t, path, listText())
	if l.Now(); l.seen != nil {
		t.Error("what was changed a moment ago is not read again")
	}
	if l.settled = -1; l.Now().Err != nil || l.seen == nil {
		t.Error("what was changed long ago is read every time")
	}
}

func TestUnreadableStopsEverything(t *testing.T) {
	whole := listText(Stop{Agent: "bots", By: "root", At: time.Now(), Why: "because"})
	spoil := map[string]func(path string) error{
		"folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"dead link":      func(path string) error { return os.Symlink(path+".nowhere", path) },
		"link to itself": func(path string) error { return os.Symlink(path, path) },
		"too large": func(path string) error {
			return os.WriteFile(path, []byte(whole+strings.Repeat(" ", maxFile)),
				0o600)
		},
		"pipe": makePipe,
		"pipe with a list in it": func(path string) error {
			err := makePipe(path)
			pipe, opened := os.OpenFile(path, os.O_RDWR, 0)
			if err = errors.Join(err, opened); err == nil {
				t.Cleanup(func() { pipe.Close() })
				_, err = pipe.WriteString(whole)
			}
			return err
		},
	}
	for name, content := range map[string]string{
		"empty": "", "space": "\n", "null": "null", "half": whole[:len(whole)/2],
		"without its end": strings.TrimRight(whole, "\n}"),
		"garbage":         "\xff\xfe\x00", "YAML": "stops: []", "two": whole + whole, "list": "[]", "nothing in it": "{}",
		"no stops": `{"version": 1}`, "null stops": `{"version": 1, "stops": null}`,
		"text for stops":  `{"version": 1, "stops": "chat"}`,
		"another version": `{"version": 2, "stops": []}`, "no version": `{"stops": []}`,
		"version as text": `{"version": "1", "stops": []}`,
		"unknown key":     `{"version": 1, "stops": [], "more": 1}`, "key in capitals": `{"version": 1, "Stops": []}`,
		"unknown key in an entry": `{"version": 1, "stops": [{"agnet": "chat"}]}`,
		"agent in capitals":       `{"version": 1, "stops": [{"Agent": "chat"}]}`,
		"key twice":               `{"version": 1, "stops": [{"agent": "chat", "agent": "bots"}]}`,
		"stops twice":             `{"version": 1, "stops": [{"agent": "chat"}], "stops": []}`,
		"nobody":                  `{"version": 1, "stops": [{}]}`,
		"agent and user":          `{"version": 1, "stops": [{"agent": "chat", "user": "kim"}]}`,
		"number":                  `{"version": 1, "stops": [{"user": 7}]}`, "null user": `{"version": 1, "stops": [{"user": null}]}`,
		"null entry":        `{"version": 1, "stops": [null]}`,
		"text for an entry": `{"version": 1, "stops": ["chat"]}`, "empty name": `{"version": 1, "stops": [{"agent": ""}]}`,
		"space around":       `{"version": 1, "stops": [{"agent": " chat"}]}`,
		"line break":         `{"version": 1, "stops": [{"agent": "chat\n"}]}`,
		"no time":            `{"version": 1, "stops": [{"agent": "bots", "at": "yesterday"}]}`,
		"agent of an issuer": `{"version": 1, "stops": [{"agent": "bots", "issuer": "https://a"}]}`,
	} {
		spoil["content: "+name] = func(path string) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	if os.Getuid() > 0 {
		spoil["not readable"] = func(path string) error { return os.WriteFile(path, []byte(whole), 0) }
	}
	for name, bad := range spoil {
		t.Run(name, func(t *testing.T) {
			for _, before := range []bool{false, true} {
				l, path := listOf(t)
				if before {
					write(t, path, whole)
					refused(t, l, agent("chat"))
					os.Remove(path)
				}
				if err := bad(path); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if got := refused(t, l, agent("chat")); got != "everything" {
						t.Errorf("it is refused: %q", got)
					}
				}
				if s := l.Now(); s.Name() != Unreadable {
					t.Errorf("it is called %s", s.Name())
				}
				if _, err := Add(t.Context(), path, "", Stop{Agent: "x"}); err == nil {
					t.Error("it is written over")
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				write(t, path, whole)
				if got := refused(t, l, agent("chat")) + refused(t, l, agent("bots")); got != "stopped" {
					t.Errorf("once it can be read, chat and bots are refused: %q", got)
				}
			}
		})
	}
}

// No beginning of a list is a list.
func TestNoPartIsAList(t *testing.T) {
	whole := listText(Stop{Agent: "chat", By: "root"}, Stop{User: "kim", Issuer: "https://id.example.com", Why: "{}"})
	for i := range strings.TrimRight(whole, "\n") {
		if all, err := parse([]byte(whole[:i])); err == nil {
			t.Fatalf("%q is the list %v", whole[:i], all)
		}
	}
	if all, err := parse([]byte(whole)); err != nil || len(all) != 2 {
		t.Errorf("the whole is %v (%v)", all, err)
	}
}

func TestGoneListGoesOn(t *testing.T) {
	l, path := listOf(t)
	write(t, path, listText(Stop{Agent: "chat"}))
	before := l.Now()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if now := l.Now(); refused(t, l, agent("chat")) != "stopped" || !now.Gone || now.Hash != before.Hash {
		t.Errorf("without its file the state is %+v", now)
	}
	write(t, path, "{")
	refused(t, l, agent("chat"))
	os.Remove(path)
	if now := l.Now(); refused(t, l, agent("chat")) != "stopped" || !now.Gone || now.Err != nil {
		t.Errorf("gone after it could not be read, the state is %+v", now)
	}
	for _, later := range []string{listText(), listText(Stop{Agent: "bot"}), listText()} {
		write(t, path, later)
		if now := l.Now(); refused(t, l, agent("chat")) != "stopped" || now.Gone {
			t.Errorf("with a list that leaves the stop out the state is %+v", now)
		}
	}
	if got := refused(t, l, agent("bot")); got != "" {
		t.Errorf("a stop that was taken off a list goes on: %q", got)
	}
	write(t, path, listText(Stop{Agent: "chat"}))
	write(t, path, listText())
	if now := l.Now(); refused(t, l, agent("chat")) != "stopped" {
		t.Errorf("a list that was never looked at ends the stop: %+v", now)
	}
	write(t, path, listText(Stop{Agent: "chat"}))
	refused(t, l, agent("chat"))
	write(t, path, listText())
	if now := l.Now(); refused(t, l, agent("chat")) != "" {
		t.Errorf("named again and taken off, the stop goes on: %+v", now)
	}
	if got := refused(t, At(filepath.Join(t.TempDir(), File), zerolog.Nop()), agent("chat")); got != "" {
		t.Errorf("a server that never saw a list refuses: %q", got)
	}
}

func TestHashTellsNoName(t *testing.T) {
	if a, b := hash(encode([]Stop{{Agent: "chat"}})), hash(encode([]Stop{{Agent: "chat"}})); a == b {
		t.Error("two lists of the same stops have one hash: names could be tried out")
	}
}

func TestRunningEnds(t *testing.T) {
	l, path := listOf(t)
	begin := func(p identity.Principal) context.Context {
		ctx, leave := l.Running(t.Context(), p)
		t.Cleanup(leave)
		return ctx
	}
	kim, robin, bot := begin(user("kim")), begin(user("robin")), begin(agent("bot"))
	if _, err := Add(t.Context(), path, "", Stop{User: "kim"}); err != nil {
		t.Fatal(err)
	}
	<-kim.Done()
	var why *identity.AuthError
	if !errors.As(context.Cause(kim), &why) || !errors.Is(why, identity.ErrStopped) ||
		!strings.Contains(why.Message, "is disabled") {
		t.Errorf("the cause is %v", context.Cause(kim))
	}
	if again := begin(user("kim")); again.Err() == nil {
		t.Error("another one begins")
	}
	if robin.Err() != nil || bot.Err() != nil {
		t.Error("calls of others end")
	}
	if _, err := Add(t.Context(), path, "", Stop{Agent: "bot"}); err != nil {
		t.Fatal(err)
	}
	<-bot.Done()
	write(t, path, "{")
	<-robin.Done()
	if !errors.As(context.Cause(robin), &why) || why.Code != identity.Unavailable {
		t.Errorf("the cause is %v", context.Cause(robin))
	}
}

func TestNothingIsWatchedWhenNothingRuns(t *testing.T) {
	l, _ := listOf(t)
	_, leave := l.Running(t.Context(), agent("chat"))
	leave()
	for range 12_000 {
		l.mu.Lock()
		watching, n := l.watching, len(l.running)
		l.mu.Unlock()
		if !watching && n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the list is watched for ever")
}

func TestAddAndRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if added, err := Add(t.Context(), path, "", Stop{User: fmt.Sprint("u", i), By: "root", At: time.Unix(1, 0).UTC(),
				Why: "why"}); !added || err != nil {
				t.Errorf("added %t (%v)", added, err)
			}
		})
	}
	all.Wait()
	stops, _, err := Read(path)
	if len(stops) != 20 || err != nil || stops[0].By != "root" || stops[0].Why != "why" ||
		!stops[0].At.Equal(time.Unix(1, 0)) {
		t.Fatalf("of 20 at once there are %v (%v)", stops, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v (%v)", info.Mode(), err)
	}
	for _, s := range []Stop{{User: "u1"}, {User: "U2"}, {User: "u3", Issuer: "https://id.example.com"}} {
		if added, err := Add(t.Context(), path, "", s); added != (s.User != "u1") || err != nil {
			t.Errorf("%v is added: %t (%v)", s, added, err)
		}
	}
	for _, tt := range []struct {
		stop Stop
		want int
	}{{Stop{User: "nobody"}, 0}, {Stop{Agent: "u4"}, 0}, {Stop{User: "u1"}, 1}, {Stop{User: "u2"}, 2}, {Stop{User: "u3",
		Issuer: "https://id.example.com"}, 1}, {Stop{User: "u3"}, 1}} {
		before, _, _ := Read(path)
		removed, err := Remove(t.Context(), path, "", tt.stop)
		after, _, _ := Read(path)
		if removed != (tt.want > 0) || err != nil || len(before)-len(after) != tt.want {
			t.Errorf("without %v: %t, %d fewer (%v)", tt.stop, removed, len(before)-len(after), err)
		}
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 2 { // the list and its lock
		t.Errorf("it leaves %v", left)
	}
}

func TestEntriesAreLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	for _, s := range []Stop{{}, {Agent: "a", User: "u"}, {User: "a\nb"}, {User: "u", Why: "one\x1b[31m"},
		{User: strings.Repeat("u", longest+1)}, {User: " u"}} {
		if _, err := Add(t.Context(), path, "", s); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a list is written")
	}
}

func TestLinkIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	real := path + ".real"
	write(t, real, listText())
	if err := errors.Join(os.Chmod(real, 0o666), os.Symlink(real, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := Add(t.Context(), path, "", Stop{Agent: "chat"}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	content, _ := os.ReadFile(real)
	if err != nil || info.Mode()&os.ModeSymlink == 0 || !bytes.Contains(content, []byte("chat")) {
		t.Errorf("the link is %v (%v), the file %s", info.Mode(), err, content)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the mode is %v (%v): others may write it", info.Mode(), err)
	}
}
