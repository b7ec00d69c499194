package faults

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// errNotHere is what a fault returns that cannot be made on this machine; its text says why.
var errNotHere = errors.New("not tried")

// patience is how long the company may take until everything is good. The table has how long it took.
const patience = 2 * time.Minute

// fault is one thing that befalls the company.
type fault struct {
	name  string
	long  bool          // left out where there is little time
	holds time.Duration // how long it is on; two seconds where there is little time
	hits  []string      // the platforms whose calls may be refused meanwhile
	// breaks: calls may be broken off without an answer, because the server itself goes.
	breaks bool
	again  bool // calls may be decided again, because what they read changes
	// unrecorded: there is no log to write refusals into.
	unrecorded bool
	steady     bool // the calls that it spares are as quick as before: before is measured for ten seconds
	begin      func(*scene) error
	during     func(*scene) // what else is tried while it is on
	end        func(*scene) error
}

// scene is one fault as it is played.
type scene struct {
	*company
	*testing.T
	traffic *traffic
	from    time.Time // when the fault began
	notes   []string  // for the table
	keys    []any     // of the issuer, where the fault has given it a new one
	ending  []func()  // what ends with the fault
	after   []func()  // what puts the company back when everything has been good again
}

func (s *scene) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// All faults, one after the other, over one server and its clients.
func TestFaults(t *testing.T) {
	c := found(t)
	defer c.close()
	printHead()
	for _, f := range slices.Concat(databaseFaults(), migrationFaults(), failoverFaults(), networkFaults(), diskFaults(),
		neighbourFaults(), callerFaults(), fileFaults(), serverFaults()) {
		if f.long && short {
			continue
		}
		t.Run(f.name, func(t *testing.T) { play(t, c, f).print() })
		if c.lost {
			t.Fatalf("after %s nothing is good any more: what would come next is not tried", f.name)
		}
	}
	if found := c.secrets(); len(found) > 0 {
		t.Errorf("the server's log has %q", found)
	}
	c.t = t
	c.deputy("", "audit", "verify")
}

func play(t *testing.T, c *company, f fault) played {
	c.t = t
	s := &scene{company: c, T: t, traffic: c.traffic()}
	p := played{name: f.name}
	calm := time.Now()
	if _, err := s.traffic.good(patience); err != nil {
		s.traffic.stop()
		c.lost = true
		t.Fatalf("before the fault: %v: %s", err, tail(c.log.String()))
	}
	if f.steady && !short {
		calm = time.Now()
		time.Sleep(9 * time.Second)
	}
	if !short {
		time.Sleep(time.Second)
	}
	s.from = time.Now()
	err := f.begin(s)
	if errors.Is(err, errNotHere) {
		s.traffic.stop()
		p.record = err.Error()
		return p
	}
	if err != nil {
		t.Error(err)
	}
	holds := f.holds
	if short {
		holds = min(holds, 2*time.Second)
	}
	if f.during != nil {
		f.during(s)
	}
	time.Sleep(time.Until(s.from.Add(holds)))
	for _, end := range s.ending {
		end()
	}
	if f.end != nil {
		if err := f.end(s); err != nil {
			t.Error(err)
		}
	}
	over := time.Now()
	p.on = over.Sub(s.from)
	if p.good, err = s.traffic.good(patience); err != nil {
		_, body, _ := c.ready()
		t.Errorf("%v; /readyz: %s", err, body)
		c.lost = true
	}
	done := time.Now()
	for _, after := range s.after {
		after()
	}
	samples := s.traffic.stop()
	s.judge(f, &p, calm, done, samples)
	return p
}

func tail(text string) string { return text[max(0, len(text)-1500):] }
