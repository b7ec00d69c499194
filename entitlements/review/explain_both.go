package review

import (
	"reflect"
	"slices"
	"time"

	"deputy/entitlements"
	"deputy/identity"
)

// ExplainBoth is Explain of the configuration in force, with the decision and the columns as both have them.
func ExplainBoth(
	b entitlements.Both,
	who identity.Principal,
	name entitlements.TableName,
) (x Explanation, ok bool) {
	x, ok = Explain(b.InForce, who, name)
	if !ok || b.Waiting == nil {
		return x, ok
	}
	other, ok := Explain(b.Waiting, entitlements.AsWaiting(who), name)
	if !ok {
		return Explanation{}, false
	}
	access, denial := b.Decide(who, name)
	x.Access, x.Denial, x.Allowed, x.Via, x.Until, x.Reasons, x.Requestable = nil, denial, denial == nil, "", time.Time{}, []string{}, false
	if denial == nil {
		x.Access, x.Via, x.Until = &access, access.Via, access.Until
	} else {
		x.Reasons, x.Requestable = denial.Reasons, denial.Requestable
	}
	columns := []ColumnVerdict{}
	for _, c := range x.Columns {
		i := slices.IndexFunc(other.Columns, func(o ColumnVerdict) bool { return o.Name == c.Name })
		if i < 0 {
			continue
		}
		c.Clear = c.Clear && other.Columns[i].Clear
		for _, m := range other.Columns[i].Masks {
			if !slices.ContainsFunc(c.Masks, func(known MaskVerdict) bool { return reflect.DeepEqual(known, m) }) {
				c.Masks = append(slices.Clip(c.Masks), m)
			}
		}
		columns = append(columns, c)
	}
	x.Columns = columns
	return x, true
}
