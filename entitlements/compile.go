package entitlements

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deputy/entitlements/catalog"
	"deputy/entitlements/selector"
	"deputy/internal/mistake"
)

// Config is what Compile makes decisions from: one platform's catalog, and the tags and policies of the whole
// configuration.
type Config struct {
	Platform     string
	Policies     []Policy
	Tags         Tags
	Discoverable Selectors // tables that anybody may know of and ask for, by glob or tag
	Catalog      *Catalog
	// what of the catalog an administrator has looked at; the rest bears the tag New. nil: it is not kept
	Accepted Accepted
	Purposes []string // that a call can be said to be for

	// Beside checks what else of the configuration is held against the same catalog, after the policies: see package
	// requests. Nil: nothing is.
	Beside   func(*Checker)
	NamesNew bool // Something that Beside checks is about the tag New.

	// Inherit: what closes the tables that a view is made of closes the view: see inherit.go.
	Inherit bool

	// Running: the policies did fit the catalog when Deputy started. What of them no longer fits closes the tables that it
	// was about, and not the platform.
	Running bool

	// Serving: Deputy starts with what can be served. What does not fit closes the table that it is about, and a name
	// that is gone since an administrator accepted it is treated as while Deputy runs. A name that was never there is a
	// problem of the whole platform: it may be a mask's, with a typing error in it.
	Serving bool

	// Shut are problems of single tables that only the database knows of: it does not understand the SQL of a policy,
	// say. Each closes its table.
	Shut []Problem

	// Others are the catalogs of the other platforms. Tags and policies without a platform may name what is only there.
	Others []*Catalog
	// Unseen: of another platform not even an old catalog is known. What is not here may be there.
	Unseen bool
}

// Entitlements decide for one platform at one state of its catalog. They never change and may be used concurrently.
type Entitlements struct {
	tables   map[TableName]*table
	names    []TableName // sorted
	purposes []string
	version  string // of the catalog

	approved map[TableName][]Approval // what was approved, for whomever it is for; see With
	now      time.Time
}

// Compile checks tags and policies against the catalog and makes them ready to decide. It returns every
// problem it finds, in the order of the configuration; with any that is not a warning there are no Entitlements, unless
// Deputy is running: see Config.
func Compile(cfg Config) (*Entitlements, []Problem) {
	c := newCompiler(cfg)
	if cfg.Catalog == nil {
		return nil, []Problem{{Message: "there is no catalog to compile the policies for"}}
	}
	c.markNew = cfg.Accepted != nil || cfg.namesNew()
	if len(cfg.Accepted) == 0 && cfg.namesNew() {
		c.at = Problem{Key: "catalog.file"}
		c.warning(
			"nothing of platform %s was accepted yet, so all of it bears the tag %s: look at it, then run deputy catalog accept --platform %[1]s",
			cfg.Platform,
			New,
		)
	}
	for _, t := range cfg.Catalog.Tables {
		c.addTable(t)
	}
	c.addGhosts()
	for _, all := range append([]*Catalog{cfg.Catalog}, cfg.Others...) {
		c.addPlatformTags(all)
	}
	c.addAll()
	c.checkSpelling()
	c.shut()
	c.drifted()
	c.inheritAll()
	c.sayWithout()
	if c.stops() {
		return nil, c.problems
	}
	rank(c.masks)
	for _, t := range c.tables {
		t.sort()
	}
	out := &Entitlements{tables: c.tables, names: c.tableNames(), purposes: cfg.Purposes, version: cfg.Catalog.Version}
	return out, c.problems
}

// Check finds what is wrong with tags, policies and what may be discovered, whatever a database holds:
// all that Compile finds without a catalog, in the policies of every platform. Names of tables, columns and
// tags may still turn out to be nobody's.
func Check(cfg Config) []Problem {
	cfg.Catalog, cfg.Others = nil, nil
	c := newCompiler(cfg)
	c.addAll()
	return c.problems
}

func newCompiler(cfg Config) *compiler {
	return &compiler{
		cfg:    cfg,
		tags:   map[string]*tagUse{},
		tables: map[TableName]*table{},
		ghosts: map[TableName]*table{},
	}
}

// addAll reads the configuration in its order.
func (c *compiler) addAll() {
	for i, t := range c.cfg.Tags {
		c.at = Problem{Key: mistake.Below("tags", t.Name)}
		c.addTag(t, c.cfg.Tags[:i])
	}
	seen := map[string]bool{}
	for i := range c.cfg.Policies {
		c.at = Problem{Key: mistake.At("policies", i), Policy: c.cfg.Policies[i].Name}
		c.addPolicy(&c.cfg.Policies[i], seen)
	}
	if c.cfg.Beside != nil {
		c.cfg.Beside(&Checker{c})
	}
	c.addDiscoverable()
}

func (c *compiler) tableNames() []TableName {
	return slices.SortedFunc(maps.Keys(c.tables), TableName.Compare)
}

