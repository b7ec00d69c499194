package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"deputy/internal/config"
)

// A command that must work whatever the file is like knows where the state is, or that it does not know.
func TestPeekAtTheState(t *testing.T) {
	const here = "postgres://here"
	const server = "server: {listen: 127.0.0.1:1}\n"
	getenv := func(name string) (string, bool) { return here, name == "STATE" }
	for name, tt := range map[string]struct {
		text, dsn string
		hidden    bool
	}{
		"none":                       {server, "", false},
		"a file":                     {server + "requests: {state: {file: x.db}}\n", "", false},
		"a dsn":                      {server + "requests: {state: {dsn: postgres://here}}\n", here, false},
		"a variable":                 {server + "requests: {state: {dsn: \"${STATE}\"}}\n", here, false},
		"no variable":                {server + "requests: {state: {dsn: \"${OTHER}\"}}\n", "", true},
		"an empty dsn":               {server + "requests: {state: {dsn: \"\"}}\n", "", true},
		"wrong elsewhere":            {server + "requests: {rules: 7, state: {dsn: \"${STATE}\"}}\n", here, false},
		"no YAML elsewhere":          {server + "requests:\n  state: {dsn: \"${STATE}\"}\nhu: [\n", here, false},
		"no YAML elsewhere, nowhere": {server + "hu: [\n", "", false},
		"no YAML there":              {server + "requests: {state: {dsn: [}}\n", "", true},
	} {
		file := filepath.Join(t.TempDir(), "deputy.yaml")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Peek(file, getenv)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := string(c.Requests.State.DSN); got != tt.dsn || c.StateHidden() != tt.hidden {
			t.Errorf("%s: %q, hidden %t", name, got, c.StateHidden())
		}
	}
}
