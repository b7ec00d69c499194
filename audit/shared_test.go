package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"deputy/audit"
	"deputy/audit/checkpoint"
)

// deputy serve and several deputy stdio may share one log.
func TestSeveralProcessesShareOneLogAndOneTree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var all sync.WaitGroup
	for p := range 3 {
		log, err := audit.Open(audit.Config{Path: path, Rotate: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer log.Close()
			for i := range 40 {
				for _, r := range []audit.Record{intent(fmt.Sprintf("p%d-%d", p, i)), outcome(fmt.Sprintf("p%d-%d", p, i))} {
					if err := log.Append(t.Context(), r); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	k, err := checkpoint.LoadKey(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(audit.VerifyConfig{Path: path, Verifier: k.Verifier()})
	if err != nil || report.Problem != nil || report.Records != 240 || report.Segments < 2 || report.Remains > 0 {
		t.Errorf("%v %+v", err, report)
	}
	seen, last := map[string]int{}, int64(-1)
	for e, err := range audit.Records(path) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[e.ID]++; e.Index <= last {
			t.Errorf("record %s stands at %d, after %d", e.ID, e.Index, last)
		}
		last = e.Index
	}
	if len(seen) != 120 {
		t.Errorf("of 120 calls %d can be read", len(seen))
	}
	proveEach(t, path, k.Verifier(), "p0-0", "p1-20", "p2-39")
}

func proveEach(t *testing.T, path string, v *checkpoint.Verifier, ids ...string) {
	t.Helper()
	other, err := checkpoint.NewKey("another")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		proof, err := audit.Prove(path, id, v)
		if err != nil {
			t.Fatal(err)
		}
		proven, err := audit.CheckProof(proof, v)
		if err != nil || len(proven.Records) != 2 || proven.Records[0].ID != id || proven.Records[1].Rows != 5 {
			t.Errorf("the proof of %s proves %+v (%v)", id, proven, err)
		}
		if _, err := audit.CheckProof(proof, other.Verifier()); err == nil {
			t.Error("a proof is good for a key that did not sign it")
		}
		for i := range proof { // no letter of it may be another
			forged := []byte(proof)
			if forged[i] ^= 1; forged[i] == proof[i] {
				continue
			}
			if _, err := audit.CheckProof(string(forged), v); err == nil {
				t.Errorf("a proof with %q for %q at %d is good", forged[i], proof[i], i)
			}
		}
	}
	if _, err := audit.Prove(path, "nobody", v); err == nil {
		t.Error("a call that never was is proven")
	}
}

// A process that begins while another works with the log must not declare the other's calls dead.
func TestACallThatAnotherProcessIsAnsweringIsNotClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	first, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Append(t.Context(), intent("running")); err != nil {
		t.Fatal(err)
	}
	second, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if text, _ := os.ReadFile(path); strings.Contains(string(text), `"unknown"`) {
		t.Error("the call of a process that lives is closed as unknown")
	}
	first.Close()
	appendTo(t, path, "next")
	if text, _ := os.ReadFile(path); strings.Count(string(text), `"unknown"`) != 1 {
		t.Error("the call of a process that is gone is not closed as unknown")
	}
}