type compiler struct {
	cfg      Config // without a Catalog, nothing is said of what may be in one
	tags     map[string]*tagUse
	tables   map[TableName]*table
	ghosts   map[TableName]*table // what was accepted and is gone: see addGhosts
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

// unseen warns of what may be right on a platform that was never reached.
func (c *compiler) unseen(format string, args ...any) {
	c.warning(format, args...)
	c.problems[len(c.problems)-1].Unseen = true
}

// within does something one key further down: what it says is about that. Without a key it is about the whole.
func (c *compiler) within(key string, do func()) {
	at := c.at
	if key != "" {
		c.at.Key += "." + key
	}
	do()
	c.at = at
}

// nth does something in an entry of a list.
func (c *compiler) nth(i int, do func()) {
	at := c.at
	c.at.Key = mistake.At(at.Key, i)
	do()
	c.at = at
}

// addTable takes up a table. One without columns has rows that can be counted.
func (c *compiler) addTable(t Table) {
	out := &table{name: t.TableName, description: t.Description, tags: slices.Clone(t.Tags), view: t.View}
	if c.markNew && !c.cfg.Accepted.Has(t.TableName) {
		out.tags = appendOnce(out.tags, New)
	}
	if t.Unreadable {
		c.unreadable(out)
	}
	for _, col := range t.Columns {
		tags := slices.Clone(col.Tags)
		if c.markNew && !c.cfg.Accepted.HasColumn(ColumnName{TableName: t.TableName, Column: col.Name}) {
			tags = appendOnce(tags, New)
		}
		out.columns = append(out.columns, column{Column: col, tags: tags})
	}
	c.tables[t.TableName] = out
}

// addPlatformTags makes tags known that a platform keeps in its comments: in this or another one.
func (c *compiler) addPlatformTags(all *Catalog) {
	for _, t := range all.Tables {
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

// checkSpelling warns of tags that only their case tells apart: what is masked by one is clear under the other, #pii in
// a comment say.
func (c *compiler) checkSpelling() {
	spelled := map[string]string{}
	for _, tag := range slices.Sorted(maps.Keys(c.tags)) {
		if other, there := spelled[strings.ToLower(tag)]; there {
			c.at = Problem{Key: mistake.Below("tags", tag)}
			c.warning(
				"the tags %s and %s differ in case alone, and a policy on one does not reach the other: write both alike, in the comments of the database too",
				other,
				tag,
			)
		}
		spelled[strings.ToLower(tag)] = tag
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
	case !catalog.IsTag(tag.Name):
		c.problem("%q is not a tag: write words joined by dots, such as PII.SSN", tag.Name)
		return
	case selector.Below(tag.Name, New):
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
		c.nth(i, func() {
			s, err := selector.Parse(text)
			switch {
			case err != nil:
				c.problem("%v", err)
			case s.Tag != "":
				c.problem(
					"%q: a tag is on tables and columns, not on tags: a dotted name such as %s.%s puts one below another",
					text,
					s.Tag,
					tag.Name,
				)
			default:
				use.onTables = use.onTables || s.IsTable()
				use.onColumns = use.onColumns || s.IsColumn()
				c.requireMatch(s, false)
				c.attach(tag.Name, s)
			}
		})
	}
}

func (c *compiler) attach(tag string, s selector.Selector) {
	for _, tables := range []map[TableName]*table{c.tables, c.ghosts} {
		for name, t := range tables {
			if s.Concerns(name) {
				t.attach(tag, s)
			}
		}
	}
}

func (t *table) attach(tag string, s selector.Selector) {
	if s.IsTable() {
		t.tags = appendOnce(t.tags, tag)
	}
	for i := range t.columns {
		if s.MatchesColumn(t.name, t.columns[i].Name) {
			t.columns[i].tags = appendOnce(t.columns[i].tags, tag)
		}
	}
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// requireMatch refuses a selector that names one thing which is not there: it vanished, or was never called that. A
// column has to be on every platform that has its table: where it is not, its values may stand there under another
// name.
func (c *compiler) requireMatch(s selector.Selector, onlyHere bool) {
	if c.cfg.Catalog == nil || s.MatchesIn(c.cfg.Catalog) {
		return
	}
	elsewhere := !onlyHere && slices.ContainsFunc(c.cfg.Others, s.MatchesIn)
	if table, ok := s.TableIn(c.cfg.Catalog); ok && s.IsColumn() && s.Exact() {
		hint := mistake.There(s.Text, s.LikeIn(c.cfg.Catalog))
		if elsewhere {
			hint += "; another platform has it: write " + s.Text + "* if this one need not"
		}
		c.lost(table, "there is no column %s%s", s.Text, hint)
		return
	}
	if elsewhere {
		return
	}
	if s.Exact() && !onlyHere && c.cfg.Unseen {
		c.unseen("%q is not here; whether it is on a platform that cannot be reached is not known yet", s.Text)
		return
	}
	if !s.Exact() {
		c.warning("%q matches nothing", s.Text)
		return
	}
	what := "table"
	switch {
	case s.IsColumn():
		what = "column"
	case s.IsSchema() && c.tags[s.Text] != nil:
		c.missing(&s, "%q is a tag: write tag:%s", s.Text, s.Text)
		return
	case s.IsSchema():
		what = "schema"
		for _, t := range c.cfg.Catalog.Tables {
			if t.Name == s.Schema() {
				c.missing(
					&s,
					"there is no schema %s; did you mean the table %q?",
					s.Text,
					selector.Join(t.Schema, t.Name),
				)
				return
			}
		}
	}
	c.missing(&s, "there is no %s %s%s", what, s.Text, mistake.There(s.Text, s.LikeIn(c.cfg.Catalog)))
}
