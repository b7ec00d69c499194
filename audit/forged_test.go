package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/segments"
)

// Whoever can write to the file and has no key may add lines, also such as the log writes about itself. The server
// signs what it finds, as lines that do not count: no line may tell it that they do, or that others do not.
func TestALineThatSomebodyAddsNeverCountsWhateverMarkFollowsIt(t *testing.T) {
	forged := `{"v":1,"id":"forged","phase":"outcome","time":"2026-11-23T10:00:00Z","tool":"query","mode":"autonomous","agent":{"id":"a"},"rows":1,"duration_ns":1,"outcome":"answered"}` + "\n"
	for _, added := range []string{
		forged,
		forged + `{"log":"remains"}` + "\n",
		`{"log":"remains"}` + "\n" + forged,
		forged + `{"log":"remains","lines":-1}` + "\n",
		forged + `{"log":"remains","lines":2}` + "\n",
		forged + `{"log":"remains","lines":3}` + "\n",
		`{"log":"remains","lines":4}` + "\n",
		`{"log":"remains","lines":1000}` + "\n" + forged,
		forged + `{"log":"remains"}`,
		`{"log":"adopted","lines":3}` + "\n",
		`{"log":"segment","time":"2001-01-01T00:00:00Z"}` + "\n" + forged + `{"log":"remains","lines":1}` + "\n",
	} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprint(added, running), func(t *testing.T) {
				m := newMemory()
				log := openIn(t, m, audit.Config{})
				for _, id := range []string{"a", "b", "c"} {
					appendAll(t, log, id)
				}
				if !running {
					log.Close()
				}
				m.files[base].Write([]byte(added))
				if !running {
					log = openIn(t, m, audit.Config{})
				}
				appendAll(t, log, "d")
				log.Close()
				if report := verified(t, m); report.Problem != nil {
					t.Error(report.Problem)
				} else if report.Records != 4 || report.Adopted != 0 {
					t.Errorf("verify counts %d records and %d that were adopted, not 4 and 0", report.Records, report.Adopted)
				}
				if got, bad := read(t, m.files[base].reader()); !slices.Equal(got, []string{"a", "b", "c", "d"}) || bad != nil {
					t.Errorf("the log has %v %v, not what was written to it\n%s", got, bad, m.files[base])
				}
			})
		}
	}
}

func TestSegmentsAreMissedThoughSomebodyAddedALineThatSaysTheyAreOld(t *testing.T) {
	m := newMemory()
	log := openIn(t, m, audit.Config{Rotate: 1500})
	for i := range 12 {
		appendAll(t, log, fmt.Sprint("r", i))
	}
	names, _ := m.Names()
	slices.Sort(names)
	last := names[len(names)-1]
	first, _, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(last, base+"."), "0"), "\n")
	m.files[base].Write(fmt.Appendf(nil, `{"log":"retired","before":%s,"time":"2026-11-23T10:00:00Z"}`+"\n", first))
	appendAll(t, log, "after")
	log.Close()
	if p := verified(t, m).Problem; p != nil {
		t.Fatal(p)
	}
	for _, name := range names[1 : len(names)-1] {
		m.Remove(name)
	}
	report, err := audit.Verify(audit.VerifyConfig{Path: base, Folder: m, Verifier: key.Verifier()})
	if err != nil || report.Problem == nil {
		t.Errorf("%d segments are gone and verify says nothing: %v", len(names)-2, err)
	}
}

func TestASegmentIsNotDeletedForATimeThatSomebodyWroteIntoTheNext(t *testing.T) {
	m := newMemory()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	var said []error
	config := audit.Config{
		Rotate: 1500,
		Keep:   1000 * time.Hour,
		Now:    func() time.Time { return now },
		Report: func(err error) { said = append(said, err) },
	}
	log := openIn(t, m, config)
	for i := range 12 {
		appendAll(t, log, fmt.Sprint("r", i))
	}
	log.Close()
	names, _ := m.Names()
	for name, d := range m.files {
		if name != base && !strings.HasSuffix(name, ".head") {
			d.text = bytes.Replace(d.text, []byte(`"time":"2026-11-23T10:00:00Z"}`), []byte(`"time":"2001-11-23T10:00:00Z"}`), 1)
		}
	}
	log = openIn(t, m, config)
	appendAll(t, log, "after")
	log.Close()
	if left, _ := m.Names(); len(left) < len(names) {
		t.Errorf("of %d segments %d were deleted", len(names), len(names)-len(left))
	}
	if len(said) == 0 {
		t.Error("nobody hears that the segments are not as they were")
	}
}

func appendAll(t testing.TB, log *audit.Log, id string) {
	t.Helper()
	if err := log.Append(context.Background(), record(id)); err != nil {
		t.Fatal(err)
	}
}

