package audit_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"

	"deputy/audit"
	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// memory is a Folder without a disk. It can lose power: then each file keeps what was synced, and any part of what was
// not.
type memory struct {
	mu    sync.Mutex
	files map[string]*disk
	head  *disk

	failCreate error
}

func newMemory() *memory { return &memory{files: map[string]*disk{}} }

func (m *memory) Names() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for name := range m.files {
		if name != base+".next" {
			out = append(out, name)
		}
	}
	return out, nil
}

func (m *memory) Open(name string) (segments.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] == nil {
		m.files[name] = &disk{}
	}
	m.files[name].current = func(d *disk) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.files[name] == d
	}
	return m.files[name], nil
}

func (m *memory) Read(name string) (segments.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.files[name]
	if name == base+".head" {
		d = m.head
	}
	if d == nil {
		return nil, fs.ErrNotExist
	}
	return d, nil
}

func (m *memory) Create(name string, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failCreate != nil {
		return m.failCreate
	}
	d := &disk{text: bytes.Clone(b), synced: len(b)}
	if active := m.files[base]; active != nil { // the faults are the whole disk's
		if active.fail != nil {
			if _, err := active.fail(b); err != nil {
				return err
			}
		}
		d.fail, d.failSync, d.hold = active.fail, active.failSync, active.hold
	}
	m.files[name] = d
	return nil
}

func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

func (m *memory) Head() (segments.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.head == nil {
		m.head = &disk{}
	}
	return m.head, nil
}

func (m *memory) Lock() (func(), error)       { return func() {}, nil }
func (m *memory) Still() (func(), error)      { return func() {}, nil }
func (m *memory) Join() (bool, func(), error) { return true, func() {}, nil }

// crash takes the power away. What it leaves is a new memory: what is written to the old one no longer matters.
func (m *memory) crash(r *rand.Rand) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemory()
	if m.head != nil { // first: while this goes on, the log may still write
		after.head = &disk{text: m.head.bytes()}
	}
	for name, d := range m.files {
		after.files[name] = d.crash(r)
	}
	return after
}

func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	for name, d := range m.files {
		c.files[name] = &disk{text: d.bytes()}
	}
	if m.head != nil {
		c.head = &disk{text: m.head.bytes()}
	}
	return c
}

// disk is a File whose writes and syncs can be held up or made to fail.
type disk struct {
	mu            sync.Mutex
	text          []byte
	synced        int
	writes, syncs int
	fail          func(text []byte) (kept int, err error) // asked at each write; nil: all is kept
	failSync      error
	hold          chan struct{} // each sync waits for one token; nil: none waits
	closed        bool
	begun         int // bytes that a new log has
	current       func(*disk) bool
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	n, err := len(b), error(nil)
	if d.fail != nil {
		n, err = d.fail(b)
	}
	d.text = append(d.text, b[:n]...)
	return n, err
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if more := int(at) + len(b) - len(d.text); more > 0 {
		d.text = append(d.text, make([]byte, more)...)
	}
	return copy(d.text[at:], b), nil
}

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(d.bytes()).ReadAt(b, at)
}

func (d *disk) Size() (int64, error) { return int64(d.Len()), nil }

func (d *disk) Sync() error {
	if d.hold != nil {
		<-d.hold
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if d.failSync == nil {
		d.synced = len(d.text)
	}
	return d.failSync
}

func (d *disk) Current() (bool, error) { return d.current == nil || d.current(d), nil }

func (d *disk) Close() error {
	d.closed = true
	return nil
}

func (d *disk) bytes() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.text)
}

func (d *disk) String() string        { return string(d.bytes()) }
func (d *disk) Len() int              { return len(d.bytes()) }
func (d *disk) reader() io.ReadSeeker { return bytes.NewReader(d.bytes()) }

func (d *disk) firstLine() string {
	line, _, _ := bytes.Cut(d.bytes()[d.begun:], []byte("\n"))
	return string(line) + "\n"
}

func (d *disk) crash(r *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.synced + r.IntN(len(d.text)-d.synced+1)
	return &disk{text: bytes.Clone(d.text[:kept]), synced: kept}
}

const base = "audit.jsonl"

// key signs every log of the tests: making one takes longer than writing a log.
var key = func() *checkpoint.Key {
	k, err := checkpoint.NewKey("audit.test/log")
	if err != nil {
		panic(err)
	}
	return k
}()

func open(t testing.TB, d *disk) *audit.Log {
	t.Helper()
	m := newMemory()
	m.files[base] = d
	fail, failSync, hold := d.fail, d.failSync, d.hold
	d.fail, d.failSync, d.hold = nil, nil, nil // the log has begun by the time the fault comes
	log := openIn(t, m, audit.Config{})
	d.fail, d.failSync, d.hold, d.writes, d.syncs = fail, failSync, hold, 0, 0
	d.begun = d.Len()
	return log
}

// openIn opens the log in a folder; it must be good.
func openIn(t testing.TB, m *memory, c audit.Config) *audit.Log {
	t.Helper()
	c.Path, c.Folder = base, m
	if c.Key == nil {
		c.Key = key
	}
	log, err := audit.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// verified is what verify says of the log in a folder.
func verified(t testing.TB, m *memory) *audit.Report {
	t.Helper()
	report, err := audit.Verify(audit.VerifyConfig{Path: base, Folder: m, Verifier: key.Verifier()})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func ids(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint("r", i))
	}
	return out
}
