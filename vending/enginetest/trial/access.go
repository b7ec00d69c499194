package trial

import (
	"slices"

	"deputy/entitlements"
	"deputy/entitlements/expression"
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
func When(m entitlements.Mask, condition ...expression.Part) entitlements.AppliedMask {
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
func Filtered(parts ...expression.Part) Change {
	return func(a *entitlements.Access) {
		a.Filters = append(a.Filters, entitlements.Filter{Policy: "test", Where: parts})
	}
}

// Constant is a mask that shows one value in place of all.
func Constant(value string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskConstant, Constant: value}
}

// SQL is a part of a condition as an administrator writes it.
func SQL(sql string) expression.Part { return expression.Part{SQL: sql} }

// AnyOf is the condition that the operand is one of the values.
func AnyOf(operand string, values ...string) []expression.Part {
	return []expression.Part{SQL(operand + " = any("), {Variable: "attribute.test", Values: values}, SQL(")")}
}

// NoneOf is the condition that the operand is none of the values.
func NoneOf(operand string, values ...string) []expression.Part {
	return []expression.Part{
		SQL(operand + " <> all("),
		{Variable: "attribute.test", Values: values},
		SQL(")"),
	}
}
