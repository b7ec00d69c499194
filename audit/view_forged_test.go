package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// A reader has no key. What somebody adds with a checkpoint of his own is shown for as long as verify complains of it,
// and no longer: a bookmark that was made meanwhile is no good any more.
func TestWhatSomebodyAddsWithACheckpointIsNotReadOnceTheLogHasSaidSo(t *testing.T) {
	own := mustKey(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := Open(Config{Path: path, Key: own})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	put := func(id string) {
		if err := log.Append(t.Context(), Record{ID: id, Outcome: Answered}); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	honest, _, err := batchesOf(t, path, Bookmark{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(strings.Count(string(text), "\n") + 1)
	line, err := mark{
		Kind: checkpointMark,
		Note: fmt.Sprintf("audit.test/log\n%d\n%s\n", size, tlog.Hash{}) + "\n— audit.test/log AAAAAA==\n",
	}.line()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "%s\n%s\n", `{"id":"forged","phase":"outcome","outcome":"answered"}`, line)
	forged, _, err := batchesOf(t, path, Bookmark{})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := Verify(VerifyConfig{Path: path, Verifier: own.Verifier()}); err != nil || report.Problem == nil {
		t.Fatal("verify does not complain")
	}
	put("b")
	if report, err := Verify(VerifyConfig{Path: path, Verifier: own.Verifier()}); err != nil || report.Problem != nil {
		t.Fatal(err, report)
	}
	if _, got, err := batchesOf(t, path, Bookmark{}); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("from the beginning %v is read: %v", got, err)
	}
	if _, got, err := batchesOf(t, path, honest); err != nil || !slices.Equal(got, []string{"b"}) {
		t.Errorf("from a good bookmark %v is read: %v", got, err)
	}
	if _, got, err := batchesOf(t, path, forged); !errors.Is(err, ErrOtherLog) {
		t.Errorf("from the bookmark of an added checkpoint %v is read: %v", got, err)
	}
}

func batchesOf(t *testing.T, path string, after Bookmark) (end Bookmark, ids []string, err error) {
	t.Helper()
	v, err := NewView(path)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	end = after
	for b, err := range v.Batches(after) {
		if err != nil {
			return end, ids, err
		}
		end = b.End
		for _, raw := range b.Records {
			r, err := decode(raw.Text)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, r.ID)
		}
	}
	return end, ids, nil
}
