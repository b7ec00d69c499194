package entitlements

import (
	"cmp"
	"slices"
	"time"

	"deputy/entitlements/expression"
)

// Via says through whom a table is reached.
type Via string

// Through whom a table is reached: the human, the agent, or each of them.
const (
	ViaUser  Via = "user"
	ViaAgent Via = "agent"
	ViaBoth  Via = "both"
)

// Access is what a principal may see of one table, and why. It is all an engine needs to vend a view.
type Access struct {
	Table   TableName
	Via     Via
	Columns []ColumnAccess // those the caller may know of, in the table's own order; none: the rows are only counted
	// columns that are shown as they are, whether a statement uses them or not; nil: those of Columns
	Clear   []string
	Filters []Filter // all must hold for a row to be seen
	// names of the policies that opened the table, and "request ID" of an approved request that does
	Grants     []string
	Guardrails []string // names of the guardrails that were asked and held
	Requests   []string // ids of the approved requests that it rests on, sorted
	// the first of these ends: what is decided then is another access, or none. Zero: it rests on none
	Until time.Time
}

// FilterPolicies names the policies that limit the rows, each once.
func (a Access) FilterPolicies() (names []string) {
	for _, f := range a.Filters {
		names = appendOnce(names, f.Policy)
	}
	return names
}

// InClear names the columns that are shown as they are.
func (a Access) InClear() []string {
	if a.Clear != nil {
		return a.Clear
	}
	names := []string{}
	for _, c := range a.Columns {
		if len(c.Masks) == 0 {
			names = append(names, c.Name)
		}
	}
	return names
}

// ColumnAccess is one visible column. Each of its cells is hidden by the first of Masks whose When does not fail to
// hold for the row; only the last may be without a When. Where none takes it, or there are none, the value is shown as
// it is.
type ColumnAccess struct {
	Column
	Tags      []string
	Place     int      // where it stands among the table's columns, from 1; 0: wherever
	Inherited []string // tags of the columns that a view's column is made of: they close, and open nothing
	Masks     []AppliedMask
	// what the view calls it; empty: its own name. For comparisons of a column with itself: see tools.Observe
	As string
}

// Shown is the name that the view gives the column.
func (c ColumnAccess) Shown() string { return cmp.Or(c.As, c.Name) }

// AppliedMask is a mask that covers a column for this caller, and the policy it comes from.
type AppliedMask struct {
	Mask
	Policy string
	When   []expression.Part // the rows it is about: those for which this is true or unknown; empty: all
}

// Filter is one rule about rows, bound to the judged identity's values. Exactly one of Where, Within and Sample is set.
type Filter struct {
	Policy string
	Where  []expression.Part
	Within *Within
	Sample *Sample
	// Never is true when Where names something that the judged identity has no value for: no value, no row.
	Never bool
}

// Denial says that a table is not to be had. Reasons name policies and are for the record, not for the caller.
type Denial struct {
	Table       TableName
	Requestable bool // the table may be discovered: the caller may be told that it exists and can be asked for
	// Closed: the caller could read the table, if its policies fitted it and Deputy could read it. The caller may be
	// told so.
	Closed  bool
	Misfits []string // What of the file does not fit a closed table: policy "x", tag X. None: Deputy cannot read it.
	Reasons []string
}

// Fits reports whether the columns stand in the table where they stood when the access was decided, as far as they are
// there. Where two have changed names, a name is that of other values than the policies have judged.
func (a Access) Fits(now Table) bool {
	return !slices.ContainsFunc(a.Columns, func(c ColumnAccess) bool {
		i := slices.IndexFunc(now.Columns, func(is Column) bool { return is.Name == c.Name })
		return c.Place > 0 && i >= 0 && i != c.Place-1
	})
}
