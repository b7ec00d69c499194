package entitlements

import "deputy/entitlements/selector"

import "slices"

// Checker holds another list of the configuration against the same catalog, tags and purposes as the policies: the
// rules of package requests. What it finds is among the problems of Compile and of Check, in the order of the
// configuration.
type Checker struct{ c *compiler }

// Selector is a parsed entry of Selectors.
type Selector struct{ parsed selector.Selector }

// Coverage is what selectors name of one table.
type Coverage struct {
	Table   bool   // The table itself, by its name or by a tag.
	Tagged  bool   // The table, by a tag.
	Columns []bool // For each of the table's columns: by its name, by a tag of its own or by one of the table.
	Named   []bool // The same without the tags of the table.
}

// Here reports whether what is meant for the platform is checked: without a catalog, everything is.
func (k *Checker) Here(platform string) bool {
	return k.c.cfg.Catalog == nil || platform == "" || platform == k.c.cfg.Platform
}

// At says which key of the configuration the following problems are about.
func (k *Checker) At(key string) { k.c.at = Problem{Key: key} }

// Within does something one key further down. Without a key it is about the whole.
func (k *Checker) Within(key string, do func()) { k.c.within(key, do) }

// Nth does something in an entry of a list.
func (k *Checker) Nth(i int, do func()) { k.c.nth(i, do) }

// Problem adds a problem where the checker is.
func (k *Checker) Problem(format string, args ...any) { k.c.problem(format, args...) }

// Name refuses names that are none, or that records could not tell apart. seen has those before.
func (k *Checker) Name(what, name string, seen map[string]bool) { k.c.checkName(what, name, seen) }

// Purposes refuses purposes that no call can name.
func (k *Checker) Purposes(key string, m *Matcher) { k.c.checkPurposes(key, m) }

// Selector parses a selector that may name tables and columns, and refuses one that reaches nothing. onlyHere: it is
// meant for this platform alone.
func (k *Checker) Selector(text string, onlyHere bool) (s Selector, ok bool) {
	s.parsed, ok = k.c.selector(text, kindRequest, onlyHere)
	return s, ok
}

// Tables names all tables that have a column, sorted.
func (k *Checker) Tables() []TableName { return k.c.tableNames() }

// Columns names the columns of a table.
func (k *Checker) Columns(name TableName) []string { return k.c.tables[name].columnNames() }

// Coverage is what the selectors name of a table.
func (k *Checker) Coverage(name TableName, selectors []Selector) Coverage {
	t := k.c.tables[name]
	out := Coverage{Columns: make([]bool, len(t.columns)), Named: make([]bool, len(t.columns))}
	for _, s := range selectors {
		covered := t.covered(s.parsed)
		out.Table = out.Table || covered
		out.Tagged = out.Tagged || covered && s.parsed.Tag != ""
		for i := range t.columns {
			reach, _ := t.reach(&t.columns[i], []selector.Selector{s.parsed})
			out.Columns[i] = out.Columns[i] || reach != notReached
			out.Named[i] = out.Named[i] || t.namesColumn(i, s.parsed)
		}
	}
	return out
}

func (t *table) columnNames() (out []string) {
	for _, c := range t.columns {
		out = append(out, c.Name)
	}
	return out
}

// namesColumn reports whether the selector is about the column itself.
func (t *table) namesColumn(i int, s selector.Selector) bool {
	c := &t.columns[i]
	return s.MatchesColumn(t.name, c.Name) || s.Tag != "" && tagged(c.tags, s.Tag)
}

// namesNew reports whether anything in the configuration is about the tag.
func (cfg *Config) namesNew() bool {
	return cfg.NamesNew || cfg.Discoverable.NameNew() || slices.ContainsFunc(cfg.Policies, func(p Policy) bool {
		return p.Grant.NameNew() || p.Guardrail.NameNew() || p.Mask.NameNew() || p.Filter.NameNew()
	})
}

// NameNew reports whether one of the selectors is the tag New.
func (s Selectors) NameNew() bool { return slices.Contains(s, "tag:"+New) }
