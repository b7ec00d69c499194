package review

import (
	"cmp"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/expression"
)

// EffectKind is what becomes of a table, a column or its rows.
type EffectKind string

// What can become of them.
const (
	Opened        EffectKind = "opened"
	Closed        EffectKind = "closed"
	Discoverable  EffectKind = "discoverable"   // it stays closed, but may be asked for now
	Undiscovered  EffectKind = "undiscoverable" // it stays closed, and may not be asked for any more
	Masked        EffectKind = "masked"
	Unmasked      EffectKind = "unmasked"
	OtherMask     EffectKind = "other_mask"
	FilterAdded   EffectKind = "filter_added"
	FilterRemoved EffectKind = "filter_removed"
	FilterChanged EffectKind = "filter_changed"
)

// Effect is what a change of policies does to how somebody sees a table. Where it cannot be told whether it is a gain
// or a loss, it is both.
type Effect struct {
	Column string     `json:"column,omitempty"`
	Kind   EffectKind `json:"change"`
	Before string     `json:"before"`
	After  string     `json:"after"`
	Gain   bool       `json:"gain"`
	Loss   bool       `json:"loss"`
}

func compareEffects(a, b Effect) int {
	return cmp.Or(
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Before, b.Before),
		cmp.Compare(a.After, b.After),
	)
}

// thing is what one says once: that a table opens is not said again for each of those who see it with other masks.
func (e Effect) thing() Effect {
	if e.Kind == Opened || e.Kind == Closed {
		e.Before, e.After = "", ""
	}
	return e
}

// effects compares two sights of a table. Unless it matters which values the judged identity has, variables are shown.
func effects(before, after sight, values bool) (out []Effect) {
	a, b := before.access, after.access
	switch {
	case a == nil && b == nil:
		if before.discoverable != after.discoverable {
			kind := Discoverable
			if before.discoverable {
				kind = Undiscovered
			}
			out = append(out, Effect{Kind: kind, Gain: after.discoverable, Loss: before.discoverable})
		}
	case a == nil:
		out = append(out, Effect{Kind: Opened, After: summary(b, values), Gain: true})
	case b == nil:
		out = append(out, Effect{Kind: Closed, Before: summary(a, values), Loss: true})
	default:
		for _, c := range a.Columns {
			i := slices.IndexFunc(b.Columns, func(other entitlements.ColumnAccess) bool { return other.Name == c.Name })
			if i >= 0 {
				out = append(out, maskEffect(c, b.Columns[i], values)...)
			}
		}
		out = append(out, filterEffect(a, b, values)...)
	}
	return out
}

func maskEffect(before, after entitlements.ColumnAccess, values bool) []Effect {
	e := Effect{Column: before.Name, Before: maskText(before.Masks, values), After: maskText(after.Masks, values)}
	switch {
	case e.Before == e.After:
		return nil
	case len(before.Masks) == 0:
		e.Kind, e.Loss = Masked, true
	case len(after.Masks) == 0:
		e.Kind, e.Gain = Unmasked, true
	default:
		e.Kind = OtherMask
		strict := compareMasks(before.Masks, after.Masks)
		e.Gain, e.Loss = strict <= 0, strict >= 0
	}
	return []Effect{e}
}

// compareMasks is below 0 when the first hides more, and 0 when nobody can tell: cell by cell, and with what an
// administrator wrote.
func compareMasks(a, b []entitlements.AppliedMask) int {
	for _, masks := range [][]entitlements.AppliedMask{a, b} {
		if len(masks) != 1 || len(masks[0].When) > 0 || masks[0].Kind == entitlements.MaskSQL ||
			masks[0].Kind == entitlements.MaskRegex {
			return 0
		}
	}
	return entitlements.CompareStrictness(a[0].Mask, b[0].Mask)
}

func maskText(masks []entitlements.AppliedMask, values bool) string {
	if len(masks) == 0 {
		return "clear"
	}
	var parts []string
	for _, m := range masks {
		text := m.Mask.String()
		if len(m.When) > 0 {
			text += " when " + conditionText(m.When, values)
		}
		parts = append(parts, text)
	}
	if len(masks[len(masks)-1].When) > 0 {
		parts = append(parts, "clear")
	}
	return strings.Join(parts, ", else ")
}

func conditionText(parts []expression.Part, values bool) string {
	parts = slices.Clone(parts)
	for i := range parts {
		if !values {
			parts[i].Values = nil
		}
	}
	return expression.Text(parts)
}

// rules are the access's filters as text, each once: which policy says so does not matter.
func rules(a *entitlements.Access, values bool) (out []string) {
	for _, f := range a.Filters {
		f.Where = slices.Clone(f.Where)
		for i := range f.Where {
			if !values {
				f.Where[i].Values = nil
			}
		}
		out = appendOnce(out, f.Rule())
	}
	slices.Sort(out)
	return out
}

func filterEffect(a, b *entitlements.Access, values bool) []Effect {
	before, after := rules(a, values), rules(b, values)
	gone := slices.DeleteFunc(slices.Clone(before), func(r string) bool { return slices.Contains(after, r) })
	come := slices.DeleteFunc(slices.Clone(after), func(r string) bool { return slices.Contains(before, r) })
	e := Effect{Before: strings.Join(gone, " AND "), After: strings.Join(come, " AND ")}
	switch {
	case len(gone) == 0 && len(come) == 0:
		return nil
	case len(gone) == 0:
		e.Kind = FilterAdded
	case len(come) == 0:
		e.Kind = FilterRemoved
	default:
		e.Kind = FilterChanged
	}
	e.Gain, e.Loss = len(gone) > 0, len(come) > 0
	if len(gone) == 1 && len(come) == 1 {
		if shows := compareRows(filter(a, gone[0]), filter(b, come[0])); shows != 0 {
			e.Gain, e.Loss = shows < 0, shows > 0
		}
	}
	return []Effect{e}
}

// filter is the one that says the rule.
func filter(a *entitlements.Access, rule string) entitlements.Filter {
	i := slices.IndexFunc(a.Filters, func(f entitlements.Filter) bool { return f.Rule() == rule })
	if i < 0 {
		return entitlements.Filter{}
	}
	return a.Filters[i]
}

// compareRows is below 0 when the second shows all the rows of the first and more, and 0 when nobody can tell. A
// smaller sample is part of a larger one.
func compareRows(a, b entitlements.Filter) int {
	switch {
	case a.Sample != nil && b.Sample != nil:
		return cmp.Compare(a.Sample.PerMillion, b.Sample.PerMillion)
	case a.Within != nil && b.Within != nil && a.Within.Column.Name == b.Within.Column.Name:
		return cmp.Compare(a.Within.Last, b.Within.Last)
	}
	return 0
}

// summary says in one line how an open table is seen.
func summary(a *entitlements.Access, values bool) string {
	var parts []string
	for _, c := range a.Columns {
		if len(c.Masks) > 0 {
			parts = append(parts, c.Name+": "+maskText(c.Masks, values))
		}
	}
	if rules := rules(a, values); rules != nil {
		parts = append(parts, "rows: "+strings.Join(rules, " AND "))
	}
	if parts == nil {
		return "all clear"
	}
	return strings.Join(parts, "; ")
}
