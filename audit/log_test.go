package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"deputy/audit"
)

func record(id string) audit.Record {
	return audit.Record{
		ID:      id,
		Tool:    "query",
		Mode:    "on_behalf_of",
		Agent:   audit.Party{ID: "marketing"},
		SQL:     "SELECT 1",
		Outcome: audit.Answered,
	}
}

// read returns the ids of the records in a log and what was said of its other lines.
func read(t testing.TB, r io.ReadSeeker) (ids, bad []string) {
	t.Helper()
	for r, err := range audit.Read(r) {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		ids = append(ids, r.ID)
	}
	return ids, bad
}

func TestAppendReturnsOnlyWhenTheRecordIsSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hold: make(chan struct{})}
		log := open(t, d)
		var returned bool
		go func() {
			log.Append(t.Context(), record("a"))
			returned = true
		}()
		synctest.Wait()
		if returned {
			t.Error("Append returned before the disk had the record")
		}
		d.hold <- struct{}{}
		synctest.Wait()
		if !returned {
			t.Error("Append still waits though the disk has the record")
		}
	})
}

func TestManyCallersShareOneSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 64
		d := &disk{hold: make(chan struct{})}
		log := open(t, d)
		var failed int
		var mu sync.Mutex
		for i := range callers {
			go func() {
				if err := log.Append(t.Context(), record(fmt.Sprint("r", i))); err != nil {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			}()
		}
		synctest.Wait() // whatever was first is being synced, the rest waits
		close(d.hold)
		synctest.Wait()
		if failed > 0 {
			t.Errorf("%d callers were refused by a disk without a fault", failed)
		}
		if d.syncs > 2 || d.writes > 2 {
			t.Errorf("%d callers cost %d writes and %d syncs: they did not share", callers, d.writes, d.syncs)
		}
		if ids, bad := read(t, d.reader()); len(ids) != callers || len(bad) > 0 {
			t.Errorf("%d records can be read of %d written; %q", len(ids), callers, bad)
		}
	})
}

func TestCallsThatRunAtTheSameTimeShareTheSyncsOfBothTheirRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 32
		d := &disk{hold: make(chan struct{})}
		log := open(t, d)
		for i := range callers {
			go func() {
				id := fmt.Sprint("r", i)
				if log.Append(t.Context(), intent(id)) != nil || log.Append(t.Context(), outcome(id)) != nil {
					t.Errorf("call %s is refused by a disk without a fault", id)
				}
			}()
		}
		synctest.Wait() // all have begun: the first is being synced, the rest waits
		close(d.hold)
		time.Sleep(time.Second)
		if d.syncs > 6 {
			t.Errorf("the %d records of %d calls cost %d syncs", 2*callers, callers, d.syncs)
		}
	})
}

func TestALoneCallerWaitsForNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := open(t, &disk{})
		start := time.Now() // in here time passes only while everybody sleeps
		if err := log.Append(t.Context(), record("a")); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a lone caller was kept waiting for %v", waited)
		}
	})
}

