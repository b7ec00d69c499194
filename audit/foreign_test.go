package audit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deputy/audit/checkpoint"
)

// Somebody who can write to the file adds a line, and a checkpoint of the whole log by a key of his own. The running
// server signs both as remains, and the next start must not take the log for another's.
func TestACheckpointThatSomebodyAddsUnderAnotherKeyDoesNotKeepTheServerFromStarting(t *testing.T) {
	own, theirs := mustKey(t), mustKey(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	open := func() *Log {
		log, err := Open(Config{Path: path, Key: own})
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	put := func(log *Log, id string) {
		if err := log.Append(t.Context(), Record{ID: id, Outcome: Answered}); err != nil {
			t.Fatal(err)
		}
	}
	log := open()
	put(log, "a")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := `{"id":"forged","phase":"intent"}`
	c := &chain{}
	for line := range strings.SplitSeq(string(text)+forged, "\n") {
		c.add([]byte(line), anyone)
	}
	signed, err := c.sign(theirs)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(forged + "\n" + string(signed) + "\n"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"b", "c"} {
		put(log, id)
		log.Close()
		report, err := Verify(VerifyConfig{Path: path, Verifier: own.Verifier()})
		if err != nil || report.Problem != nil {
			t.Fatal(err, report)
		}
		log = open()
	}
	log.Close()
	var got []string
	for e, err := range Records(path) {
		if err != nil {
			t.Error(err)
		}
		got = append(got, e.ID)
	}
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("the log has %v", got)
	}
	if _, err := Open(Config{Path: path, Key: theirs}); err == nil {
		t.Error("the log is opened under another key")
	}
}

func mustKey(t *testing.T) *checkpoint.Key {
	t.Helper()
	k, err := checkpoint.NewKey("audit.test/log")
	if err != nil {
		t.Fatal(err)
	}
	return k
}
