package entitlements

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"deputy/entitlements/expression"
	"deputy/entitlements/selector"
	"deputy/internal/mistake"
)

func (c *compiler) addPolicy(p *Policy, seen map[string]bool) {
	c.checkName("policy", p.Name, seen)
	if c.cfg.Catalog != nil && !p.here(c.cfg.Platform) {
		return
	}
	k, err := p.kind()
	if err != nil {
		c.problem("%v", err)
		return
	}
	for _, m := range p.misfits(k) {
		c.within(m.key, func() { c.problem("%s", m.message) })
	}
	p.Matchers(c.checkPurposes)
	out := &ruling{Policy: p, kind: k, selectors: c.selectors(p.selectors(k), k, p.Platform != "")}
	switch k {
	case kindMask:
		if p.With != nil {
			c.within("with", func() { c.check(p.With.Check()) })
		}
		out.when = c.condition("when", p.When)
	case kindFilter:
		out.filters = c.rules(p)
		c.checkRules(out)
	}
	out.masks = map[bool]*ruledMask{}
	for _, tables := range []map[TableName]*table{c.tables, c.ghosts} {
		for _, t := range tables {
			t.add(out)
		}
	}
	c.masks = slices.AppendSeq(c.masks, maps.Values(out.masks))
}

func (c *compiler) check(err error) {
	if err != nil {
		c.problem("%v", err)
	}
}

// condition parses an expression; without one there are no parts.
func (c *compiler) condition(key, text string) (parts []expression.Part) {
	if text == "" {
		return nil
	}
	c.within(key, func() {
		var err error
		parts, err = expression.Parse(text)
		c.check(err)
	})
	return parts
}

// rules returns what the row rules of a filter are on a table.
func (c *compiler) rules(p *Policy) func(*table) ([]rowRule, bool) {
	var everywhere []rowRule
	if where := c.condition("where", p.Where); where != nil {
		everywhere = append(everywhere, rowRule{"where", Filter{Policy: p.Name, Where: where}})
	}
	if p.Match != nil {
		where := []expression.Part{
			{Column: p.Match.Column, SQL: " = any("},
			{Variable: expression.AttributePrefix + p.Match.Attribute},
			{SQL: ")"},
		}
		everywhere = append(everywhere, rowRule{"match", Filter{Policy: p.Name, Where: where}})
	}
	if p.Sample != nil {
		everywhere = append(everywhere, rowRule{"sample", Filter{Policy: p.Name, Sample: p.Sample}})
	}
	return func(t *table) ([]rowRule, bool) {
		if p.Match != nil && t.column(p.Match.Column) == nil {
			return nil, false
		}
		if p.Within == nil {
			return everywhere, true
		}
		col := t.column(p.Within.Column.Name)
		if col == nil || col.Kind != Date && col.Kind != Time {
			return nil, false
		}
		within := Filter{Policy: p.Name, Within: &Within{col.Column, p.Within.Last}}
		return append(slices.Clone(everywhere), rowRule{"within", within}), true
	}
}

// checkRules refuses rules about a column that one of the tables does not have: all its rows would be seen, or none.
func (c *compiler) checkRules(p *ruling) {
	for _, name := range c.tableNames() {
		t := c.tables[name]
		if !slices.ContainsFunc(p.selectors, t.covered) && !slices.ContainsFunc(p.selectors, t.closes) {
			continue
		}
		if p.Match != nil && t.column(p.Match.Column) == nil {
			c.within("match.column", func() { c.noColumn(t, p.Match.Column) })
		}
		if p.Within == nil {
			continue
		}
		col := t.column(p.Within.Column.Name)
		c.within("within.column", func() {
			switch {
			case col == nil:
				c.noColumn(t, p.Within.Column.Name)
			case col.Kind != Date && col.Kind != Time:
				c.lost(name, "%s is no date or time, but %s", ColumnName{TableName: name, Column: col.Name}, col.Type)
			}
		})
	}
}

func (c *compiler) noColumn(t *table, name string) {
	var names []string
	for _, col := range t.columns {
		names = append(names, col.Name)
	}
	c.lost(t.name, "there is no column %s%s", ColumnName{TableName: t.name, Column: name}, mistake.There(name, names))
}

func (t *table) column(name string) *column {
	if t == nil {
		return nil
	}
	if i := slices.IndexFunc(t.columns, func(c column) bool { return c.Name == name }); i >= 0 {
		return &t.columns[i]
	}
	return nil
}

