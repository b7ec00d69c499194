package tools

import (
	"fmt"

	"deputy/entitlements"
	"deputy/vending"
)

// notices tell the model what it does not see, so that it does not take masked values for real ones or a part for the
// whole.
func (q *question) notices(access []entitlements.Access, unfit []vending.Unfit) []string {
	out := []string{}
	if q.policies.Unknown != nil {
		out = append(out, "what was approved on request cannot be looked up now, and does not count in this answer: "+
			"what is masked here may have been approved to be seen")
	}
	dialect := q.platform.Engine.Dialect()
	ask := q.asking(q.platform, q.policies, q.call.Principal)
	for _, a := range access {
		for _, c := range a.Columns {
			for _, m := range c.Masks {
				where := ""
				if len(m.When) > 0 {
					where = " in some rows"
				}
				out = append(out, m.Notice(dialect.SpellColumn(a.Table, c.Name), where))
			}
		}
		if how := ask.forColumns(a); how != "" {
			out = append(out, how)
		}
		for _, policy := range a.FilterPolicies() {
			out = append(out, fmt.Sprintf("rows of %s are limited by policy %q", dialect.SpellTable(a.Table), policy))
		}
	}
	for _, u := range unfit {
		out = append(out, u.String())
	}
	return out
}
