package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"deputy/entitlements/review"
)

// Changes writes who gains and loses what. What is the same for several is said once.
func Changes(w io.Writer, changes []review.Change) error {
	p := &page{w: w}
	if len(changes) == 0 {
		p.line("Nothing changes for anybody.")
		return p.err
	}
	several := slices.ContainsFunc(changes, func(c review.Change) bool { return c.Platform != changes[0].Platform })
	var parties []*affected
	for _, c := range changes {
		name := caller(c)
		i := slices.IndexFunc(parties, func(a *affected) bool { return a.names[0] == name })
		if i < 0 {
			i = len(parties)
			parties = append(parties, &affected{names: []string{name}})
		}
		parties[i].add(c, several)
	}
	for _, a := range merged(parties) {
		p.line("")
		for _, name := range a.names {
			p.line("%s", name)
		}
		p.table(a.rows())
	}
	gains, losses := 0, 0
	for _, c := range changes {
		if c.Gain {
			gains++
		}
		if c.Loss {
			losses++
		}
	}
	p.line("")
	p.line("%d gains, %d losses; what cannot be told counts as both.", gains, losses)
	return p.err
}

// affected are callers for whom the same changes.
type affected struct {
	names []string
	lines []line
}

// line is one thing that changes, and on what.
type line struct {
	sign, text string
	on         []string
}

func (a *affected) add(c review.Change, several bool) {
	name := c.Table
	if c.Column != "" {
		name += "." + c.Column
	}
	if several {
		name = c.Platform + ": " + name
	}
	sign := "loses"
	if c.Gain && c.Loss {
		sign = "changes"
	} else if c.Gain {
		sign = "gains"
	}
	text := describe(c.Effect)
	i := slices.IndexFunc(a.lines, func(l line) bool { return l.sign == sign && l.text == text })
	if i < 0 {
		a.lines = append(a.lines, line{sign, text, []string{name}})
		return
	}
	a.lines[i].on = append(a.lines[i].on, name)
}

// mostNames of tables and columns stand on one line.
const mostNames = 6

func (a *affected) rows() (rows [][]string) {
	for _, l := range a.lines {
		on := l.on
		more := ""
		if len(on) > mostNames {
			more = fmt.Sprintf(" and %d more (--json lists them)", len(on)-mostNames)
			on = on[:mostNames]
		}
		rows = append(rows, []string{l.sign, strings.Join(on, ", ") + more + ": " + l.text})
	}
	return rows
}

// merged puts those together for whom all the same changes.
func merged(parties []*affected) (out []*affected) {
	for _, a := range parties {
		i := slices.IndexFunc(out, func(b *affected) bool { return fmt.Sprint(a.lines) == fmt.Sprint(b.lines) })
		if i < 0 {
			out = append(out, a)
		} else {
			out[i].names = append(out[i].names, a.names...)
		}
	}
	return out
}

// caller names who calls, and through which agent.
func caller(c review.Change) string {
	agents := "agent " + strings.Join(c.Agents, ", ")
	switch {
	case c.Who.Alone && c.AnyAgent:
		agents = "any agent"
	case c.AnyAgent:
		return c.Who.String() + ", through any agent"
	case !c.Who.Alone:
		return c.Who.String() + ", through " + agents
	}
	return strings.TrimSpace(agents + " on its own " + c.Who.String())
}

func describe(e review.Effect) string {
	switch e.Kind {
	case review.Opened:
		return "opened (" + e.After + ")"
	case review.Closed:
		return "closed (was " + e.Before + ")"
	case review.Discoverable:
		return "may be asked for"
	case review.Undiscovered:
		return "may not be asked for any more"
	case review.FilterAdded:
		return "rows only where " + e.After
	case review.FilterRemoved:
		return "rows no longer only where " + e.Before
	case review.FilterChanged:
		return "rows where " + e.After + " (was " + e.Before + ")"
	}
	return e.After + " (was " + e.Before + ")"
}
