package requests

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/internal/mistake"
)

// Rule says what may be asked for, by whom, and who decides. Every rule that covers a request has its say: what
// no rule covers cannot be asked for.
type Rule struct {
	Name     string // a sentence of its own: records and whoever decides see it
	Platform string // the only one it is about; empty: every platform
	// tables that may be asked for, columns that may be asked for in the clear, or tags for both
	About       entitlements.Selectors
	ExceptAbout entitlements.Selectors // but not these

	// who may ask; default everyone. A rule that is not for the asker says no
	From      *entitlements.Matcher
	Approvers *entitlements.Matcher // of whom one has to approve; a short way to write one stage
	Stages    []StageRule           // of people who have to approve, one stage after the other
	AtMost    Period                // for how long; default 8h
	Questions []Question            // what whoever asks has to say beside the reason
	Approve   *Automatically        // without asking anybody
	Deny      *Automatically        // without asking anybody
	// OnlyThroughAgent: what is approved counts only through the agent that asked.
	OnlyThroughAgent bool
}

// StageRule is a group of people of whom some have to approve.
type StageRule struct {
	Approvers *entitlements.Matcher // who may
	// how many different people: a number, or all: one for each of the approvers in the list; default 1
	Need string
}

// Question is one more thing that whoever asks has to say.
type Question struct {
	Name string // of the answer: a-z, 0-9 and _
	Ask  string // in words
}

// Automatically is when a rule decides by itself.
type Automatically struct {
	When *entitlements.Matcher // who asks
	UpTo Period                // of an approval: for so long at most; default at_most
}

// Period is how long something that was asked for holds, written 4h, 30d or as in ISO 8601: PT4H, P30D. It is more than
// nothing and not more than a year.
type Period time.Duration

const longestPeriod = 366 * 24 * time.Hour

var (
	plainPeriod = regexp.MustCompile(`^([0-9]{1,6})([mhdw])$`)
	isoPeriod   = regexp.MustCompile(
		`^P(?:([0-9]{1,4})W|(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})S)?)?)$`,
	)
)

// ParsePeriod reads a period. Years and months are not taken: they are not a length of time.
func ParsePeriod(text string) (Period, error) {
	var length time.Duration
	if m := plainPeriod.FindStringSubmatch(text); m != nil {
		length = times(
			m[1],
			map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]],
		)
	} else if m := isoPeriod.FindStringSubmatch(text); m != nil && !strings.HasSuffix(text, "T") {
		for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
			length += times(m[i+1], unit)
		}
	} else {
		return 0, fmt.Errorf("not a length of time: write 4h, 30d or PT4H")
	}
	if length <= 0 || length > longestPeriod {
		return 0, fmt.Errorf("out of range: it may be from 1m to 366d")
	}
	return Period(length), nil
}

func times(number string, unit time.Duration) time.Duration {
	n, _ := strconv.Atoi(number) // digits, or nothing
	if n > int(longestPeriod/unit) {
		return longestPeriod + 1 // more would not fit a Duration
	}
	return time.Duration(n) * unit
}

// UnmarshalText reads a period. Its error does not repeat the text.
func (p *Period) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePeriod(string(text))
	return err
}

// String is the period as it can be written.
func (p Period) String() string {
	const day = 24 * time.Hour
	switch d := time.Duration(p); {
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d > day:
		return fmt.Sprintf("P%dDT%dS", d/day, d%day/time.Second)
	default:
		return fmt.Sprintf("PT%dS", d/time.Second)
	}
}

// Matchers calls do for each of the rule's matchers, with its key.
func (r *Rule) Matchers(do func(key string, m *entitlements.Matcher)) {
	some := func(key string, m *entitlements.Matcher) {
		if m != nil {
			do(key, m)
		}
	}
	some("from", r.From)
	r.Approving(some)
	if r.Approve != nil {
		some("approve.when", r.Approve.When)
	}
	if r.Deny != nil {
		some("deny.when", r.Deny.When)
	}
}

// Approving calls do for each matcher of people who approve.
func (r *Rule) Approving(do func(key string, m *entitlements.Matcher)) {
	do("approvers", r.Approvers)
	for i, s := range r.Stages {
		do(mistake.At("stages", i)+".approvers", s.Approvers)
	}
}
