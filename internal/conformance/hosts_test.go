package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deputy/mcp/client"
)

// What examples/hosts gives to hosts is used here as a host would.

// many are more rows than an answer has.
const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n ORDER BY i"

var hosts = filepath.Join("..", "..", "examples", "hosts")

func TestTheExampleHostsInGoAndTypeScriptAreAnsweredAndRefused(t *testing.T) {
	t.Parallel()
	d, taylor := stage(t)
	goHost := filepath.Join(t.TempDir(), "host")
	if out, err := exec.Command("go", "build", "-o", goHost, "deputy/examples/hosts/go").CombinedOutput(); err != nil {
		t.Fatalf("the example does not build: %v: %s", err, out)
	}
	for name, host := range map[string]func(t *testing.T, sql string) *exec.Cmd{
		"Go": func(t *testing.T, sql string) *exec.Cmd { return exec.CommandContext(t.Context(), goHost, sql) },
		"TypeScript": func(t *testing.T, sql string) *exec.Cmd {
			return tools(t).script(t, filepath.Join(hosts, "typescript", "client.mts"), sql)
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(sql string) (out, said string, err error) {
				c := host(t, sql)
				c.Env = append(os.Environ(), "DEPUTY_URL="+d.url, "DEPUTY_TOKEN="+taylor)
				return capture(c)
			}
			if out, said, err := run(
				question,
			); err != nil ||
				out != "[\"REDACTED\",\"89.00\"]\n[\"REDACTED\",\"117.00\"]\n" {
				t.Errorf("the host prints %q (%v: %s)", out, err, said)
			}
			if _, said, err := run(question); err != nil || !strings.Contains(said, "masked: lastname, by policy ") ||
				!strings.Contains(said, "notice: sales.") || strings.Contains(said, "truncated") {
				t.Errorf("the host says of the answer %q (%v)", said, err)
			}
			if out, said, err := run(many); err != nil || strings.Count(out, "\n") != 200 ||
				!strings.Contains(said, "notice: only the first 200 rows are shown") ||
				!strings.Contains(said, "truncated: these are the first 200 rows") {
				t.Errorf("the host says of more rows than fit %q (%v)", said, err)
			}
			if out, said, err := run("SELECT * FROM sales.salaries"); err == nil || out != "" ||
				!strings.Contains(said, "may not read") {
				t.Errorf("a refusal prints %q and %q (%v)", out, said, err)
			}
		})
	}
}

func TestTheNightlyReportIsAnsweredAsTheAgentAloneAndFailsLoudlyWhenRefused(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s", program)
		}
	}
	d, _ := stage(t)
	report := func(key, sql string) (out, said string, err error) {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), filepath.Join(hosts, "cron", "nightly-report.sh"), sql)
		c.Env = append(os.Environ(), "DEPUTY_URL="+d.url, "DEPUTY_KEY_FILE="+file)
		return capture(c)
	}
	if out, said, err := report(d.nightlyKey, question); err != nil ||
		!strings.HasPrefix(out, `{"columns":["lastname","total"],"rows":`+wantShown+`,"truncated":false,"notices":["`) {
		t.Errorf("the report is %q (%v: %s)", out, err, said)
	}
	if r := d.last(t); r.User != nil || r.Agent.ID != "nightly" || r.Mode != "autonomous" {
		t.Errorf("the record says %+v", r)
	}
	if out, said, err := report(d.nightlyKey, "SELECT * FROM sales.salaries"); err == nil || out != "" ||
		!strings.Contains(said, "may not read") {
		t.Errorf("a refusal prints %q and %q (%v)", out, said, err)
	}
	if out, said, err := report("deputy_ak_of_nobody", question); err == nil || out != "" ||
		!strings.Contains(said, "401") {
		t.Errorf("a wrong key prints %q and %q (%v)", out, said, err)
	}
}

// overStdio starts a server, asks it the question and ends it.
func overStdio(t *testing.T, process *exec.Cmd) json.RawMessage {
	t.Helper()
	process.Stderr = t.Output()
	in, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Wait()
	defer in.Close()
	c, err := client.Stdio(t.Context(), in, out)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Query(t.Context(), map[string]any{"sql": question})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := json.Marshal(answer.Rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func capture(c *exec.Cmd) (out, said string, err error) {
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	return stdout.String(), stderr.String(), err
}
