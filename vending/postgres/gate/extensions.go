package gate

import (
	"fmt"
	"slices"
	"strings"

	"deputy/vending"
	"deputy/vending/postgres/nodetree"
	"deputy/vending/postgres/searchpath"
	"deputy/vending/postgres/sqltext"
)

// wellKnown are extensions that bring types, operators and functions which only compute with what they are given. Of
// one that is not here Deputy cannot tell whether its stable functions read tables or run SQL that stands in their
// arguments, so an administrator has to name it: a new extension is refused until then.
var wellKnown = []string{
	"btree_gin", "btree_gist", "citext", "cube", "debversion", "earthdistance", "fuzzystrmatch", "hll", "hstore", "intagg",
	"intarray", "ip4r", "isn", "ltree", "pg_trgm", "pg_uuidv7", "pgcrypto", "postgis", "prefix", "roaringbitmap", "seg",
	"semver", "unaccent", "unit", "uuid-ossp", "vector",
}

// refusedMembers are stable and immutable functions of extensions that do more than compute, as refusedFunctions are of
// PostgreSQL's own: they run SQL given as text, read tables whose name they are given, or show statistics and versions.
var refusedMembers = []string{
	"crosstab*", "connectby*", "xpath_table", "xslt_process", "pgr_*", "postgis_*", "_postgis_*", "find_srid",
	"st_find_extent", "st_findextent", "st_estimated_extent", "st_estimatedextent", "addauth", "checkauth*",
	"standardize_address", "reverse_geocode", "geocode*", "ssl_*", "http*", "version",
}

// judge says whether callers' statements may use the function and, of one of an extension, how an administrator can
// allow it.
func (f functionRow) judge(c Config) (allowed bool, hint string) {
	name := f.Schema + "." + f.Name
	named := slices.Contains(c.Functions, name)
	switch {
	case f.Schema == "pg_catalog" && f.Extension == "":
		return named || f.harmless(), instead(f.Name)
	case f.Open:
		return false, searchpath.OpenHint
	case !f.Public:
		return false, fmt.Sprintf(
			"not every role may use it: an administrator can GRANT USAGE ON SCHEMA %s TO PUBLIC, and EXECUTE on the function",
			sqltext.Quote(f.Schema),
		)
	case named:
		return true, ""
	case f.Extension == "":
		return false, ""
	case !slices.Contains(wellKnown, f.Extension) && !slices.Contains(c.Extensions, f.Extension):
		return false, fmt.Sprintf(
			"it belongs to the extension %s: an administrator can name that under extensions, or %s under functions",
			f.Extension,
			name,
		)
	case !f.harmless() || matchesAny(f.Name, refusedMembers):
		return false, fmt.Sprintf("it does more than compute: an administrator can name %s under functions", name)
	}
	return true, ""
}

// matchesAny reports whether a name is among the patterns. A trailing * stands for any ending.
func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, any := strings.CutSuffix(pattern, "*")
		return any && strings.HasPrefix(name, prefix) || name == pattern
	})
}

// Hint adds to what is refused how it can be allowed.
func (g *Gate) Hint(named []vending.Forbidden, refused *Refusals) {
	for i := range named {
		var ids []uint32
		switch named[i].What {
		case "function":
			ids = refused.Functions
		case "operator":
			ids = refused.Operators
		}
		for _, id := range ids {
			if named[i].Hint == "" {
				named[i].Hint = g.hints[id]
			}
		}
	}
}

// implicitText reports that a value of an extension's type is taken for text although the statement does not say so:
// the operators that the type has are out of reach. The reason is empty otherwise.
func (g *Gate) implicitText(n nodetree.Node) string {
	const implicitCast = 2 // CoercionForm
	if n.Name != "RELABELTYPE" || n.Number("relabelformat") != implicitCast {
		return ""
	}
	for _, arg := range n.Nodes("arg") {
		for field, values := range arg.Fields {
			if !strings.Contains(field, "type") || strings.Contains(field, "typmod") {
				continue
			}
			for _, id := range nodetree.OIDs(values) {
				if why := g.astray[id]; why != "" {
					return why
				}
			}
		}
	}
	return ""
}
