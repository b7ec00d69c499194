package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/tools"
)

// errNotHere is what a fault returns that cannot be made on this machine; its text says why.
var errNotHere = errors.New("not tried")

// fault is one thing that befalls the company.
type fault struct {
	name  string
	long  bool          // left out where there is little time
	holds time.Duration // how long it is on; three seconds where there is little time
	hits  []string      // the platforms whose calls may be refused meanwhile
	// breaks: calls may be broken off without an answer, because the server itself goes.
	breaks bool
	again  bool // calls may be decided again, because what they read changes
	// unrecorded: there is no log to write refusals into.
	unrecorded bool
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
	ending  []func()  // what ends with the fault
}

func (s *scene) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// played is a fault's line in the table.
type played struct {
	name              string
	on                time.Duration
	hit, spared       string
	slowest           time.Duration
	calmP99, stormP99 time.Duration
	good              time.Duration
	record            string
	notes             []string
}

// All faults, one after the other, over one server and its clients.
func TestFaults(t *testing.T) {
	c := found(t)
	defer c.close()
	var lines []played
	defer func() { printTable(lines) }()
	for _, f := range slices.Concat(databaseFaults(), networkFaults(), diskFaults(), neighbourFaults(), callerFaults(),
		fileFaults(), serverFaults()) {
		if f.long && short {
			continue
		}
		t.Run(f.name, func(t *testing.T) { lines = append(lines, play(t, c, f)) })
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
	if _, err := s.traffic.good(time.Minute); err != nil {
		s.traffic.stop()
		t.Fatalf("before the fault: %v: %s", err, tail(c.log.String()))
	}
	time.Sleep(time.Second)
	s.from = time.Now()
	err := f.begin(s)
	if errors.Is(err, errNotHere) {
		s.traffic.stop()
		p.record = err.Error()
		t.Skip(err)
		return p
	}
	if err != nil {
		t.Error(err)
	}
	holds := f.holds
	if short {
		holds = min(holds, 3*time.Second)
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
	if p.good, err = s.traffic.good(90 * time.Second); err != nil {
		_, body, _ := c.ready()
		t.Errorf("%v; /readyz: %s", err, body)
	}
	done := time.Now()
	samples := s.traffic.stop()
	s.judge(f, &p, calm, done, samples)
	return p
}

// judge says what the clients saw, and what of it must not be.
func (s *scene) judge(f fault, p *played, calm, done time.Time, samples []sample) {
	var hit, spared []sample
	for _, sample := range s.traffic.since(s.from, done) {
		p.slowest = max(p.slowest, sample.took)
		if slices.Contains(f.hits, sample.platform) {
			hit = append(hit, sample)
		} else {
			spared = append(spared, sample)
		}
		if sample.broken != nil && !f.breaks {
			s.Errorf("a call of %s has no answer: %v", sample.platform, sample.broken)
		}
	}
	p.hit, p.spared = counts(hit), counts(spared)
	var untouched []string
	for _, platform := range []string{"shop", "app", "lake"} {
		if !slices.Contains(f.hits, platform) {
			untouched = append(untouched, platform)
		}
	}
	if len(untouched) > 0 {
		p.calmP99 = percentile99(s.traffic.since(calm, s.from, untouched...))
		p.stormP99 = percentile99(s.traffic.since(s.from, done, untouched...))
	}
	if answered(spared) != len(spared) && !f.breaks {
		s.Errorf("what is not concerned refuses: %s", p.spared)
	}
	if p.slowest > limit+6*time.Second { // the machine is shared: the table has the true figure
		s.Errorf("a call took %s, over the limit of %s", p.slowest, limit)
	}
	if f.unrecorded {
		samples = slices.DeleteFunc(samples, func(s sample) bool { return s.code == tools.Unavailable })
	}
	problems, unknown := s.compare(samples, s.from, f.again)
	for _, problem := range problems[:min(5, len(problems))] {
		s.Error(problem)
	}
	left := s.standing()
	if len(left) > 0 {
		s.Errorf("roles are left: %v", left)
	}
	p.record = fmt.Sprintf("%d calls agree", len(samples))
	if unknown > 0 {
		p.record += fmt.Sprintf(", %d unknown", unknown)
	}
	if len(problems) > 0 {
		p.record = fmt.Sprintf("%d PROBLEMS", len(problems))
	}
	if unknown > 0 && !f.breaks {
		s.Errorf("%d outcomes are unknown", unknown)
	}
	p.notes = s.notes
}

func answered(samples []sample) (n int) {
	for _, s := range samples {
		if s.answered {
			n++
		}
	}
	return n
}

// counts are what calls became: "120 ok, 3 too_busy, 1 broken".
func counts(samples []sample) string {
	n := map[string]int{}
	for _, s := range samples {
		switch {
		case s.answered:
			n["ok"]++
		case s.broken != nil:
			n["broken"]++
		default:
			n[string(s.code)]++
		}
	}
	var parts []string
	for _, word := range sortedByCount(n) {
		parts = append(parts, fmt.Sprintf("%d %s", n[word], word))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func sortedByCount(n map[string]int) []string {
	words := make([]string, 0, len(n))
	for word := range n {
		words = append(words, word)
	}
	slices.SortFunc(words, func(a, b string) int { return n[b] - n[a] })
	return words
}

func printTable(lines []played) {
	fmt.Printf("\n%-38s %6s  %-34s %-26s %8s  %-15s %6s  %s\n", "fault", "on", "hit", "spared", "slowest",
		"spared's p99", "good", "record")
	for _, p := range lines {
		if p.on == 0 {
			fmt.Printf("%-38s %s\n", p.name, p.record)
			continue
		}
		fmt.Printf(
			"%-38s %5.1fs  %-34s %-26s %7.1fs  %4d -> %4d ms %5.1fs  %s\n",
			p.name,
			p.on.Seconds(),
			p.hit,
			p.spared,
			p.slowest.Seconds(),
			p.calmP99.Milliseconds(),
			p.stormP99.Milliseconds(),
			p.good.Seconds(),
			p.record,
		)
		for _, note := range p.notes {
			fmt.Printf("%-38s   %s\n", "", note)
		}
	}
}

func tail(text string) string { return text[max(0, len(text)-1500):] }
