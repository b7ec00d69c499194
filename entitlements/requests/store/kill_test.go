package store_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

// killedAt has the test binary work on a state and end itself with SIGKILL before its nth statement: see work.
const killedAt = "DEPUTY_STATE_KILLED_AT"

// theirState says to that process where the state is.
const theirState = "DEPUTY_STATE_CONFIG"

// The story that is told over and over: each line is one call, and the line is printed when the call has come back.
var story = []struct {
	says string
	does func(ctx context.Context, s *store.State, round string) error
}{
	{"make", func(ctx context.Context, s *store.State, round string) error {
		r := request("a" + round)
		r.Table.Name = "a" + round
		_, _, err := s.Make(ctx, r, noon)
		return err
	}},
	{"first", stepping("a", func(r requests.Request) (requests.Request, error) {
		return r.Approve(needs(nil, 2), step("first", "sam", noon))
	})},
	{"second", stepping("a", func(r requests.Request) (requests.Request, error) {
		return r.Approve(needs(nil, 2), step("second", "kim", noon))
	})},
	{"announce", func(ctx context.Context, s *store.State, _ string) error {
		_, err := sweep(s, ctx, noon.Add(59*time.Minute), time.Hour)
		return err
	}},
	{"makeDenied", func(ctx context.Context, s *store.State, round string) error {
		r := request("b" + round)
		r.Table.Name = "b" + round
		_, _, err := s.Make(ctx, r, noon)
		return err
	}},
	{"deny", stepping("b", func(r requests.Request) (requests.Request, error) {
		return r.Deny(needs(nil, 2), step("deny", "sam", noon))
	})},
	// what a expired to is ended, and a new one is made
	{"again", func(ctx context.Context, s *store.State, round string) error {
		r := request("c" + round)
		r.Table.Name, r.Created = "a"+round, noon.Add(time.Hour)
		_, _, err := s.Make(ctx, r, noon.Add(time.Hour))
		return err
	}},
	{"sweep", func(ctx context.Context, s *store.State, _ string) error {
		_, err := sweep(s, ctx, noon.Add(time.Hour), time.Hour)
		return err
	}},
}

func stepping(
	request string,
	step func(requests.Request) (requests.Request, error),
) func(context.Context, *store.State, string) error {
	return func(ctx context.Context, s *store.State, round string) error {
		_, err := s.Step(ctx, request+round, step)
		return err
	}
}

// work is the process that is killed. It never returns before the end of the story.
func work() {
	n, err := strconv.Atoi(os.Getenv(killedAt))
	var c store.Config
	if err := errors.Join(err, json.Unmarshal([]byte(os.Getenv(theirState)), &c)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ctx := context.Background()
	s, err := store.Open(ctx, c)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s.Before(func() {
		if n--; n < 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it is on its way
		}
	})
	for _, line := range story {
		if err := line.does(ctx, s, os.Getenv(killedAt)); err != nil {
			fmt.Println(line.says, err)
			os.Exit(1)
		}
		fmt.Println(line.says)
	}
	fmt.Println("end")
}

// statements is how many the story has at least; the last ones are found by the process that comes to the end.
const statements = 80

func TestKilledBetweenAnyTwoStatementsNothingIsLostAndNothingIsThereTwice(t *testing.T) {
	every := 3 // of the statements, and in make crash each of them
	if os.Getenv("DEPUTY_KILLS") != "" {
		every = 1
	}
	onBoth(t, func(t *testing.T, c store.Config) {
		text, err := json.Marshal(struct{ File, DSN string }{c.File, c.DSN})
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, c)
		kills := 0
		for n := 0; ; n += every {
			round := strconv.Itoa(n)
			command := osexec.Command(os.Args[0])
			command.Env = append(os.Environ(), killedAt+"="+round, theirState+"="+string(text))
			out, err := command.Output()
			var ended *osexec.ExitError
			killed := errors.As(err, &ended) && ended.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
			if err != nil && !killed {
				t.Fatalf("killed before statement %d: %v: %s", n, err, out)
			}
			said := map[string]bool{}
			for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
				said[lines.Text()] = true
			}
			checkStory(t, s, round, said)
			if t.Failed() || said["end"] {
				t.Logf("killed %d times, the last time before statement %d", kills, n-every)
				if n < statements {
					t.Errorf("the story has %d statements: the test stops too early", n)
				}
				break
			}
			kills++
		}
		contiguous(t, s)
	})
}

// checkStory looks at what a process that was killed left: what it said is there, once and with its events; what it did
// not say is there as a whole or not at all.
func checkStory(t *testing.T, s *store.State, round string, said map[string]bool) {
	t.Helper()
	var kinds []string
	err := s.Ask(t.Context(), &kinds, `SELECT request || ' ' || kind || ' ' || version FROM deputy_state.events
		WHERE request IN ('a`+round+`', 'b`+round+`', 'c`+round+`') ORDER BY sequence`)
	if err != nil {
		t.Fatal(err)
	}
	told := strings.ReplaceAll(strings.Join(kinds, ", "), round+" ", " ")
	whole := "a created 0, a decided 2, a expiring 2, b created 0, b decided 1, a expired 3, c created 0"
	if !strings.HasPrefix(whole, told) || strings.HasSuffix(told, "a expired 3") {
		t.Errorf("round %s: told were %s", round, told)
	}
	want := map[string]string{
		"make": "a created", "second": "a decided", "announce": "a expiring", "makeDenied": "b created", "deny": "b decided", "again": "c created",
	}
	for say, event := range want {
		if said[say] && !strings.Contains(told, event) {
			t.Errorf("round %s: %s was said to be done, and told were only %s", round, say, told)
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		r, err := s.Find(t.Context(), id+round)
		if there := strings.Contains(told, id+" created"); (err == nil) != there {
			t.Errorf("round %s: %s was told to be created: %v; and found: %v", round, id, there, err)
			continue
		}
		status := r.Status
		if is := strings.Contains(told, id+" decided"); is != (status == "approved" || status == "denied" || status == "expired") {
			t.Errorf("round %s: %s is %s, and told were %s", round, id, status, told)
		}
		if id == "a" && said["first"] && len(r.Decisions) == 0 {
			t.Errorf("round %s: the first approval is lost", round)
		}
	}
}