func TestConcurrentAppendersToARealFileLeaveOnlyWholeLines(t *testing.T) {
	const callers, each = 64, 10
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for j := range each {
				r := record(fmt.Sprintf("%d-%d", i, j))
				r.SQL = strings.Repeat("x", i*50)
				if err := log.Append(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ids, bad := read(t, f)
	seen := map[string]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	if len(bad) > 0 || len(ids) != callers*each || len(seen) != callers*each {
		t.Errorf("of %d records %d are there, %d of them once; broken lines: %q", callers*each, len(ids), len(seen), bad)
	}
}

func TestACancelledCallIsRecorded(t *testing.T) {
	d := &disk{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(t, d).Append(ctx, record("a")); err != nil {
		t.Errorf("the record of a cancelled call was refused: %v", err)
	}
	if ids, _ := read(t, d.reader()); len(ids) != 1 {
		t.Error("the record of a cancelled call was dropped")
	}
}

func TestAFailingDiskRefusesAndTheNextRecordIsWhole(t *testing.T) {
	faults := map[string]*disk{
		"no space at all":             {fail: func(b []byte) (int, error) { return 0, syscall.ENOSPC }},
		"no space after half a line":  {fail: func(b []byte) (int, error) { return len(b) / 2, syscall.ENOSPC }},
		"no space for the newline":    {fail: func(b []byte) (int, error) { return max(len(b)-1, 0), syscall.ENOSPC }},
		"a short write without error": {fail: func(b []byte) (int, error) { return len(b) / 2, nil }},
		"a sync that fails":           {failSync: syscall.EIO},
	}
	for name, d := range faults {
		t.Run(name, func(t *testing.T) {
			log := open(t, d)
			err := log.Append(t.Context(), record("lost"))
			if err == nil {
				t.Fatal("Append said that a record is safe which is not on the disk")
			}
			if !strings.HasPrefix(err.Error(), "writing the audit log audit.jsonl: ") {
				t.Errorf("the error does not say which file could not be written: %v", err)
			}
			if log.Healthy() == nil {
				t.Error("the log calls itself healthy while its disk fails")
			}
			if log.Append(t.Context(), record("lost too")) == nil {
				t.Error("the second Append said that a record is safe which is not on the disk")
			}

			d.fail, d.failSync = nil, nil
			if err := log.Append(t.Context(), record("kept")); err != nil {
				t.Fatalf("the log stays broken after the disk recovered: %v", err)
			}
			if err := log.Healthy(); err != nil {
				t.Errorf("the log calls itself broken after a good write: %v", err)
			}
			ids, _ := read(t, d.reader())
			if len(ids) == 0 || ids[len(ids)-1] != "kept" {
				t.Errorf("the record after the failure cannot be read: there are %q", ids)
			}
		})
	}
}

// After a failed sync the disk may have anything of what was written, so the next record must bring its own newline,
// though the page cache shows a whole line.
func TestARecordAfterAFailedSyncStartsOnAFreshLine(t *testing.T) {
	d := &disk{failSync: syscall.EIO}
	log := open(t, d)
	log.Append(t.Context(), record("lost"))
	before := d.Len()
	d.failSync = nil
	log.Append(t.Context(), record("kept"))
	if d.String()[before] != '\n' {
		t.Error("the record after a failed sync does not start on a fresh line")
	}
}

func TestEveryCallerOfAFailedBatchIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hold: make(chan struct{}), failSync: syscall.EIO}
		log := open(t, d)
		errs := make([]error, 16)
		for i := range errs {
			go func() { errs[i] = log.Append(t.Context(), record("lost")) }()
		}
		synctest.Wait()
		close(d.hold)
		synctest.Wait()
		for i, err := range errs {
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("caller %d of a failed batch was told %v", i, err)
			}
		}
	})
}

func TestHealthyNoticesThatTheDiskRecoveredWithoutACall(t *testing.T) {
	d := &disk{fail: func([]byte) (int, error) { return 0, syscall.ENOSPC }}
	log := open(t, d)
	if err := log.Healthy(); err != nil {
		t.Errorf("a log that nobody wrote to is not healthy: %v", err)
	}
	log.Append(t.Context(), record("lost"))
	d.fail = nil
	if err := log.Healthy(); err != nil {
		t.Errorf("the disk recovered, yet nobody would ever hear of it: %v", err)
	}
}

func TestCloseWritesWhatIsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hold: make(chan struct{})}
		log := open(t, d)
		for i := range 3 {
			go log.Append(t.Context(), record(fmt.Sprint(i)))
		}
		synctest.Wait()
		go func() { close(d.hold) }()
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if ids, _ := read(t, d.reader()); len(ids) != 3 || !d.closed {
			t.Errorf("of 3 waiting records %d were written before the log closed", len(ids))
		}
		if err := log.Append(t.Context(), record("late")); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("a closed log took a record: %v", err)
		}
		if err := log.Healthy(); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("a closed log calls itself healthy: %v", err)
		}
		if err := log.Close(); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("closing twice says %v", err)
		}
	})
}
