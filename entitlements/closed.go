package entitlements

import (
	"fmt"
	"slices"

	"deputy/entitlements/selector"
	"deputy/internal/mistake"
)

// A table is closed to every caller while something that is said of it does not fit, or Deputy cannot read it. The
// other tables of its platform are served meanwhile.

// lost is a problem of one table: where Deputy serves, it closes that table alone.
func (c *compiler) lost(name TableName, format string, args ...any) {
	c.problem(format, args...)
	c.close(name, &c.problems[len(c.problems)-1])
}

func (c *compiler) close(name TableName, p *Problem) {
	p.Table, p.Drift = name, true
	if t := c.tables[name]; t != nil {
		t.closed = append(t.closed, *p)
	}
}

// shut closes the tables of which the database says that something does not fit.
func (c *compiler) shut() {
	for _, p := range c.cfg.Shut {
		if c.tables[p.Table] != nil {
			c.problems = append(c.problems, p)
			c.close(p.Table, &c.problems[len(c.problems)-1])
		}
	}
}

// unreadable closes a table that cannot be vended. It is about no policy, and stops nothing.
func (c *compiler) unreadable(t *table) {
	p := Problem{
		Key:     mistake.Below("platforms", c.cfg.Platform),
		Warning: true,
		Table:   t.name,
		Drift:   true,
		Message: fmt.Sprintf(
			"Deputy cannot read %s, and refuses it until it can: run deputy bootstrap postgres again", t.name),
	}
	c.problems, t.closed = append(c.problems, p), append(t.closed, p)
}

// missing is a problem of what is not in the catalog. While Deputy runs it closes nothing more than what is gone: see
// drifted. named is the selector that names it; nil: none does.
func (c *compiler) missing(named *selector.Selector, format string, args ...any) {
	c.problem(format, args...)
	known := named != nil && c.cfg.Serving && named.MatchesIn(c.cfg.Accepted.Catalog())
	c.problems[len(c.problems)-1].Drift = c.cfg.Accepted != nil && (c.cfg.Running || known)
}

// stops reports whether there can be no Entitlements.
func (c *compiler) stops() bool {
	tolerant := c.cfg.Running || c.cfg.Serving
	return slices.ContainsFunc(c.problems, func(p Problem) bool { return !p.Warning && !(tolerant && p.Drift) })
}

// inheritClosed closes a view while something that is said of a table which it reads does not fit: it would show what
// that was to hide.
func (t *table) inheritClosed(base *table) {
	for _, p := range base.closed {
		if !p.Warning && !slices.Contains(t.closed, p) {
			t.closed = append(t.closed, p)
		}
	}
}

// denyClosed is the denial of a closed table to a caller who could read it otherwise.
func (t *table) denyClosed() *Denial {
	out := &Denial{Table: t.name, Closed: true}
	for _, p := range t.closed {
		out.Reasons = append(out.Reasons, p.String())
		if !p.Warning {
			out.Misfits = appendOnce(out.Misfits, p.About())
		}
	}
	return out
}
