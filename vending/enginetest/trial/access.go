package trial

import (
	"slices"

	"deputy/entitlements"
)

// Change alters the access that Grant makes.
type Change func(*entitlements.Access)

// Masked puts one mask on all rows of a column.
func Masked(column string, m entitlements.Mask) Change { return Chained(column, When(m)) }

// Chained puts a chain of masks on a column.
func Chained(column string, masks ...entitlements.AppliedMask) Change {
	return func(a *entitlements.Access) {
		for i := range a.Columns {
			if a.Columns[i].Name == column {
				a.Columns[i].Masks = masks
			}
		}
	}
}

// When is a mask for the rows that meet a condition; without one, for all.
func When(m entitlements.Mask, condition ...entitlements.Part) entitlements.AppliedMask {
	return entitlements.AppliedMask{Mask: m, Policy: "test", When: condition}
}

// Only leaves these columns of the table.
func Only(columns ...string) Change {
	return func(a *entitlements.Access) {
		a.Columns = slices.DeleteFunc(
			a.Columns,
			func(c entitlements.ColumnAccess) bool { return !slices.Contains(columns, c.Name) },
		)
	}
}

// Filtered adds a row filter.
func Filtered(parts ...entitlements.Part) Change {
	return func(a *entitlements.Access) {
		a.Filters = append(a.Filters, entitlements.Filter{Policy: "test", Where: parts})
	}
}

// Constant is a mask that shows one value in place of all.
func Constant(value string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskConstant, Constant: value}
}

// SQL is a part of a condition as an administrator writes it.
func SQL(sql string) entitlements.Part { return entitlements.Part{SQL: sql} }

// AnyOf is the condition that the expression is one of the values.
func AnyOf(expression string, values ...string) []entitlements.Part {
	return []entitlements.Part{SQL(expression + " = any("), {Variable: "attribute.test", Values: values}, SQL(")")}
}

// NoneOf is the condition that the expression is none of the values.
func NoneOf(expression string, values ...string) []entitlements.Part {
	return []entitlements.Part{
		SQL(expression + " <> all("),
		{Variable: "attribute.test", Values: values},
		SQL(")"),
	}
}
