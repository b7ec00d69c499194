package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"deputy/internal/admin/check"
)

// says is what a wrong file ends with: each line that deputy check prints about it.
const says = "#! "

// wrong runs deputy check on every file that says what is wrong with it, and compares. A section that a file does not
// have and that the file named rest has is added to it, below its own lines.
func wrong(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs("*.yaml"))
	ts.Check(err)
	rest := ""
	if len(args) > 0 {
		rest = ts.ReadFile(args[0])
	}
	for name, value := range map[string]string{"EMPTY": "", "SECRET": "hunter2 hunter2", "NAME": "chat"} {
		os.Setenv(name, value) // for all of the process: always the same
	}
	failed := 0
	for _, path := range files {
		name, text := filepath.Base(path), ts.ReadFile(path)
		want := expected(text)
		if len(want) == 0 {
			continue
		}
		ts.Check(os.WriteFile(path, []byte(completed(text, rest)), 0o600))
		if got := refusal(ts, name); !slices.Equal(got, want) {
			failed++
			ts.Logf("%s is refused with\n\t%s\nnot\n\t%s", name, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
	if failed > 0 {
		ts.Fatalf("%d files are not refused as they should be", failed)
	}
}

func expected(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if said, ok := strings.CutPrefix(line, says); ok {
			lines = append(lines, strings.TrimSpace(said))
		}
	}
	return lines
}

// completed adds the sections of rest that the file does not have. A section starts with a word at the beginning of a
// line.
func completed(text, rest string) string {
	missing := false
	for line := range strings.Lines(rest) {
		if section, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' {
			missing = !strings.HasPrefix(text, section+":") && !strings.Contains(text, "\n"+section+":")
		}
		if missing {
			text += line
		}
	}
	return text
}

// refusal is what deputy check says of a file, without its own name and the summary. It runs in this process: there are
// hundreds.
func refusal(ts *testscript.TestScript, name string) (lines []string) {
	var out bytes.Buffer
	if code := run([]string{"check", "--config", ts.MkAbs(name)}, nil, &out, &out); code != 1 {
		ts.Fatalf("deputy check --config %s ended with %d, and not with exit status 1: %s", name, code, out.String())
	}
	said := strings.ReplaceAll(out.String(), ts.MkAbs(name), name)
	for line := range strings.Lines(said) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "deputy: ")
		if line != check.ErrProblems.Error() && !strings.HasSuffix(line, " findings") {
			lines = append(lines, line)
		}
	}
	return lines
}

// raw writes a file with bytes that no text has, as a Go string without its quotes.
func raw(ts *testscript.TestScript, _ bool, args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
