package assembly

import (
	"maps"
	"slices"

	"deputy/internal/config"
	"deputy/internal/mistake"
	"deputy/tools/queries"
	"deputy/vending"
	pgtext "deputy/vending/postgres/sqltext"
	litetext "deputy/vending/sqlite/sqltext"
)

// Queries are the named queries of a configuration, in the order of their names.
func Queries(c *config.Config) (out []queries.Query) {
	for _, name := range slices.Sorted(maps.Keys(c.Queries)) {
		section := c.Queries[name]
		q := queries.Query{Name: name, Description: section.Description, Statements: section.Statements}
		for _, parameter := range slices.Sorted(maps.Keys(section.Parameters)) {
			p := section.Parameters[parameter]
			q.Parameters = append(q.Parameters, queries.Parameter{
				Parameter:   vending.Parameter{Name: parameter, Kind: vending.Kind(p.Type), List: p.List},
				Description: p.Description, Optional: p.Optional, Default: p.Default, Allowed: p.Values,
			})
		}
		out = append(out, q)
	}
	return out
}

// QueryProblems are what is wrong with the queries, as far as the file alone tells.
func QueryProblems(c *config.Config) (out []config.Problem) {
	dialects := map[string]vending.Dialect{}
	for name, p := range c.Platforms {
		dialects[name] = pgtext.Dialect
		if p.Engine == config.SQLite {
			dialects[name] = litetext.Dialect
		}
	}
	for _, q := range Queries(c) {
		for _, p := range q.Problems(dialects) {
			out = append(out, c.Problem(mistake.Below("queries", q.Name)+"."+p.Key, "%s", p.Text))
		}
	}
	return out
}
