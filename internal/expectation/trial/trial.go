// Package trial holds the sentences of package expectation against what callers really see.
package trial

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/identity"
	"deputy/internal/expectation"
	"deputy/tools"
)

// Bench is what tests are run on.
type Bench struct {
	Tools    *tools.Tools
	Catalogs map[string]*entitlements.Catalog // by platform
	Agents   []identity.Agent
	Users    []identity.UserConfig
}

// Result is what became of one clause. Found holds names and counts, and no value.
type Result struct {
	Line     int
	Sentence string // who, and what was expected
	OK       bool
	Found    string
	Policies []string // that are behind what was found
}

// Run holds those clauses of a test that are wanted against what their caller really sees.
func (b *Bench) Run(ctx context.Context, t expectation.Test, wanted func(sentence string) bool) (out []Result) {
	seen := map[string]*view{}
	for _, c := range t.Clauses {
		r := Result{Line: c.Line, Sentence: t.Sentence(c)}
		if !wanted(r.Sentence) {
			continue
		}
		key := selector.Join(c.Table...)
		if seen[key] == nil {
			seen[key] = b.look(ctx, t, c.Table)
		}
		r.OK, r.Found, r.Policies = seen[key].judge(c)
		out = append(out, r)
	}
	return out
}

// view is how a table was for one caller.
type view struct {
	*tools.Observation
	err error // nothing could be found out
}

// look observes a table with all its columns that the test is about, once.
func (b *Bench) look(ctx context.Context, t expectation.Test, name []string) *view {
	who, err := t.Who.Principal(b.Agents, b.Users)
	if err != nil {
		return &view{err: err}
	}
	platform, table, err := b.find(t.Who.Platform, name)
	if err != nil {
		return &view{err: err}
	}
	var columns []string
	for _, c := range t.Clauses {
		if c.Column != "" && slices.Equal(c.Table, name) {
			columns = append(columns, c.Column)
		}
	}
	o, err := b.Tools.Observe(ctx, tools.Call{Principal: who, Client: "deputy-cli"}, platform, table.TableName, columns)
	return &view{o, err}
}

// find looks a table up. That a table which is not there is denied would be no comfort: its name may be misspelt.
func (b *Bench) find(only string, name []string) (platform string, table entitlements.Table, err error) {
	var found []string
	for _, p := range slices.Sorted(maps.Keys(b.Catalogs)) {
		for _, t := range b.Catalogs[p].Tables {
			if (only != "" && only != p) || t.Name != name[len(name)-1] || len(name) == 2 && t.Schema != name[0] {
				continue
			}
			found = append(found, fmt.Sprintf("%s on %s", t, p))
			platform, table = p, t
		}
	}
	switch len(found) {
	case 0:
		return "", table, fmt.Errorf("there is no table %s", selector.Join(name...))
	case 1:
		return platform, table, nil
	}
	return "", table, fmt.Errorf("several tables are called that: say which of %s", strings.Join(found, ", "))
}

func (v *view) judge(c expectation.Clause) (ok bool, found string, policies []string) {
	switch {
	case v.err != nil:
		return false, v.err.Error(), nil
	case v.Denial != nil:
		return c.Kind == expectation.Denied, "denied: " + strings.Join(v.Denial.Reasons, "; "), nil
	}
	switch c.Kind {
	case expectation.Open, expectation.Denied:
		return c.Kind == expectation.Open, fmt.Sprintf("open via %s", v.Access.Via), v.Access.Grants
	case expectation.Via:
		return c.Via == string(v.Access.Via), fmt.Sprintf("via %s", v.Access.Via), v.Access.Grants
	case expectation.Sees:
		return c.Rows == v.Rows, fmt.Sprintf("sees %s", count(v.Rows, "row")), v.Access.FilterPolicies()
	}
	i := slices.IndexFunc(v.Access.Columns, func(column entitlements.ColumnAccess) bool { return column.Name == c.Column })
	if i < 0 {
		return false, fmt.Sprintf(
			"there is no column %s",
			entitlements.ColumnName{TableName: v.Access.Table, Column: c.Column},
		), nil
	}
	return v.judgeColumn(c, v.Access.Columns[i])
}

// judgeColumn asks the decision, and then the data whether it is so.
func (v *view) judgeColumn(
	c expectation.Clause,
	column entitlements.ColumnAccess,
) (ok bool, found string, policies []string) {
	is, kinds := expectation.Clear, []string{}
	for _, m := range column.Masks {
		is = expectation.PartlyMasked
		kinds, policies = append(kinds, string(m.Kind)), append(policies, m.Policy)
		if len(m.When) == 0 {
			is = expectation.Masked
		}
	}
	data := v.Columns[c.Column]
	found = string(is)
	if len(kinds) > 0 {
		found += " with " + strings.Join(kinds, ", ")
	}
	found += fmt.Sprintf(": hidden in %d of %s", data.Hidden, count(v.Rows, "row"))
	ok = is == c.Kind && (c.Mask == "" || slices.Contains(kinds, c.Mask)) &&
		(c.Policy == "" || slices.Contains(policies, c.Policy))
	switch {
	case is == expectation.Clear && data.Hidden > 0:
		return false, found + ", though no policy masks them", policies
	case is == expectation.Masked && data.Hidden == 0 && data.Values > 0:
		return false, found + ": each is what the mask makes of it", policies
	}
	return ok, found, policies
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
