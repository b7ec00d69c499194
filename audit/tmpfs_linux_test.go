package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"deputy/audit"
	"deputy/audit/checkpoint"
)

// A real file system that is really full: a mebibyte in memory.
func TestARealDiskThatIsFullRefusesAndRecovers(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); errors.Is(err, syscall.EPERM) {
		t.Skip("the kernel lets only root mount a file system; the same is tested with a File that fails")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "audit.jsonl")
	log, err := audit.Open(audit.Config{Path: path, Rotate: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), intent("running")); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, bytes.Repeat([]byte("x"), 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	long := record("long") // does not fit into what is left of the last page
	long.SQL = string(bytes.Repeat([]byte("x"), 8<<10))
	if err := log.Append(t.Context(), long); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk, a record is answered with %v", err)
	}
	long = outcome("running")
	long.SQL = string(bytes.Repeat([]byte("x"), 8<<10))
	if err := log.Append(t.Context(), long); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk, an outcome is answered with %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := log.Healthy(); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	for range 100 { // over several segments
		if err := log.Append(t.Context(), outcome("after")); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	k, err := checkpoint.LoadKey(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(audit.VerifyConfig{Path: path, Verifier: k.Verifier()})
	if err != nil || report.Problem != nil {
		t.Errorf("%v %+v", err, report)
	}
	last := map[string]audit.Outcome{}
	for e, err := range audit.Records(path) {
		if err != nil {
			t.Error(err)
		}
		last[e.ID] = e.Outcome
	}
	if last["running"] != audit.Failed || last["after"] != audit.Answered || last["long"] != "" {
		t.Errorf("the log says %v", last)
	}
}
