package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

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

func printHead() {
	fmt.Printf("\n%-38s %6s  %-34s %-26s %8s  %-15s %6s  %s\n", "fault", "on", "hit", "spared", "slowest",
		"spared's p99", "good", "record")
}

// print writes the line at once, so that a run that is ended has told what it saw.
func (p played) print() {
	if p.on == 0 {
		fmt.Printf("%-38s %s\n", p.name, p.record)
		return
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
