package entitlements

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/entitlements/catalog"
	"deputy/internal/mistake"
)

// A database changes while policies stay as they are: a masked column gets another name, a copy of it is added, a table
// is made anew. What was hidden must not be shown by that. Three rules hold, until an administrator accepts the catalog
// as it is:
//
//   - A column that is New is hidden from every caller where any column of its table is masked or was, and in all
//     tables where a masked column of the platform is gone: its values may have moved there. A table that is New is
//     hidden whole where the platform hides anything at all.
//   - Where a masked column is gone, columns are gone while others are New, or columns have changed places, no name
//     says any more which values are behind it: the columns that no mask covers are hidden too.
//   - A tag that the platform kept of a table or column when it was accepted goes on closing it after it is gone from
//     the comments.
//
// Exact names are held to more: see requireMatch.

// New is the built-in tag of tables and columns that no administrator has accepted yet: those that are not in Accepted.
// Where the platform hides anything, they are hidden from every caller (see above); a policy on the tag decides in
// place of that.
const New = "New"

// What the built-in masks have in the place of a policy's name. No policy may be called so.
const (
	builtIn     = "built in: "
	BuiltInNew  = builtIn + "New"
	BuiltInLost = builtIn + "New, because columns of the table are gone"
)

// BuiltIn reports whether a mask comes from no policy in the file.
func (m AppliedMask) BuiltIn() bool { return strings.HasPrefix(m.Policy, builtIn) }

// ByDrift comes before everything else that is said of a column: nothing shows more than a NULL of every cell does.
const ByDrift = ByName << 1

// addGhosts makes tables of what was accepted and is gone: policies are asked what they would have done to it.
func (c *compiler) addGhosts() {
	for name, accepted := range c.cfg.Accepted {
		ghost := &table{name: name, tags: slices.Clone(accepted.Tags)}
		now := c.tables[name]
		for _, a := range accepted.Columns {
			switch col := now.column(a.Name); {
			case col == nil:
				ghost.columns = append(
					ghost.columns,
					column{Column: Column{Name: a.Name, Type: a.Type}, tags: slices.Clone(a.Tags)},
				)
			default:
				col.closing = without(a.Tags, col.tags)
			}
		}
		if now != nil {
			now.closing = without(accepted.Tags, now.tags)
		}
		c.ghosts[name] = ghost
		for _, tag := range accepted.Tags {
			c.use(tag).onTables = true
		}
		for _, a := range accepted.Columns {
			for _, tag := range a.Tags {
				c.use(tag).onColumns = true
			}
		}
	}
}

func without(list, others []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(others, s) {
			out = append(out, s)
		}
	}
	return out
}

// drifted hides what nothing in the file has been held against yet, and says so.
func (c *compiler) drifted() {
	if c.cfg.Accepted == nil {
		return
	}
	hides, gone := c.hidesAnything(), c.maskedGone()
	var fresh []string
	for _, name := range c.tableNames() {
		t := c.tables[name]
		accepted, known := c.cfg.Accepted[name]
		if !known {
			if hides && t.hide(BuiltInNew, func(col *column) bool { return col.isNew() && !col.lookedAt(t) }) != nil {
				fresh = append(fresh, name.String())
			}
			continue
		}
		c.at = Problem{Key: "catalog.file", Drift: true}
		c.sayRetyped(t, accepted)
		ghost := c.ghosts[name]
		lost := ghost.maskedColumns()
		if !gone && t.maskedColumns() == nil {
			continue
		}
		added := t.hide(BuiltInNew, func(col *column) bool { return col.isNew() && !col.lookedAt(t) })
		if added != nil {
			c.warning("%s of %s are %s and hidden from everybody: %s", mistake.Some(added), name, New, c.howToAccept())
		}
		why := ""
		switch {
		case lost == nil && t.maskedColumns() == nil:
			continue
		case lost != nil:
			why = mistake.Some(lost) + ", which policies mask, is gone or has another name"
		case ghost.columns != nil && slices.ContainsFunc(t.columns, func(col column) bool { return col.isNew() }):
			why = "columns are gone and others are New, so that one may have another's name"
		case accepted.Shuffled(t.all()):
			why = "columns have changed places, so that a name may stand for other values than it did"
		default:
			continue
		}
		t.hide(BuiltInLost, func(col *column) bool { return len(col.masks) == 0 })
		c.warning("of %s, %s: all columns without a mask are hidden from everybody: %s", name, why, c.howToAccept())
	}
	c.at = Problem{Key: "catalog.file", Drift: true}
	if fresh != nil {
		c.warning(
			"%s are %s and all their columns are hidden from everybody: %s",
			mistake.Some(fresh),
			New,
			c.howToAccept(),
		)
	}
	c.sayGone()
}

