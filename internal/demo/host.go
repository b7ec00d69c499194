package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// PrintHost prints what a chat host is given, ready to paste.
func (s *Stage) PrintHost(out io.Writer) error {
	type server struct {
		Type    string            `json:"type"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	host := map[string]any{"mcpServers": map[string]server{
		"deputy": {"http", s.URL, map[string]string{"Authorization": "Bearer " + s.Token(Taylor)}},
	}}
	text, err := json.MarshalIndent(host, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(
		out,
		"\nStill serving. Paste this into an MCP host to ask as Taylor (the token is good for an hour):\n\n%s\n\nOther tokens:\n",
		text,
	)
	for _, p := range []Person{Priya, Sam} {
		fmt.Fprintf(out, "\n%s:\n%s\n", p.Name, s.Token(p))
	}
	fmt.Fprintf(out, "\nThe scanner's agent key:\n%s\n", s.ScannerKey)
	return nil
}

// PrintDesk prints what a data steward needs to decide on a request that waits: a token, and the commands as they
// stand.
func (s *Stage) PrintDesk(out io.Writer, request string) {
	fmt.Fprintf(out, `
Taylor's agent has asked for the names again. A data steward decides; with Dana's token (good for an hour) you are one:

  export DEPUTY_SERVER=%s DEPUTY_USER_TOKEN=%s
  %[3]s requests list
  %[3]s requests approve %[4]s --for 1h --yes
`, strings.TrimSuffix(s.URL, "/mcp"), s.StewardToken(Dana), thisProgram(), request)
}

// thisProgram is how a shell on this machine finds the running program: by its name where that is on the path.
func thisProgram() string {
	path, err := os.Executable()
	if err != nil {
		return "deputy"
	}
	if found, err := exec.LookPath("deputy"); err == nil && sameFile(found, path) {
		return "deputy"
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	other, failed := os.Stat(b)
	return err == nil && failed == nil && os.SameFile(one, other)
}
