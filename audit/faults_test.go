package audit_test

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"deputy/audit"
	"deputy/audit/checkpoint"
)

func intent(id string) audit.Record {
	r := record(id)
	r.Phase, r.Outcome = audit.Intent, ""
	return r
}

func outcome(id string) audit.Record {
	r := record(id)
	r.Phase, r.Rows = audit.Ended, 5
	return r
}

// outcomes are what a reader of the log takes for the end of each call, and how many records each has.
func outcomes(t testing.TB, d *disk) (last map[string]audit.Outcome, count map[string]int) {
	t.Helper()
	last, count = map[string]audit.Outcome{}, map[string]int{}
	for r, err := range audit.Read(d.reader()) {
		if err != nil {
			t.Error(err)
			continue
		}
		count[r.ID]++
		last[r.ID] = r.Outcome
	}
	return last, count
}

func TestADiskThatHangsForAMinuteRefusesCallsAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		log := openIn(t, m, audit.Config{Patience: 10 * time.Second})
		d := m.files[base]
		if err := log.Append(t.Context(), intent("running")); err != nil {
			t.Fatal(err)
		}
		d.hold = make(chan struct{})
		start := time.Now()
		if err := log.Append(t.Context(), outcome("running")); err == nil ||
			!strings.Contains(err.Error(), "the disk has not answered for 10s") {
			t.Errorf("a call whose outcome is not on the disk is told %v", err)
		}
		if waited := time.Since(start); waited > 10*time.Second {
			t.Errorf("it was told after %v", waited)
		}
		start = time.Now()
		for _, r := range []audit.Record{intent("new"), outcome("refused")} {
			if log.Append(t.Context(), r) == nil {
				t.Errorf("%s is answered though the disk hangs", r.ID)
			}
		}
		if log.Healthy() == nil {
			t.Error("readyz says that all is well while the disk hangs")
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("who comes while the disk is known to hang waits for %v", waited)
		}
		time.Sleep(time.Minute)
		close(d.hold)
		synctest.Wait()
		if err := log.Healthy(); err != nil {
			t.Errorf("the disk answers again, and readyz says %v", err)
		}
		if err := log.Append(t.Context(), intent("after")); err != nil {
			t.Errorf("the disk answers again, and a call is told %v", err)
		}
		if err := log.Append(t.Context(), outcome("after")); err != nil {
			t.Errorf("the disk answers again, and a call is told %v", err)
		}
		last, count := outcomes(t, d)
		if last["running"] != audit.Failed || last["after"] != audit.Answered || count["after"] != 2 || count["new"] != 0 {
			t.Errorf("the log says %v (%v): a call that was not answered must not look as if it was", last, count)
		}
		log.Close()
		if report := verified(t, m); report.Problem != nil {
			t.Error(report.Problem)
		}
	})
}

func TestACallWhoseOutcomeMeetsAFullDiskEndsAsNotAnsweredOnceThereIsRoom(t *testing.T) {
	for name, fault := range map[string]func(*disk){
		"ENOSPC at once":       func(d *disk) { d.fail = func([]byte) (int, error) { return 0, syscall.ENOSPC } },
		"ENOSPC after a while": func(d *disk) { d.fail = func(b []byte) (int, error) { return len(b) / 3, syscall.ENOSPC } },
		"EIO":                  func(d *disk) { d.failSync = syscall.EIO },
	} {
		t.Run(name, func(t *testing.T) {
			m, told := newMemory(), []audit.Record{}
			log := openIn(t, m, audit.Config{Closed: func(r audit.Record) { told = append(told, r) }})
			d := m.files[base]
			if err := log.Append(t.Context(), intent("running")); err != nil {
				t.Fatal(err)
			}
			fault(d)
			if log.Append(t.Context(), outcome("running")) == nil {
				t.Error("a call is answered though its outcome is not on the disk")
			}
			for range 3 {
				if log.Append(t.Context(), intent("new")) == nil {
					t.Error("a statement runs though its intent is not on the disk")
				}
			}
			d.fail, d.failSync = nil, nil
			if err := log.Healthy(); err != nil {
				t.Errorf("there is room again, and readyz says %v", err)
			}
			if err := log.Append(t.Context(), outcome("after")); err != nil {
				t.Error(err)
			}
			log.Close()
			last, count := outcomes(t, d)
			if last["running"] != audit.Failed || count["after"] != 1 || count["new"] != 0 {
				t.Errorf("the log says %v (%v)", last, count)
			}
			if len(told) != 1 || told[0].ID != "running" || told[0].Outcome != audit.Failed {
				t.Errorf("of what the log wrote by itself, others hear %+v", told)
			}
			if report := verified(t, m); report.Problem != nil {
				t.Error(report.Problem)
			}
		})
	}
}