func (c *compiler) howToAccept() string {
	return fmt.Sprintf("look at it, then run deputy catalog accept --platform %s", c.cfg.Platform)
}

// hidesAnything reports whether any policy hides anything on the platform, or hid what was accepted.
func (c *compiler) hidesAnything() bool {
	for _, t := range slices.Concat(slices.Collect(maps.Values(c.tables)), slices.Collect(maps.Values(c.ghosts))) {
		if len(t.guardrails) > 0 && t.isGuarded() || len(t.filters) > 0 || t.maskedColumns() != nil {
			return true
		}
	}
	return false
}

// maskedGone reports whether a column that policies masked is in its table no more, or the table is gone.
func (c *compiler) maskedGone() bool {
	for _, ghost := range c.ghosts {
		if ghost.maskedColumns() != nil {
			return true
		}
	}
	return false
}

// isGuarded reports whether a guardrail is about the table for more than being new.
func (t *table) isGuarded() bool {
	return slices.ContainsFunc(t.guardrails, func(g guardrail) bool { return !g.aboutNew })
}

// maskedColumns names the columns that a policy masks for at least one caller, new columns left out.
func (t *table) maskedColumns() (names []string) {
	for _, col := range t.columns {
		if slices.ContainsFunc(col.masks, func(m maskRule) bool { return m.by != "tag:"+New && !m.BuiltIn() }) {
			names = append(names, col.Name)
		}
	}
	return names
}

// hide puts the built-in mask on columns, and names them.
func (t *table) hide(why string, which func(*column) bool) (names []string) {
	for i := range t.columns {
		col := &t.columns[i]
		if !which(col) {
			continue
		}
		mask := &ruledMask{AppliedMask: AppliedMask{Mask: Mask{Kind: MaskNull}, Policy: why}}
		col.masks = append(col.masks, maskRule{len(t.masks), ByDrift, "tag:" + New, mask})
		names = append(names, col.Name)
	}
	if names != nil {
		t.masks = append(t.masks, Scope{})
	}
	return names
}

func (c *column) isNew() bool { return slices.Contains(c.tags, New) }

// lookedAt reports whether the file decides about the new column itself: a mask that names it, or one on what is new.
// One that is for some callers alone says nothing about the others.
func (c *column) lookedAt(t *table) bool {
	return slices.ContainsFunc(c.masks, func(m maskRule) bool {
		return (m.reach == ByName || m.by == "tag:"+New) && t.masks[m.scope].Only == nil
	})
}

func (t *table) all() (out []Column) {
	for _, col := range t.columns {
		out = append(out, col.Column)
	}
	return out
}

// sayRetyped warns of masked columns whose type is another than it was: masks that no longer fit become NULL.
func (c *compiler) sayRetyped(t *table, accepted AcceptedTable) {
	for _, name := range t.maskedColumns() {
		if was, is := accepted.Column(name), t.column(name); was != nil && was.Type != "" &&
			was.Type != cmp.Or(is.Type, catalog.Untyped) {
			c.warning(
				"the masked column %s was %s when it was accepted and is %s now: see whether its masks still fit, then run deputy catalog accept --platform %s",
				ColumnName{TableName: t.name, Column: name},
				was.Type,
				cmp.Or(is.Type, catalog.Untyped),
				c.cfg.Platform,
			)
		}
	}
	for _, col := range t.columns {
		if len(col.closing) > 0 {
			c.warning("%s has lost the tag %s in its comment: policies that close go on holding for it: %s",
				ColumnName{TableName: t.name, Column: col.Name}, strings.Join(col.closing, ", "), c.howToAccept())
		}
	}
	if len(t.closing) > 0 {
		c.warning(
			"%s has lost the tag %s in its comment: policies that close go on holding for it: %s",
			t.name,
			strings.Join(t.closing, ", "),
			c.howToAccept(),
		)
	}
}

// sayGone warns of accepted tables that are gone and about which policies hid anything.
func (c *compiler) sayGone() {
	var gone []string
	for name, ghost := range c.ghosts {
		if c.tables[name] == nil && (ghost.isGuarded() || len(ghost.filters) > 0 || ghost.maskedColumns() != nil) {
			gone = append(gone, name.String())
		}
	}
	if slices.Sort(gone); gone != nil {
		c.warning(
			"%s, of which policies hide something, is gone or has another name: tables that are %s stay hidden: %s",
			mistake.Some(gone),
			New,
			c.howToAccept(),
		)
	}
}
