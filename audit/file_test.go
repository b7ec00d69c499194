package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deputy/audit"
)

func TestOpenRefusesWhatCannotHoldARecord(t *testing.T) {
	folder := t.TempDir()
	shared := filepath.Join(folder, "shared.jsonl")
	if err := os.WriteFile(shared, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o622); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		"":                                       "no path given",
		folder:                                   "is a directory",
		filepath.Join(folder, "none", "a.jsonl"): "no such file or directory",
		"/dev/null":                              "is not a regular file",
		shared:                                   "may be changed by other accounts (mode 0622): chmod 600 it",
	} {
		log, err := audit.Open(audit.Config{Path: path})
		if err == nil {
			log.Close()
			t.Errorf("%q was taken for an audit log", path)
		} else if !strings.HasPrefix(err.Error(), "opening the audit log: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q was refused with %q, which does not say %q", path, err, says)
		}
	}
}

func TestANewLogIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("a new audit log has mode %#o", mode)
	}
}

func TestALogIsContinued(t *testing.T) {
	for name, there := range map[string]string{
		"after a whole line":      `{"id":"old"}` + "\n",
		"after a line torn short": `{"id":"old"}` + "\n" + `{"id":"to`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := os.WriteFile(path, []byte(there), 0o600); err != nil {
				t.Fatal(err)
			}
			appendTo(t, path, "new")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), there) {
				t.Error("what was in the log has changed")
			}
			ids, bad := read(t, strings.NewReader(string(text)))
			if got := strings.Join(ids, " "); got != "old new" {
				t.Errorf("the log holds %q instead of the old and the new record", got)
			}
			if torn := strings.Count(there, "\n") != strings.Count(there, "{"); torn != (len(bad) == 1) {
				t.Errorf("of the torn line the reader says %q", bad)
			}
		})
	}
}

// deputy serve and several deputy stdio may share one log: a line that one left torn must not swallow the record of
// another.
func TestALineTornByAnotherProcessSwallowsNoRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	other, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.WriteString(`{"id":"to`); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), record("whole")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if ids, _ := read(t, strings.NewReader(string(text))); len(ids) != 1 {
		t.Errorf("the record was glued to a torn line: %s", text)
	}
}

func appendTo(t *testing.T, path, id string) {
	t.Helper()
	log, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), record(id)); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}