// Wherever power is lost, the log is opened again, nothing that was promised is missing, and verify has nothing to say.
// What was promised and is then cut off is missed, at the start and by verify.
func TestTheLastBatchesMayEndAtAnyByte(t *testing.T) {
	m := newMemory()
	log := openIn(t, m, audit.Config{})
	appendAll(t, log, "a")
	appendAll(t, log, "b")
	promised, head := m.files[base].Len(), m.head.bytes()
	// so that the next begins with a mark
	m.files[base].fail = func(b []byte) (int, error) { return len(b) / 3, fmt.Errorf("no room") }
	log.Append(t.Context(), record("lost"))
	m.files[base].fail = nil
	intent := record("c")
	intent.Phase, intent.Outcome = audit.Intent, ""
	if err := log.Append(t.Context(), intent); err != nil {
		t.Fatal(err)
	}
	appendAll(t, log, "d")
	log.Close()
	whole, last := m.files[base].bytes(), m.head.bytes()
	for cut := promised; cut <= len(whole); cut++ {
		for i, tail := range []string{"", "\x00\x00\x00\x00", "\r\n", "\n"} {
			if i > 0 && cut%41 > 0 && whole[cut-1] != '\n' { // what else a file system may leave there
				continue
			}
			after := newMemory()
			after.head, after.files[base] = &disk{
				text: bytes.Clone(head),
			}, &disk{
				text: append(bytes.Clone(whole[:cut]), tail...),
			}
			for _, id := range []string{"e", "f"} { // and again, for what the first start has written
				log := openIn(t, after, audit.Config{})
				appendAll(t, log, id)
				log.Close()
			}
			if p := verified(t, after).Problem; p != nil {
				t.Fatalf("cut at %d, then %q: %v\n%s", cut, tail, p, after.files[base])
			}
			got, bad := read(t, after.files[base].reader())
			got = slices.DeleteFunc(got, func(id string) bool { return id == "c" || id == "d" })
			if !slices.Equal(got, []string{"a", "b", "e", "f"}) || bad != nil {
				t.Fatalf("cut at %d, then %q: the log has %v %v\n%s", cut, tail, got, bad, after.files[base])
			}
		}
		after := newMemory()
		after.head, after.files[base] = &disk{text: bytes.Clone(last)}, &disk{text: bytes.Clone(whole[:cut])}
		if cut < len(whole)-1 && verified(t, after).Problem == nil {
			t.Fatalf("cut at %d: verify does not miss what was promised", cut)
		}
		if _, err := audit.Open(audit.Config{Path: base, Folder: after, Key: key}); err == nil && cut < len(whole)-1 {
			t.Fatalf("cut at %d: the log is opened though what was promised is missing", cut)
		}
	}
}

func TestALogThatIsTakenBackUnderARunningServerIsNotGoneOnWith(t *testing.T) {
	m := newMemory()
	log := openIn(t, m, audit.Config{})
	appendAll(t, log, "a")
	appendAll(t, log, "b")
	before := m.clone() // a whole log of its own, and its head
	appendAll(t, log, "c")

	m.mu.Lock()
	copy(m.head.text, before.head.bytes())
	m.files[base] = before.files[base]
	m.mu.Unlock()
	for range 2 {
		if err := log.Append(t.Context(), record("d")); err == nil {
			t.Error("the server goes on with a log in which a record is missing that was promised")
		}
	}
}

// crowded is a folder in which no file can be opened for a while: the process has too many.
type crowded struct {
	*memory
	full bool
}

func (c *crowded) Open(name string) (segments.File, error) {
	if c.full {
		return nil, syscall.EMFILE
	}
	return c.memory.Open(name)
}

func TestASegmentThatCannotBeOpenedIsOpenedLater(t *testing.T) {
	folder := &crowded{memory: newMemory()}
	log, err := audit.Open(audit.Config{Path: base, Folder: folder, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, log, "a")
	folder.files[base] = folder.clone().files[base] // as if another process had begun it anew
	folder.full = true
	for range 2 {
		if err := log.Append(t.Context(), record("b")); err == nil {
			t.Error("a record is durable in no file")
		}
	}
	folder.full = false
	appendAll(t, log, "c")
	folder.files[base] = folder.clone().files[base]
	folder.full = true
	log.Append(t.Context(), record("d"))
	log.Close()
	if p := verified(t, folder.memory).Problem; p != nil {
		t.Error(p)
	}
}

func TestWhatVerifySaysCannotBeMadeToSayOK(t *testing.T) {
	m := written(t, "a", "b")
	m.files[base].text = bytes.Replace(
		m.files[base].bytes(),
		[]byte(`"id":"b"`),
		[]byte(`"id":"\u001b[2K\rOK: 9 lines\u202e\n`+strings.Repeat("x", 1000)+`"`),
		1,
	)
	p := verified(t, m).Problem
	if p == nil {
		t.Fatal("verify accepts the log")
	}
	if text := p.Error(); strings.ContainsAny(text, "\x1b\r\n\u202e") || len(text) > 500 {
		t.Errorf("verify says %q", text)
	}
}
