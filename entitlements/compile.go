package entitlements

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Config is what Compile makes decisions from: one platform's catalog, and the tags and policies of the whole configuration.
type Config struct {
	Platform     string
	Policies     []Policy
	Tags         Tags
	Discoverable Selectors // tables that anybody may know of and ask for, by glob or tag
	Catalog      *Catalog
	Accepted     Accepted // what of the catalog somebody has looked at; the rest bears the tag New. nil: nothing
	Purposes     []string // that a call can be said to be for

	// Others are the catalogs of the other platforms. Tags and policies without a platform may name what is only there.
	Others []*Catalog
}

// Entitlements decide for one platform at one state of its catalog. They never change and may be used concurrently.
type Entitlements struct {
	tables map[TableName]*table
	names  []TableName // sorted
}

// Compile checks tags and policies against the catalog and makes them ready to decide. It returns every problem it finds, in the
// order of the configuration; with any that is not a warning there are no Entitlements.
func Compile(cfg Config) (*Entitlements, []Problem) {
	c := &compiler{cfg: cfg, tags: map[string]*tagUse{}, tables: map[TableName]*table{}}
	if cfg.Catalog == nil {
		return nil, []Problem{{Message: "there is no catalog to compile the policies for"}}
	}
	c.markNew = cfg.Accepted != nil || cfg.namesNew()
	if len(cfg.Accepted) == 0 && cfg.namesNew() {
		c.at = Problem{Key: "catalog.file"}
		c.warning("nothing of platform %s was accepted yet, so all of it bears the tag %s: look at it, then run deputy catalog accept --platform %[1]s", cfg.Platform, New)
	}
	for _, t := range cfg.Catalog.Tables {
		c.addTable(t)
	}
	for _, catalog := range append([]*Catalog{cfg.Catalog}, cfg.Others...) {
		c.addPlatformTags(catalog)
	}
	for i, t := range cfg.Tags {
		c.at = Problem{Key: Below("tags", t.Name)}
		c.addTag(t, cfg.Tags[:i])
	}
	seen := map[string]bool{}
	for i := range cfg.Policies {
		c.at = Problem{Key: fmt.Sprintf("policies[%d]", i), Policy: cfg.Policies[i].Name}
		c.addPolicy(&cfg.Policies[i], seen)
	}
	c.addDiscoverable()
	if Fatal(c.problems) {
		return nil, c.problems
	}
	rank(c.masks)
	for _, t := range c.tables {
		t.sort()
	}
	return &Entitlements{tables: c.tables, names: c.tableNames()}, c.problems
}

func (c *compiler) tableNames() []TableName {
	return slices.SortedFunc(maps.Keys(c.tables), compareNames)
}

func compareNames(a, b TableName) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

type compiler struct {
	cfg      Config
	tags     map[string]*tagUse
	tables   map[TableName]*table
	masks    []*ruledMask
	problems []Problem
	markNew  bool
	at       Problem // key and policy of what is being read
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

// within does something one key further down: what it says is about that.
func (c *compiler) within(key string, do func()) {
	at := c.at
	if strings.HasPrefix(key, "[") {
		c.at.Key += key
	} else if key != "" {
		c.at.Key = Below(at.Key, key)
	}
	do()
	c.at = at
}

func nth(i int) string { return fmt.Sprintf("[%d]", i) }

// addTable leaves out a table without columns: there is nothing to see in it.
func (c *compiler) addTable(t Table) {
	if len(t.Columns) == 0 {
		return
	}
	out := &table{name: t.TableName, description: t.Description, tags: slices.Clone(t.Tags)}
	if c.markNew && !c.cfg.Accepted.table(t.TableName) {
		out.tags = appendOnce(out.tags, New)
	}
	for _, col := range t.Columns {
		tags := slices.Clone(col.Tags)
		if c.markNew && !c.cfg.Accepted.column(ColumnName{t.TableName, col.Name}) {
			tags = appendOnce(tags, New)
		}
		out.columns = append(out.columns, column{Column: col, tags: tags})
	}
	c.tables[t.TableName] = out
}

// addPlatformTags makes tags known that a platform keeps in its comments: in this or another one.
func (c *compiler) addPlatformTags(catalog *Catalog) {
	for _, t := range catalog.Tables {
		for _, tag := range t.Tags {
			c.use(tag).onTables = true
		}
		for _, col := range t.Columns {
			for _, tag := range col.Tags {
				c.use(tag).onColumns = true
			}
		}
	}
}

func (c *compiler) use(tag string) *tagUse {
	if c.tags[tag] == nil {
		c.tags[tag] = &tagUse{}
	}
	return c.tags[tag]
}

func (c *compiler) addTag(tag Tag, before Tags) {
	switch {
	case !tagName.MatchString(tag.Name):
		c.problem("%q is not a tag: write words joined by dots, such as PII.SSN", tag.Name)
		return
	case below(tag.Name, New):
		c.problem("the tag %s is built in: it is on what appeared after the last deputy catalog accept", New)
		return
	case slices.ContainsFunc(before, func(t Tag) bool { return t.Name == tag.Name }):
		c.problem("tag %s is there twice: list all its tables and columns in one place", tag.Name)
		return
	}
	if len(tag.Selectors) == 0 {
		c.problem("tag %s is on nothing: name its tables or columns, or take it out", tag.Name)
	}
	use := c.use(tag.Name)
	for i, text := range tag.Selectors {
		c.within(nth(i), func() {
			s, err := parseSelector(text)
			switch {
			case err != nil:
				c.problem("%v", err)
			case s.tag != "":
				c.problem("%q: a tag is on tables and columns, not on tags: a dotted name such as %s.%s puts one below another", text, s.tag, tag.Name)
			default:
				use.onTables = use.onTables || s.isTable()
				use.onColumns = use.onColumns || s.isColumn()
				c.requireMatch(s, false)
				c.attach(tag.Name, s)
			}
		})
	}
}

func (c *compiler) attach(tag string, s selector) {
	for name, t := range c.tables {
		if !s.concerns(name) {
			continue
		}
		if s.isTable() {
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
func (c *compiler) requireMatch(s selector, onlyHere bool) {
	if s.matchesIn(c.cfg.Catalog) || !onlyHere && slices.ContainsFunc(c.cfg.Others, s.matchesIn) {
		return
	}
	if !s.exact() {
		c.warning("%q matches nothing", s.text)
		return
	}
	what := "table"
	switch {
	case s.isColumn():
		what = "column"
	case s.isSchema():
		what = "schema"
	}
	hint := ""
	if other, ok := s.otherCase(c.cfg.Catalog); ok {
		hint = fmt.Sprintf(": did you mean %s? Names are compared letter by letter", other)
	}
	c.problem("there is no %s %s%s", what, s.text, hint)
}
