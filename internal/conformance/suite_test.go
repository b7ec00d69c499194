package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These have to pass whatever the table says.
var mustPass = []string{
	"tools-list",
	"http-header-validation",
	"dns-rebinding-protection",
	"caching",
	"server-initialize",
	"ping",
}

// verdict is what came of one scenario.
type verdict struct {
	passed int
	failed map[string]string // check: what the suite said
}

func TestTheProtocolsOwnSuitePassesButForWhatTheTableSays(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, taylor := stage(t)
	results := t.TempDir()
	suite := box.packaged(
		t,
		"conformance",
		"server",
		"--url",
		withToken(t, d.url, taylor),
		"--suite",
		"all",
		"--output-dir",
		results,
	)
	said, _ := suite.CombinedOutput() // it fails when any scenario does; the results say which
	got := readResults(t, results)
	if len(got) == 0 {
		t.Fatalf("the suite has no results: %.2000s", said)
	}
	want := readTable(t)
	for _, scenario := range mustPass {
		if v := got[scenario]; v.passed == 0 || len(v.failed) > 0 || want[scenario] == nil ||
			want[scenario].kind != "passes" {
			t.Errorf("%s does not pass: %d checks do, %v do not", scenario, v.passed, v.failed)
		}
	}
	for scenario, v := range got {
		row := want[scenario]
		if row == nil {
			t.Errorf("%s is not in the table: %d checks pass, %v do not", scenario, v.passed, v.failed)
			continue
		}
		for check, message := range v.failed {
			if because := row.failed[check]; because == nil {
				t.Errorf("%s fails, and the table does not say so: %s says %q", scenario, check, message)
			} else if !because.MatchString(message) {
				t.Errorf("%s fails for another reason than the table has: %s says %q", scenario, check, message)
			}
		}
		for check := range row.failed {
			if _, ok := v.failed[check]; !ok && !row.sometimes[check] {
				t.Errorf("%s does not fail %s any more: the table has to follow", scenario, check)
			}
		}
		if row.kind == "passes" && v.passed == 0 || row.kind == "nothing" && v.passed > 0 {
			t.Errorf("%s has %d checks that pass, and the table says %s", scenario, v.passed, row.kind)
		}
	}
	for scenario := range want {
		if _, ok := got[scenario]; !ok {
			t.Errorf("%s is in the table, and the suite did not run it", scenario)
		}
	}
	passes := 0
	for _, v := range got {
		passes += v.passed
	}
	t.Logf("%d scenarios, %d checks pass", len(got), passes)
}

// A suite that reached deputy without a token would have shown nothing: every scenario above had to get past this door.
func TestTheSuiteFailsWithoutAToken(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, _ := stage(t)
	results := t.TempDir()
	box.packaged(t, "conformance", "server", "--url", d.url, "--scenario", "tools-list", "--output-dir", results).Run()
	if v := readResults(t, results)["tools-list"]; len(v.failed) == 0 {
		t.Errorf("tools are listed without a token: %+v", v)
	}
}

// withToken stands before deputy and adds the token that the suite has no way to send. It changes nothing else: the
// Host and the Origin that the suite makes up have to reach deputy.
func withToken(t *testing.T, endpoint, token string) string {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	// A test that ends closes the connections of the default transport, another test's too.
	transport := &http.Transport{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Host = r.In.Host
		r.Out.Header.Set("Authorization", "Bearer "+token)
	}})
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(proxy.Close)
	return proxy.URL + target.Path
}

// anyMessage is a check of every scenario: that messages have the shape which the schema says. It shows nothing of the
// scenario itself.
const anyMessage = "wire-schema-valid"

var stamped = regexp.MustCompile(`^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$`)

// readResults reads what the suite left in a folder for each scenario.
func readResults(t *testing.T, dir string) map[string]verdict {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "checks.json"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]verdict{}
	for _, file := range files {
		name := stamped.FindStringSubmatch(filepath.Base(filepath.Dir(file)))
		text, err := os.ReadFile(file)
		if err != nil || name == nil {
			t.Fatalf("%s cannot be read as results: %v", file, err)
		}
		var checks []struct{ ID, Status, ErrorMessage string }
		if err := json.Unmarshal(text, &checks); err != nil {
			t.Fatal(err)
		}
		v := verdict{failed: map[string]string{}}
		for _, c := range checks {
			switch {
			case c.Status == "FAILURE":
				v.failed[c.ID] = c.ErrorMessage
			case c.Status == "SUCCESS" && c.ID != anyMessage:
				v.passed++
			}
		}
		out[name[1]] = v
	}
	return out
}

// row is what the table says of one scenario.
type row struct {
	kind      string
	failed    map[string]*regexp.Regexp // check: what the suite has to say
	sometimes map[string]bool           // of these checks: they fail at times
}

// readTable reads testdata/scenarios.txt: "passes S", "nothing S", and below "because PATTERN" lines with "fails S
// CHECK" and "sometimes S CHECK".
func readTable(t *testing.T) map[string]*row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "scenarios.txt"))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]*row{}
	var because *regexp.Regexp
	for n, line := range strings.Split(string(text), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		words := strings.Fields(rest)
		at := func(what string) string { return fmt.Sprintf("scenarios.txt:%d: %s", n+1, what) }
		switch {
		case line == "" || kind == "#":
			continue
		case kind == "because":
			because = regexp.MustCompile(rest)
		case slices.Contains([]string{"passes", "nothing"}, kind) && len(words) == 1 && table[words[0]] == nil:
			table[words[0]] = &row{kind: kind}
		case slices.Contains([]string{"fails", "sometimes"}, kind) && len(words) == 2 && because != nil:
			r := table[words[0]]
			if r == nil {
				r = &row{kind: "fails", failed: map[string]*regexp.Regexp{}, sometimes: map[string]bool{}}
				table[words[0]] = r
			}
			if r.kind != "fails" {
				t.Fatal(at("this scenario passes, further up"))
			}
			r.failed[words[1]], r.sometimes[words[1]] = because, kind == "sometimes"
		default:
			t.Fatal(at("this is no line of the table"))
		}
	}
	return table
}
