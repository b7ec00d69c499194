package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// called is what the scripts in js print of their call.
type called struct {
	Revision string
	Tools    []string
	IsError  bool
	Rows     json.RawMessage
}

func TestBothGenerationsOfTheTypeScriptSDKListAndCallOverHTTPAndStdio(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, taylor := stage(t)
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{}
	for _, variable := range d.stdio(t, taylor) {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	variables, err := json.Marshal(environment)
	if err != nil {
		t.Fatal(err)
	}
	for script, revision := range map[string]string{"sdk1.mjs": "2025-11-25", "sdk2.mjs": "2026-07-28"} {
		overHTTP := box.script(t, filepath.Join("js", script), "http", d.url, taylor, question)
		overStdio := box.script(t, filepath.Join("js", script), "stdio", program, question)
		overStdio.Env = append(os.Environ(), "SERVER_ENV="+string(variables))
		for transport, run := range map[string]*exec.Cmd{"HTTP": overHTTP, "stdio": overStdio} {
			t.Run(script+" over "+transport, func(t *testing.T) {
				var got called
				answered(t, run, &got)
				if got.Revision != revision {
					t.Errorf("they speak %s and not %s", got.Revision, revision)
				}
				if !slices.Contains(got.Tools, "query") || !slices.Contains(got.Tools, "describe_table") || got.IsError {
					t.Errorf("the answer is %+v", got)
				}
				shown(t, got.Rows)
			})
		}
	}
}