// checkName refuses names that are none, or that records could not tell apart.
func (c *compiler) checkName(what, name string, seen map[string]bool) {
	switch {
	case strings.TrimSpace(name) == "":
		c.problem("a %s has no name: give it one that reads like a sentence", what)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		c.within("name", func() { c.problem("the name has characters in it that cannot be printed") })
	case strings.HasPrefix(name, builtIn):
		c.within("name", func() { c.problem("no %s may be called so: what is built in is", what) })
	case seen[name]:
		plural := map[string]string{"policy": "policies", "rule": "rules"}[what]
		c.within("name", func() {
			c.problem("another %s has the same name: records name %s, so each needs its own", what, plural)
		})
	}
	seen[name] = true
}

// checkPurposes refuses purposes that nobody can name.
func (c *compiler) checkPurposes(key string, m *Matcher) {
	m.Each(func(t Term) {
		if t.Word == "purpose" && !slices.Contains(c.cfg.Purposes, t.Name) {
			c.within(
				key,
				func() { c.problem("there is no purpose %s%s", t.Name, known("purposes", t.Name, c.cfg.Purposes)) },
			)
		}
	})
}

// known ends a sentence about a word that the configuration does not define, with those it does.
func known(section, word string, defined []string) string {
	if len(defined) == 0 {
		return ": none is defined, so name those there are below " + section
	}
	defined = slices.Sorted(slices.Values(defined))
	return mistake.Hint(word, defined) + " (known: " + strings.Join(defined, ", ") + ")"
}

// selectors parses the selectors of a policy, and refuses those that cannot reach what the policy is about.
func (c *compiler) selectors(texts Selectors, k kind, onlyHere bool) []selector.Selector {
	var out []selector.Selector
	c.within(string(k), func() {
		if len(texts) == 0 {
			c.problem("it is about nothing: name what it covers behind %s", k)
		}
		for i, text := range texts {
			c.nth(i, func() {
				if s, ok := c.selector(text, k, onlyHere); ok {
					out = append(out, s)
				}
			})
		}
	})
	return out
}

func (c *compiler) selector(text string, k kind, onlyHere bool) (s selector.Selector, ok bool) {
	s, err := selector.Parse(text)
	switch {
	case err != nil:
		c.problem("%v", err)
		return s, false
	case s.Tag != "":
		c.checkTag(s.Tag, k)
	case k == kindMask && s.IsSchema() && c.tags[text] != nil:
		c.problem("%q is a tag: write tag:%s", text, text)
	case k == kindMask && s.IsSchema():
		c.problem("%q: masks are about columns: write %s.*.* for all of a schema's", text, text)
	case k == kindMask && s.IsTable():
		c.problem("%q: masks are about columns: write %s.* for all of a table's", text, text)
	case k != kindMask && k != kindRequest && s.IsColumn():
		c.problem("%q: a %s is about tables: write schema.table", text, k)
	default:
		c.requireMatch(s, onlyHere)
	}
	return s, true
}

// checkTag refuses a tag that nobody defined, and for all but masks and rules one that no table has: it would silently
// cover nothing.
func (c *compiler) checkTag(tag string, k kind) {
	if tag == New || c.cfg.Catalog == nil {
		return // on whatever comes, or is found in the comments of a database
	}
	defined, onTables, onColumns := false, false, false
	for name, use := range c.tags {
		if selector.Below(name, tag) {
			defined, onTables, onColumns = true, onTables || use.onTables, onColumns || use.onColumns
		}
	}
	switch {
	case !defined && c.cfg.Unseen:
		c.unseen("there is no tag %s here; whether a platform that cannot be reached has it is not known yet", tag)
	case !defined:
		c.missing(nil, "there is no tag %s%s", tag, known("tags", tag, slices.Collect(maps.Keys(c.tags))))
	case k == kindMask || k == kindRequest:
	case !onTables && c.cfg.Unseen:
		c.unseen("tag %s is on columns only, as far as is known; a %s is about tables", tag, k)
	case !onTables:
		c.missing(nil, "tag %s is on columns only; a %s is about tables: put the tag on tables, or name them", tag, k)
	case onColumns && (k == kindGuardrail || k == kindFilter):
		c.warning("tag %s is on columns too; a %s covers only the tables that have it", tag, k)
	}
}

func (c *compiler) addDiscoverable() {
	c.at = Problem{Key: mistake.Below("platforms", c.cfg.Platform) + ".discoverable"}
	for i, text := range c.cfg.Discoverable {
		c.nth(i, func() {
			s, ok := c.selector(text, kindDiscovery, true)
			for _, t := range c.tables {
				t.discoverable = t.discoverable || ok && t.covered(s)
			}
		})
	}
}
