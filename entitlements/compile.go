package entitlements

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Config is what Compile makes decisions from: one platform's catalog, and the tags and policies of the whole configuration.
type Config struct {
	Platform     string
	Policies     []Policy
	Tags         Tags
	Discoverable Selectors // tables that anybody may know of and ask for, by glob or tag
	Catalog      *Catalog

	// Others are the catalogs of the other platforms. Tags and policies without a platform may name what is only there.
	Others []*Catalog
}

// Entitlements decide for one platform at one state of its catalog. They never change and may be used concurrently.
type Entitlements struct {
	tables map[TableName]*table
	names  []TableName // sorted
}

// Compile checks tags and policies against the catalog and makes them ready to decide. It returns every problem it finds, by line;
// with any that is not a warning there are no Entitlements.
func Compile(cfg Config) (*Entitlements, []Problem) {
	c := &compiler{cfg: cfg, tags: map[string]*tagUse{}, tables: map[TableName]*table{}}
	if cfg.Catalog == nil {
		return nil, []Problem{{Message: "there is no catalog to compile the policies for"}}
	}
	for _, t := range cfg.Catalog.Tables {
		c.addTable(t)
	}
	for _, t := range cfg.Tags {
		c.addTag(t)
	}
	seen := map[string]bool{}
	for i := range cfg.Policies {
		c.addPolicy(&cfg.Policies[i], seen)
	}
	c.addDiscoverable()
	slices.SortStableFunc(c.problems, byLine)
	if Fatal(c.problems) {
		return nil, c.problems
	}
	e := &Entitlements{tables: c.tables}
	for name, t := range c.tables {
		t.sort()
		e.names = append(e.names, name)
	}
	slices.SortFunc(e.names, compareNames)
	return e, c.problems
}

func compareNames(a, b TableName) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

type compiler struct {
	cfg      Config
	tags     map[string]*tagUse
	tables   map[TableName]*table
	problems []Problem
	at       Problem // line and policy of what is being read
}

// tagUse is what the selectors of a tag are about, in whatever platform.
type tagUse struct{ onTables, onColumns bool }

func (c *compiler) problem(format string, args ...any) {
	p := c.at
	p.Message = fmt.Sprintf(format, args...)
	c.problems = append(c.problems, p)
}

func (c *compiler) warning(format string, args ...any) {
	c.problem(format, args...)
	c.problems[len(c.problems)-1].Warning = true
}

// addTable leaves out a table without columns: there is nothing to see in it.
func (c *compiler) addTable(t Table) {
	if len(t.Columns) == 0 {
		return
	}
	out := &table{name: t.TableName, description: t.Description}
	for _, col := range t.Columns {
		out.columns = append(out.columns, column{Column: col})
	}
	c.tables[t.TableName] = out
}

func (c *compiler) addTag(tag Tag) {
	c.at = Problem{Line: tag.Line}
	if !tagName.MatchString(tag.Name) {
		c.problem("%q is not a tag: write words joined by dots, such as PII.SSN", tag.Name)
		return
	}
	if c.tags[tag.Name] != nil {
		c.problem("tag %s is there twice: list all its tables and columns in one place", tag.Name)
		return
	}
	if len(tag.Selectors) == 0 {
		c.problem("tag %s is on nothing: name its tables or columns, or take it out", tag.Name)
	}
	use := &tagUse{}
	c.tags[tag.Name] = use
	for _, text := range tag.Selectors {
		s, err := parseSelector(text)
		switch {
		case err != nil:
			c.problem("tag %s: %v", tag.Name, err)
		case s.tag != "":
			c.problem("tag %s: %q: a tag is on tables and columns, not on tags: a dotted name such as %s.%s puts one below another", tag.Name, text, s.tag, tag.Name)
		default:
			use.onTables = use.onTables || s.isTable()
			use.onColumns = use.onColumns || s.isColumn()
			c.requireMatch(s, fmt.Sprintf("tag %s: ", tag.Name), false)
			c.attach(tag.Name, s)
		}
	}
}

