// Package tokens counts tokens as a model's tokenizer does: o200k, of which .ci/tokens has the vocabulary in a module
// of its own, so that Deputy's has no tokenizer. The go command builds that program at the first use.
package tokens

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Counter is a running tokenizer.
type Counter struct {
	mu  sync.Mutex
	in  *json.Encoder
	out *bufio.Scanner
}

// Start builds the tokenizer and starts it for the time of a test. Where its module cannot be had, the test is skipped.
func Start(t testing.TB) *Counter {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tokens")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = folder()
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if said, err := build.CombinedOutput(); err != nil {
		t.Skipf("the tokenizer of .ci/tokens cannot be built, for which its module has to be there: %v\n%s", err, said)
	}
	run := exec.Command(program)
	run.Stderr = os.Stderr
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		if err := run.Wait(); err != nil {
			t.Errorf("the tokenizer ended: %v", err)
		}
	})
	return &Counter{in: json.NewEncoder(in), out: bufio.NewScanner(out)}
}

// Count is the number of tokens of a text. Invalid UTF-8 counts as utf8.RuneError.
func (c *Counter) Count(text string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.in.Encode(strings.ToValidUTF8(text, "\ufffd")); err != nil {
		return 0, fmt.Errorf("ask the tokenizer: %w", err)
	}
	if !c.out.Scan() {
		return 0, fmt.Errorf("the tokenizer does not answer: %w", c.out.Err())
	}
	return strconv.Atoi(c.out.Text())
}

// folder is .ci/tokens of this module.
func folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", ".ci", "tokens")
}