func TestACrashLeavesIntentsThatTheNextStartClosesAsUnknown(t *testing.T) {
	m := newMemory()
	log := openIn(t, m, audit.Config{Rotate: 1500}) // a segment ends between intent and crash
	for _, r := range []audit.Record{intent("a"), intent("b"), outcome("a"), intent("c"), outcome("c"), intent("d")} {
		if err := log.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	after := m.clone() // SIGKILL
	var told []string
	tell := func(r audit.Record) { told = append(told, r.ID+" "+string(r.Outcome)) }
	openIn(t, after, audit.Config{Closed: tell}).Close()
	openIn(t, after, audit.Config{Closed: tell}).Close() // and once more: nothing is closed twice
	if strings.Join(told, ", ") != "b unknown, d unknown" {
		t.Errorf("of what the log wrote by itself, others hear %q", told)
	}
	unknown := map[string]int{}
	names, _ := after.Names()
	for _, name := range names {
		last, _ := outcomes(t, after.files[name])
		for id, o := range last {
			if o == audit.Unknown {
				unknown[id]++
			}
		}
	}
	if len(names) < 2 || len(unknown) != 2 || unknown["b"] != 1 || unknown["d"] != 1 {
		t.Errorf("in %d segments, these are closed as unknown: %v", len(names), unknown)
	}
	if report := verified(t, after); report.Problem != nil {
		t.Error(report.Problem)
	}
}

func TestNobodyGoesOnWithALogThatIsNotWhatWasWritten(t *testing.T) {
	for name, change := range map[string]func(m *memory){
		"cut off":                  func(m *memory) { d := m.files[base]; d.text = d.text[:strings.LastIndex(d.String(), `{"id"`)] },
		"a letter changed":         func(m *memory) { d := m.files[base]; d.text[strings.Index(d.String(), "SELECT")] = 's' },
		"its head emptied":         func(m *memory) { m.head.text = nil },
		"its head overwritten":     func(m *memory) { m.head.text = []byte("nonsense") },
		"all of it":                func(m *memory) { m.files[base].text = nil },
		"its beginning gone":       func(m *memory) { d := m.files[base]; d.text = d.text[strings.Index(d.String(), "\n")+1:] },
		"replaced by another log":  func(m *memory) { m.files[base] = written(t, "z").files[base] },
		"replaced by a longer one": func(m *memory) { m.files[base] = written(t, "z", "y", "x", "w", "v").files[base] },
	} {
		t.Run(name, func(t *testing.T) {
			m := written(t, "a", "b", "c")
			change(m)
			if report := verified(t, m); report.Problem == nil {
				t.Error("verify finds nothing")
			}
			if log, err := audit.Open(audit.Config{Path: base, Folder: m, Key: key}); err == nil {
				log.Close()
				t.Error("a server starts with it")
			} else if !strings.Contains(err.Error(), "audit") {
				t.Errorf("it is refused with %v", err)
			}
		})
	}
}

func TestACheckpointThatWasKeptElsewhereCatchesALogThatWasRewrittenWithItsKey(t *testing.T) {
	kept := func(m *memory) []checkpoint.Checkpoint {
		log := openIn(t, m, audit.Config{})
		defer log.Close()
		return []checkpoint.Checkpoint{log.Checkpoint()}
	}
	m := written(t, "a", "b")
	checkpoints := kept(m)
	appendIn(t, m, "c")
	for name, c := range map[string]struct {
		log *memory
		ok  bool
	}{
		"the log itself":       {m, true},
		"one with other calls": {written(t, "a", "x", "c"), false},
		"one with fewer":       {written(t, "a"), false},
	} {
		report, err := audit.Verify(
			audit.VerifyConfig{Path: base, Folder: c.log, Verifier: key.Verifier(), Checkpoints: checkpoints},
		)
		if err != nil {
			t.Fatal(err)
		}
		if ok := report.Problem == nil; ok != c.ok {
			t.Errorf("%s: %v", name, report.Problem)
		}
	}
}

func TestOldSegmentsAreDeletedAndTheRestIsStillVerified(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	config := audit.Config{Rotate: 2000, Keep: 400 * 24 * time.Hour, Now: func() time.Time { return now }}
	m := newMemory()
	for range 30 {
		log := openIn(t, m, config)
		for _, id := range ids(3) {
			if err := log.Append(t.Context(), record(id)); err != nil {
				t.Fatal(err)
			}
		}
		log.Close()
		now = now.Add(30 * 24 * time.Hour)
	}
	report := verified(t, m)
	if report.Problem != nil || report.Retired == 0 || report.Segments < 3 {
		t.Errorf("after two and a half years: %+v", report)
	}
	// Whoever deletes more than the log says is found out.
	names, _ := m.Names()
	oldest := ""
	for _, name := range names {
		if name != base && (oldest == "" || name < oldest) {
			oldest = name
		}
	}
	m.Remove(oldest)
	if report := verified(t, m); report.Problem == nil || !strings.Contains(report.Problem.Text, "are missing") {
		t.Errorf("a segment too many was deleted, and verify says %+v", report.Problem)
	}
}

// Who can write the file and has no key appends a record with a checkpoint whose root is right, and whose signature is
// not.
func TestAForgedRecordIsNeverSignedAsARecord(t *testing.T) {
	forge := func(m *memory) {
		as := m.clone()
		appendIn(t, as, "forged")
		batch := as.files[base].String()[m.files[base].Len():]
		at := strings.LastIndex(batch, "— ") + 40
		other := "A"
		if batch[at:at+1] == other {
			other = "B"
		}
		m.files[base].Write([]byte(batch[:at] + other + batch[at+1:]))
	}
	for name, live := range map[string]bool{"while a server runs": true, "while none does": false} {
		t.Run(name, func(t *testing.T) {
			m := written(t, "a", "b")
			if live {
				log := openIn(t, m, audit.Config{})
				forge(m)
				if err := log.Append(t.Context(), record("c")); err != nil {
					t.Fatal(err)
				}
				log.Close()
			} else {
				forge(m)
				if report := verified(t, m); report.Problem == nil || !strings.Contains(report.Problem.Text, "signature") {
					t.Errorf("verify says %v", report.Problem)
				}
				appendIn(t, m, "c")
			}
			if ids, bad := read(t, m.files[base].reader()); strings.Join(ids, " ") != "a b c" || len(bad) > 0 {
				t.Errorf("readers take for records: %q %q", ids, bad)
			}
			if report := verified(t, m); report.Problem != nil || report.Remains != 2 || report.Records != 3 {
				t.Errorf("verify says %+v", report)
			}
		})
	}
}

func TestARotationThatFailsIsTriedAgainLaterAndHoldsUpNobody(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := newMemory()
	m.failCreate = syscall.EPERM // chattr +a
	reports := 0
	log := openIn(
		t,
		m,
		audit.Config{Rotate: 1000, Now: func() time.Time { return now }, Report: func(error) { reports++ }},
	)
	for _, id := range ids(20) {
		if err := log.Append(t.Context(), record(id)); err != nil {
			t.Fatal(err)
		}
	}
	m.failCreate, now = nil, now.Add(time.Hour)
	if err := log.Append(t.Context(), record("later")); err != nil {
		t.Fatal(err)
	}
	log.Close()
	if report := verified(t, m); report.Problem != nil || report.Segments != 2 || report.Records != 21 || reports != 1 {
		t.Errorf("%d reports, %+v", reports, report)
	}
}

func TestWithoutAKeepNothingIsDeleted(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := newMemory()
	for range 20 {
		log := openIn(t, m, audit.Config{Rotate: 1000, Now: func() time.Time { return now }})
		log.Append(t.Context(), record("a"))
		log.Close()
		now = now.Add(1000 * 24 * time.Hour)
	}
	if report := verified(t, m); report.Problem != nil || report.Retired != 0 || report.Records != 20 {
		t.Errorf("after fifty years: %+v", report)
	}
}

// written is a log with these records.
func written(t testing.TB, ids ...string) *memory {
	m := newMemory()
	appendIn(t, m, ids...)
	return m
}

func appendIn(t testing.TB, m *memory, ids ...string) {
	t.Helper()
	log := openIn(t, m, audit.Config{})
	defer log.Close()
	for _, id := range ids {
		if err := log.Append(t.Context(), record(id)); err != nil {
			t.Fatal(err)
		}
	}
}
