package entitlements

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"deputy/identity"
)

// Both decides by two configurations: the one in force, and a newer one of which some part cannot be in force yet. A
// caller gets only what both give. What has changed between the two is never asked: whatever the newer one takes away
// is gone, and nothing that it adds is there.
//
// Each configuration judges the caller as it knows them itself: see identity.Principal.Waiting. Groups and attributes
// are never mixed.
type Both struct {
	InForce *Entitlements
	Waiting *Entitlements // the newer one's; nil: there is none, and the one in force decides alone
}

// CatalogVersion is that of the catalog which the one in force was compiled over; empty: there is none.
func (b Both) CatalogVersion() string {
	if b.InForce == nil {
		return ""
	}
	return b.InForce.version
}

// AsWaiting is the caller as the waiting configuration knows them. Without one, it is a principal that was never
// verified, to whom nothing is given. The purpose is the call's own.
func AsWaiting(who identity.Principal) identity.Principal {
	if who.Waiting == nil {
		return identity.Principal{}
	}
	w := *who.Waiting
	w.Purpose = who.Purpose
	return w
}

// Decide is Entitlements.Decide by both.
func (b Both) Decide(who identity.Principal, name TableName) (Access, *Denial) {
	access, denial := b.InForce.Decide(who, name)
	if b.Waiting == nil {
		return access, denial
	}
	other, otherwise := b.Waiting.Decide(AsWaiting(who), name)
	if denial == nil && otherwise == nil {
		return access.and(other), nil
	}
	return Access{}, denial.and(otherwise, name)
}

// Visible is Entitlements.Visible by both: what both let the caller know of.
func (b Both) Visible(who identity.Principal) []Visible {
	all := b.InForce.Visible(who)
	if b.Waiting == nil {
		return all
	}
	var out []Visible
	for _, v := range all {
		access, denial := b.Decide(who, v.Table)
		switch {
		case denial == nil:
			v.Access, v.Denial = &access, nil
		case denial.Requestable, denial.Closed:
			v.Access, v.Denial = nil, denial
		default:
			continue
		}
		out = append(out, v)
	}
	return out
}

// Sees reports whether Visible has anything for the principal.
func (b Both) Sees(who identity.Principal) bool {
	return slices.ContainsFunc(b.InForce.names, func(name TableName) bool {
		_, denial := b.Decide(who, name)
		return denial == nil || denial.Requestable || denial.Closed
	})
}

// With is Entitlements.With by both.
func (b Both) With(approvals []Approval, now time.Time) Both {
	b.InForce = b.InForce.With(approvals, now)
	if b.Waiting != nil {
		b.Waiting = b.Waiting.With(approvals, now)
	}
	return b
}

// and is what two accesses to one table have in common.
func (a Access) and(other Access) Access {
	out := Access{Table: a.Table, Via: a.Via.and(other.Via),
		Filters: slices.Clone(
			a.Filters,
		), Grants: union(a.Grants, other.Grants), Guardrails: union(a.Guardrails, other.Guardrails),
		Requests: union(a.Requests, other.Requests), Until: earlier(a.Until, other.Until)}
	slices.Sort(out.Requests)
	for _, f := range other.Filters {
		if !slices.ContainsFunc(a.Filters, func(g Filter) bool { return reflect.DeepEqual(f, g) }) {
			out.Filters = append(out.Filters, f)
		}
	}
	for _, c := range a.Columns {
		i := slices.IndexFunc(other.Columns, func(o ColumnAccess) bool { return o.Name == c.Name })
		if i >= 0 {
			out.Columns = append(out.Columns, c.and(other.Columns[i]))
		}
	}
	return out
}

// and shows the column as both show it, and as NULL where they differ: there is no telling which of two masks hides
// more.
func (c ColumnAccess) and(other ColumnAccess) ColumnAccess {
	c.Tags = slices.DeleteFunc(slices.Clone(c.Tags), func(tag string) bool { return !slices.Contains(other.Tags, tag) })
	if sameMasks(c.Masks, other.Masks) {
		return c
	}
	var policies []string
	for _, m := range slices.Concat(c.Masks, other.Masks) {
		policies = appendOnce(policies, m.Policy)
	}
	c.Masks = []AppliedMask{{Mask: Mask{Kind: MaskNull}, Policy: strings.Join(policies, " and ")}}
	return c
}

// sameMasks reports whether two chains hide the same cells in the same way, whatever the policies are called.
func sameMasks(a, b []AppliedMask) bool {
	return slices.EqualFunc(a, b, func(m, n AppliedMask) bool {
		return reflect.DeepEqual(m.Mask, n.Mask) && (len(m.When) == 0) == (len(n.When) == 0) &&
			(len(m.When) == 0 || reflect.DeepEqual(m.When, n.When))
	})
}

// and is through whom the table is reached by both. Where each reaches it through another party, it takes both parties.
func (v Via) and(other Via) Via {
	switch {
	case v == other || other == ViaBoth:
		return v
	case v == ViaBoth:
		return other
	}
	return ViaBoth
}

// and is the denial of what at least one denies. The caller may hear of the table if each either opens it or lets it be
// heard of.
func (d *Denial) and(other *Denial, name TableName) *Denial {
	out := &Denial{Table: name, Requestable: true}
	out.Closed = (d == nil || d.Closed) && (other == nil || other.Closed)
	if d != nil {
		out.Requestable, out.Reasons, out.Misfits = d.Requestable, slices.Clone(d.Reasons), slices.Clone(d.Misfits)
	}
	if other != nil {
		out.Requestable = out.Requestable && other.Requestable
		out.Misfits = union(out.Misfits, other.Misfits)
		for _, why := range other.Reasons {
			out.Reasons = append(out.Reasons, "by the configuration that is not in force yet, "+why)
		}
	}
	return out
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		out = appendOnce(out, s)
	}
	return out
}

// earlier is the earlier of two ends. Zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
