package stdio

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/limit"
	"deputy/mcp/mcptest"
)

// What the tests of the package use of the test kit.
type (
	fakeTools         = mcptest.Tools
	fakeAuthenticator = mcptest.Authenticator
	syncBuffer        = mcptest.Buffer
	Limits            = limit.Limits
)

const (
	queryBody  = mcptest.QueryBody
	cancelBody = mcptest.CancelBody
)

var (
	orders     = mcptest.Orders
	callTool   = mcptest.CallTool
	initialize = mcptest.Initialize
	logTo      = mcptest.LogTo
	taylorsKey = mcptest.TaylorsKey
)

func structured[T any](t *testing.T, r *protocol.CallToolResult) T {
	return mcptest.Structured[T](t, r)
}

func config(f *fakeTools) Config {
	return Config{Config: mcp.Config{Generations: mcp.Fixed(f, fakeAuthenticator{}), Logger: zerolog.Nop()}}
}

func with(cfg Config, credentials func() (identity.Credentials, error)) Config {
	cfg.Credentials = credentials
	return cfg
}

// clock stands still until it is set.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1_800_000_000+c.Load(), 0) }

// piped gives the answers to the lines of input, by id. The input ends with its last line.
func piped(t *testing.T, cfg Config, input string, credentials func() (identity.Credentials, error)) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := Serve(t.Context(), with(cfg, credentials), strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	return answersIn(t, &out)
}

func answersIn(t *testing.T, out io.Reader) map[string]string {
	t.Helper()
	answers := map[string]string{}
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return answers
		}
		var answer struct {
			Version string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
		}
		if err != nil || json.Unmarshal([]byte(line), &answer) != nil || answer.Version != "2.0" {
			t.Fatalf("something other than the protocol is on standard output: %q, %v", line, err)
		}
		answers[string(answer.ID)] += line
	}
}

func queryLine(id any) string {
	return strings.Replace(queryBody, `"id":1`, fmt.Sprintf(`"id":%v`, id), 1) + "\n"
}

// zeros is an input without end and without a line.
type zeros struct{}

func (*zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
