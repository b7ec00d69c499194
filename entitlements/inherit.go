package entitlements

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A view shows what its base tables hold, under names that policies may not know. With Config.Inherit what is said of
// the base tables closes the view too, and never opens it:
//
//   - Its columns have the masks of the columns that they are made of, for those too whom an except of the mask
//     exempts. Where these masks differ, or the values are more than a copy, NULL is shown; a mask that shows the same
//     whatever the value stays.
//   - Its guardrails are those of its base tables as well.
//   - Over a table with a row filter it is closed, unless a policy names the view.
//   - It is closed while one of its base tables is, because something that is said of that does not fit.
//
// A mask that names the view's own column, and is not for some callers alone, takes the place of what that would
// inherit.

// ByInheritance comes before a view's own masks, which are made no weaker by it: see table.inheritMasks.
const ByInheritance = ByName + 1

const inheritedFrom = "inherited from "

func (c *compiler) inheritAll() {
	if !c.cfg.Inherit {
		return
	}
	done, hides := map[TableName]bool{}, c.hidesAnything()
	for _, name := range c.tableNames() {
		c.inherit(c.tables[name], done, hides)
	}
}

// inherit comes to a view after the views that it is made of. hides: something is hidden on the platform, which a
// function could show.
func (c *compiler) inherit(t *table, done map[TableName]bool, hides bool) {
	if t.view == nil || done[t.name] {
		return
	}
	done[t.name] = true
	for _, name := range t.view.Reads {
		base := c.tables[name]
		if base == nil || base == t {
			continue
		}
		c.inherit(base, done, hides)
		t.inheritClosed(base)
		for _, g := range base.guardrails {
			if !slices.ContainsFunc(t.guardrails, func(own guardrail) bool { return own.policy == g.policy }) {
				t.guardrails = append(t.guardrails, g)
			}
		}
		if !t.named && (len(base.filters) > 0 || base.overFilter) {
			t.overFilter = true
			t.barred = append(
				t.barred,
				fmt.Sprintf("it is a view over %s, which has a row filter, and no policy names the view", name),
			)
		}
	}
	if t.view.Hidden && hides && !t.named {
		t.barred = append(
			t.barred,
			"it is a view of which cannot be told which tables it reads, and no policy names it",
		)
	}
	for i := range t.columns {
		if i < len(t.view.Columns) {
			c.inheritMasks(t, &t.columns[i], t.view.Columns[i], hides)
		}
	}
}

// inheritMasks puts one mask on a view's column: the one that all its origins have, or NULL.
func (c *compiler) inheritMasks(t *table, col *column, from Lineage, hides bool) {
	var rules []maskRule
	of, by := Scope{}, ""
	for _, name := range from.From {
		base := c.tables[name.TableName]
		origin := base.column(name.Column)
		if origin == nil {
			continue
		}
		for _, tag := range slices.Concat(origin.tags, origin.closing, base.tags, base.closing) {
			if tag != New {
				col.inherited = appendOnce(col.inherited, tag)
			}
		}
		for _, tag := range origin.inherited {
			col.inherited = appendOnce(col.inherited, tag)
		}
		for _, m := range origin.masks {
			if by == "" {
				by = inheritedFrom + name.String()
			}
			rules = append(rules, m)
			of.Only = base.masks[m.scope].Only
		}
	}
	hidden := from.Hidden && hides
	if len(rules) == 0 && !hidden ||
		slices.ContainsFunc(
			col.masks,
			func(m maskRule) bool { return m.reach == ByName && t.masks[m.scope].Only == nil },
		) {
		return
	}
	mask, policy := Mask{Kind: MaskNull}, builtIn+"inherited"
	if len(rules) > 0 {
		policy = rules[0].Policy
	} else {
		by = inheritedFrom + "what a function hides"
	}
	if !hidden && c.carries(rules, col, from.Computed) {
		mask = rules[0].Mask
	}
	if len(rules) > 1 || hidden {
		of.Only = nil // for everybody: whom several rules leave out together is not worth a guess
	}
	col.masks = append(
		col.masks,
		maskRule{len(t.masks), ByInheritance, by, &ruledMask{AppliedMask: AppliedMask{Mask: mask, Policy: policy}}},
	)
	t.masks = append(t.masks, of)
}

// carries reports whether the mask of all the rules can stand on the view's column as it is.
func (c *compiler) carries(rules []maskRule, col *column, computed bool) bool {
	first := rules[0].Mask
	for _, m := range slices.Concat(rules, col.masks) {
		if !reflect.DeepEqual(m.Mask, first) {
			return false
		}
	}
	blind := first.Kind == MaskNull || first.Kind == MaskConstant
	return (blind || !computed && first.Kind != MaskSQL) && first.Fits(col.Column) && !first.Idle(col.Column)
}

// sayWithout warns of views whose base tables have masks, filters or guardrails which they have not.
func (c *compiler) sayWithout() {
	for _, name := range c.tableNames() {
		t := c.tables[name]
		if t.view == nil || t.barred != nil {
			continue
		}
		for _, read := range c.readsBelow(t, map[TableName]bool{name: true}) {
			if lacks := c.lacks(t, c.tables[read]); lacks != nil {
				c.at = Problem{Key: "platforms." + c.cfg.Platform}
				c.warning(
					"the view %s reads %s and does not have its %s: write inherit: true for the platform, or say of the view what is said of the table",
					name,
					read,
					strings.Join(lacks, ", its "),
				)
			}
		}
	}
}

// readsBelow lists the tables that a view reads, and those that the views among them read.
func (c *compiler) readsBelow(t *table, seen map[TableName]bool) (out []TableName) {
	for _, name := range t.view.Reads {
		base := c.tables[name]
		if base == nil || seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, name)
		if base.view != nil {
			out = append(out, c.readsBelow(base, seen)...)
		}
	}
	return out
}

// originsBelow are the columns that one is made of, and those that views among their tables make these of.
func (c *compiler) originsBelow(from []ColumnName, depth int) (out []ColumnName) {
	for _, name := range from {
		out = append(out, name)
		base := c.tables[name.TableName]
		if base == nil || base.view == nil || depth == 0 {
			continue
		}
		for i := range base.columns {
			if base.columns[i].Name == name.Column && i < len(base.view.Columns) {
				out = append(out, c.originsBelow(base.view.Columns[i].From, depth-1)...)
			}
		}
	}
	return out
}

const viewsDeep = 20 // views over views that are followed to warn of them

// lacks names what hides something of the base table and nothing of the view.
func (c *compiler) lacks(t, base *table) (out []string) {
	for i := range t.columns {
		if i >= len(t.view.Columns) || len(t.columns[i].masks) > 0 {
			continue
		}
		for _, from := range c.originsBelow(t.view.Columns[i].From, viewsDeep) {
			if origin := base.column(
				from.Column,
			); from.TableName == base.name && origin != nil &&
				len(origin.masks) > 0 {
				out = appendOnce(out, fmt.Sprintf("mask %q on %s", origin.masks[0].Policy, from.Column))
			}
		}
	}
	for _, f := range base.filters {
		if !t.named &&
			!slices.ContainsFunc(t.filters, func(own filter) bool { return own.rule.Policy == f.rule.Policy }) {
			out = appendOnce(out, fmt.Sprintf("filter %q", f.rule.Policy))
		}
	}
	for _, g := range base.guardrails {
		if !slices.ContainsFunc(t.guardrails, func(own guardrail) bool { return own.policy == g.policy }) {
			out = appendOnce(out, fmt.Sprintf("guardrail %q", g.policy))
		}
	}
	return out
}
