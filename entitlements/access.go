package entitlements

// Via says through whom a table is reached.
type Via string

const (
	ViaUser  Via = "user"
	ViaAgent Via = "agent"
	ViaBoth  Via = "both"
)

// Access is what a principal may see of one table, and why. It is all an engine needs to vend a view.
type Access struct {
	Table      TableName
	Via        Via
	Columns    []ColumnAccess // those the caller may know of, in the table's own order; none: the rows are only counted
	Filters    []Filter       // all must hold for a row to be seen
	Grants     []string       // names of the policies that opened the table
	Guardrails []string       // names of the guardrails that were asked and held
}

// ColumnAccess is one visible column; Mask is nil when its values are shown as they are.
type ColumnAccess struct {
	Column
	Tags []string
	Mask *AppliedMask
}

// AppliedMask is the one mask that covers a column for this caller, and the policy it comes from.
type AppliedMask struct {
	Mask
	Policy string
}

// Filter is one row filter, bound to the judged identity's attribute values.
type Filter struct {
	Policy string
	Where  []Part
	// Never is true when the filter names an attribute that the judged identity has no value for: no value, no row.
	Never bool
}

// Part is a piece of a filter: SQL as the administrator wrote it or, when Attribute is set, the values to put there.
// The only two forms an administrator may write are "= any(:attribute.NAME)" and "<> all(:attribute.NAME)". Whatever their case
// and spacing, the SQL before an attribute ends in just "= any(" or "<> all(", and the SQL behind it starts with ")".
type Part struct {
	SQL       string // including the operator and the opening "any(" or "all(" that precede an attribute
	Attribute string
	Values    []string // values of Attribute; data, never SQL: engines quote them
}

// Denial says that a table is not to be had. Reasons name policies and are for the record, not for the caller.
type Denial struct {
	Table       TableName
	Requestable bool // the table may be discovered: the caller may be told that it exists and can be asked for
	Reasons     []string
}