func (c *compiler) attach(tag string, s selector) {
	for name, t := range c.tables {
		if s.matchesTable(name) {
			t.tags = appendOnce(t.tags, tag)
		}
		for i := range t.columns {
			if s.matchesColumn(name, t.columns[i].Name) {
				t.columns[i].tags = appendOnce(t.columns[i].tags, tag)
			}
		}
	}
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// requireMatch refuses a selector that names one thing which is not there: it vanished, or was never called that.
func (c *compiler) requireMatch(s selector, prefix string, onlyHere bool) {
	if s.matchesIn(c.cfg.Catalog) || !onlyHere && slices.ContainsFunc(c.cfg.Others, s.matchesIn) {
		return
	}
	if !s.exact() {
		c.warning("%s%q matches nothing", prefix, s.text)
		return
	}
	what := "table"
	if s.isColumn() {
		what = "column"
	}
	hint := ""
	if other, ok := s.otherCase(c.cfg.Catalog); ok {
		hint = fmt.Sprintf(": did you mean %s? Names are compared letter by letter", other)
	}
	c.problem("%sthere is no %s %s%s", prefix, what, s.text, hint)
}

func (c *compiler) addPolicy(p *Policy, seen map[string]bool) {
	c.at = Problem{Line: p.Line, Policy: p.Name}
	switch {
	case strings.TrimSpace(p.Name) == "":
		c.problem("a policy has no name: give it one that reads like a sentence")
	case strings.ContainsFunc(p.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		c.problem("the name has characters in it that cannot be printed")
	case seen[p.Name]:
		c.problem("another policy has the same name: records name policies, so each needs its own")
	}
	seen[p.Name] = true
	if !p.here(c.cfg.Platform) {
		return
	}
	k, err := p.kind()
	if err != nil {
		c.problem("%v", err)
		return
	}
	for _, complaint := range p.misfits(k) {
		c.problem("%s", complaint)
	}
	var where []Part
	if k == kindFilter && p.Where != "" {
		if where, err = parseWhere(p.Where); err != nil {
			c.problem("where: %v", err)
		}
	}
	if k == kindMask && p.With != nil {
		if err := p.With.check(); err != nil {
			c.problem("with: %v", err)
		}
	}
	selectors := c.selectors(p.selectors(k), k, p.Platform != "")
	for _, t := range c.tables {
		t.add(p, k, selectors, where)
	}
}

// selectors parses the selectors of a policy, and refuses those that cannot reach what the policy is about.
func (c *compiler) selectors(texts Selectors, k kind, onlyHere bool) []selector {
	if len(texts) == 0 {
		c.problem("it is about nothing: name what it covers behind %s", k)
	}
	var out []selector
	for _, text := range texts {
		s, err := parseSelector(text)
		switch {
		case err != nil:
			c.problem("%v", err)
			continue
		case s.tag != "":
			c.checkTag(s.tag, k)
		case k == kindMask && s.isTable():
			c.problem("%q: masks are about columns: write %s.* for all of a table's", text, text)
		case k != kindMask && s.isColumn():
			c.problem("%q: %ss are about tables: write schema.table", text, k)
		default:
			c.requireMatch(s, "", onlyHere)
		}
		out = append(out, s)
	}
	return out
}

// checkTag refuses a tag that nobody defined, and for all but masks one that no table has: it would silently cover nothing.
func (c *compiler) checkTag(tag string, k kind) {
	known, onTables, onColumns := false, false, false
	for name, use := range c.tags {
		if below(name, tag) {
			known, onTables, onColumns = true, onTables || use.onTables, onColumns || use.onColumns
		}
	}
	switch {
	case !known:
		c.problem("there is no tag %s: %s", tag, c.knownTags())
	case k == kindMask:
	case !onTables:
		c.problem("tag %s is on columns only; %s is about tables: put the tag on tables, or name them", tag, k)
	case onColumns && (k == kindGuardrail || k == kindFilter):
		c.warning("tag %s is on columns too; a %s covers only the tables that have it", tag, k)
	}
}

func (c *compiler) knownTags() string {
	if len(c.tags) == 0 {
		return "none is defined"
	}
	var names []string
	for name := range c.tags {
		names = append(names, name)
	}
	slices.Sort(names)
	return "those defined are " + strings.Join(names, ", ")
}

func (c *compiler) addDiscoverable() {
	c.at = Problem{}
	for _, text := range c.cfg.Discoverable {
		s, err := parseSelector(text)
		switch {
		case err != nil:
			c.problem("discoverable: %v", err)
		case s.tag != "":
			c.checkTag(s.tag, "discoverable")
		case s.isColumn():
			c.problem("discoverable: %q: only whole tables can be discovered: write schema.table", text)
		default:
			c.requireMatch(s, "discoverable: ", false)
		}
		for _, t := range c.tables {
			t.discoverable = t.discoverable || err == nil && t.covered(s)
		}
	}
}
