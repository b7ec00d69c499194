package view

import (
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/entitlements/mask"
	"deputy/vending/postgres/sqltext"
)

// column writes the cells of one masked column.
type column struct {
	entitlements.Column
	raw   string // the column itself, named so that nothing inside an expression can stand for it
	shown string // the type that its cells are cast to; empty: they have the one that PostgreSQL finds for them all
}

// maskedColumn is a column as its view shows it: each cell is hidden by the first mask whose condition does not fail to
// hold.
func maskedColumn(table entitlements.TableName, access entitlements.ColumnAccess) string {
	name := sqltext.Quote(access.Name)
	if len(access.Masks) == 0 {
		return name
	}
	c := column{
		access.Column,
		sqltext.Dialect.QuoteTable(table) + "." + name,
		shownType(access),
	}
	if access.Kind == entitlements.Other && c.shown == access.Type {
		c.shown = "" // all cells have it, and the views' owner may not be able to name it: it may be in a closed schema
	}
	chain := "CASE"
	for i, m := range access.Masks {
		cell := c.cell(m.Mask)
		switch {
		case len(m.When) > 0:
			chain += " WHEN " + takes(m.When) + " THEN " + cell
		case i == 0:
			return cell
		default:
			return chain + " ELSE " + cell + " END"
		}
	}
	return chain + " ELSE " + c.as(c.raw) + " END"
}

// takes is true where the condition holds or may hold. One that lacks a value may hold anywhere; this is said with a
// subselect, so that the planner does not drop the rest, and a text that PostgreSQL does not understand is an error all
// the same.
func takes(when []expression.Part) string {
	q, _ := condition(when)
	q = "(" + q + ") IS NOT FALSE"
	if slices.ContainsFunc(when, func(p expression.Part) bool { return p.Variable != "" && len(p.Values) == 0 }) {
		return "(" + q + " OR (SELECT true))"
	}
	return q
}

// ShownType is the type that a column has in its view; empty where an administrator's expression decides.
func ShownType(access entitlements.ColumnAccess) string {
	if len(access.Masks) == 0 {
		return access.Type
	}
	shown := shownType(access)
	if access.Kind == entitlements.Other && access.Base != "" && shown == access.Type {
		return access.Base // see column.cell
	}
	return shown
}

// shownType is the type of the whole column, since all masks of a chain must agree on one. Masked text has no length
// limit: REDACTED is not cut, and hashes of equal values are equal whatever their columns were declared.
func shownType(access entitlements.ColumnAccess) string {
	has := func(k entitlements.MaskKind) bool {
		return slices.ContainsFunc(
			access.Masks,
			func(m entitlements.AppliedMask) bool { return m.Kind == k && m.Fits(access.Column) },
		)
	}
	switch {
	case has(entitlements.MaskBucket):
		return "text"
	case has(entitlements.MaskSQL):
		return ""
	case access.Kind == entitlements.Text:
		return "text"
	case has(entitlements.MaskRound):
		return roundedType(access)
	}
	return access.Type
}

func (c column) as(expression string) string {
	if c.shown == "" {
		return expression
	}
	return "(" + expression + ")::" + c.shown
}

// cell hides the value. A mask that does not fit, or that is not known here, hides everything of it.
func (c column) cell(m entitlements.Mask) string {
	expression := ""
	if m.Fits(c.Column) {
		expression = c.masked(m)
	}
	switch {
	case expression != "":
	case c.Kind == entitlements.Other: // a domain may refuse NULL: this is one of the type that it is made of
		return "(CASE WHEN false THEN " + c.raw + " END)"
	default:
		expression = "NULL"
	}
	return c.as(expression)
}

// cells has what hides a value for every kind of mask. What it gives is empty where there is nothing to be shown.
var cells = map[mask.Kind]func(column, mask.Mask) string{
	mask.MaskNull:             func(column, mask.Mask) string { return "" },
	mask.MaskConstant:         func(c column, m mask.Mask) string { return c.constant(m.Constant) },
	mask.MaskHash:             func(c column, m mask.Mask) string { return c.hash(m.HashLength()) },
	mask.MaskFormatPreserving: func(c column, _ mask.Mask) string { return c.keyed(formatPreservingExpression) },
	mask.MaskEmail:            func(c column, _ mask.Mask) string { return c.written(emailExpression) },
	mask.MaskPartial:          func(c column, m mask.Mask) string { return c.partial(m.First, m.Last) },
	mask.MaskRegex:            func(c column, m mask.Mask) string { return c.regex(m) },
	mask.MaskRound:            func(c column, m mask.Mask) string { return c.round(m.Step) },
	mask.MaskTruncate:         func(c column, m mask.Mask) string { return c.truncate(m.Unit) },
	mask.MaskBucket:           func(c column, m mask.Mask) string { return c.bucket(m.Buckets) },
	mask.MaskSQL:              func(c column, m mask.Mask) string { return c.sql(m.SQL) },
}

// masked is empty where there is nothing to be shown, and for a kind that is not known here.
func (c column) masked(m entitlements.Mask) string {
	if cell := cells[m.Kind]; cell != nil {
		return cell(c, m)
	}
	return ""
}

// written puts the column's text into an expression, where it is called $text.
func (c column) written(expression string) string {
	return strings.ReplaceAll(expression, "$text", "("+c.raw+")::text")
}

// keyed does the same with the one text that stands for all values that are equal to the column's.
func (c column) keyed(expression string) string {
	text := "(" + c.raw + ")::text" // what is blank at the end of a char(n) is gone
	if c.Equality == entitlements.Folded {
		text = "lower(" + text + ` COLLATE "default")` // as citext does, whatever the column's collation
	}
	return strings.ReplaceAll(expression, "$text", text)
}

// hash is the beginning of the text's keyed hash.
func (c column) hash(digits int) string {
	return fmt.Sprintf("left(%s, %d)", c.keyed(hashExpression), digits)
}

// sql is the administrator's expression. It gives the column its type.
func (c column) sql(parts []expression.Part) string {
	q := ""
	for _, p := range parts {
		if p.Variable == expression.ThisColumn {
			q += "(" + c.raw + ")"
		} else {
			q += p.SQL
		}
	}
	return "(" + q + ")"
}
