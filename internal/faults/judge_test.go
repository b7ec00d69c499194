package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/tools"
)

// judge says what the clients saw, and what of it must not be. What is judged by the clock is judged where there is
// time: there the machine has nothing else to do.
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
	if tooMany(refused(spared), len(spared)) && !f.breaks {
		s.Errorf("what is not concerned refuses: %s: %s", p.spared, s.logged(refused(spared)))
	}
	if p.slowest > limit+time.Second && !short {
		s.Errorf("a call took %s, over the limit of %s", p.slowest, limit)
	}
	if f.steady && p.calmP99 > 0 {
		ratio := float64(p.stormP99) / float64(p.calmP99)
		s.note("the others' p99 is %.2f times what it was", ratio)
		if ratio > 2 && !short {
			s.Errorf("the others' p99 is %.2f times what it was", ratio)
		}
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

// logged is what the server's log says of a few of the calls.
func (s *scene) logged(samples []sample) (out string) {
	for _, call := range samples[:min(3, len(samples))] {
		out += fmt.Sprintf("\n%s, began after %.1f s, took %.1f s: ", call.platform, call.began.Sub(s.from).Seconds(),
			call.took.Seconds())
		for line := range strings.Lines(s.log.String()) {
			if call.id != "" && strings.Contains(line, call.id) {
				out += line
			}
		}
	}
	return out
}

// tooMany says whether calls that the fault spares are refused. Where there is little time the machine does other
// things as well, and one call of ten may be refused because it took too long.
func tooMany(refused []sample, all int) bool {
	if !short {
		return len(refused) > 0
	}
	slow := []tools.Code{tools.Timeout, tools.Silent, tools.TooBusy, tools.Unavailable}
	others := slices.ContainsFunc(refused, func(s sample) bool { return !slices.Contains(slow, s.code) })
	return others || len(refused) > max(2, all/10)
}

func answered(samples []sample) (n int) { return len(samples) - len(refused(samples)) }

// refused are the calls that were not answered.
func refused(samples []sample) (out []sample) {
	for _, s := range samples {
		if !s.answered {
			out = append(out, s)
		}
	}
	return out
}
