package view

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/sqlite/sqltext"
)

// masks are what the masks of one session compute outside of SQL. There is one function for all of them, and a view
// says which by its number: no key, pattern or range stands in a view's text.
type masks struct {
	key   []byte
	cells []func(sqlite3.Value) any // each makes what is shown of a value that is not NULL: nil, string, int64 or float64
}

// create gives the session its mask function.
func (m *masks) create(c *sqlite3.Conn, name string) error {
	err := c.CreateFunction(
		name,
		2,
		sqlite3.DETERMINISTIC|sqlite3.INNOCUOUS,
		func(ctx sqlite3.Context, arg ...sqlite3.Value) {
			if arg[1].Type() == sqlite3.NULL {
				ctx.ResultNull()
				return
			}
			switch v := m.cells[arg[0].Int()](arg[1]).(type) {
			case string:
				ctx.ResultText(v)
			case int64:
				ctx.ResultInt64(v)
			case float64:
				ctx.ResultFloat(v)
			default:
				ctx.ResultNull()
			}
		},
	)
	if err != nil {
		return fmt.Errorf("creating the mask function: %w", err)
	}
	return nil
}

// maskedColumn is a column as its view shows it: each cell is hidden by the first mask whose condition does not fail to
// hold.
func (w *Writer) maskedColumn(table entitlements.TableName, c entitlements.ColumnAccess) (string, error) {
	if len(c.Masks) == 0 {
		return sqltext.Quote(c.Name), nil
	}
	// Named in full, so that nothing inside an expression can stand for it.
	raw := sqltext.Quote(w.names.File) + `.` + sqltext.Quote(table.Name) + `.` + sqltext.Quote(c.Name)
	chain := `CASE`
	for i, m := range c.Masks {
		cell := `NULL` // also for masks that do not fit or that this engine does not know
		if m.Fits(c.Column) {
			cell = w.cell(m.Mask, c.Column, raw)
		}
		switch {
		case len(m.When) > 0:
			takes, err := w.takes(m)
			if err != nil {
				return "", err
			}
			chain += ` WHEN ` + takes + ` THEN ` + cell
		case i == 0:
			return cell, nil
		default:
			return chain + ` ELSE ` + cell + ` END`, nil
		}
	}
	if slices.ContainsFunc(
		c.Masks,
		func(m entitlements.AppliedMask) bool { return m.Kind == entitlements.MaskBucket && m.Fits(c.Column) },
	) {
		raw = `CAST(` + raw + ` AS TEXT)` // like the names of the ranges
	}
	return chain + ` ELSE ` + raw + ` END`, nil
}

// takes is true where the condition holds or may hold. One that lacks a value may hold anywhere.
func (w *Writer) takes(m entitlements.AppliedMask) (string, error) {
	condition, _, err := w.condition(m.When)
	if err != nil {
		return "", fmt.Errorf("the mask of policy %q: %w", m.Policy, err)
	}
	if slices.ContainsFunc(m.When, func(p expression.Part) bool { return p.Variable != "" && len(p.Values) == 0 }) {
		return "CASE WHEN (\n" + condition + "\n) THEN 1 ELSE 1 END", nil // and yet SQLite reads it
	}
	return "(\n" + condition + "\n) IS NOT FALSE", nil
}

// cell hides a value of a column that the mask fits.
func (w *Writer) cell(m entitlements.Mask, column entitlements.Column, raw string) string {
	call := func(value string, cell func(sqlite3.Value) any) string {
		w.masks.cells = append(w.masks.cells, cell)
		return sqltext.Quote(w.names.Mask) + `(` + strconv.Itoa(len(w.masks.cells)-1) + `, ` + value + `)`
	}
	ofText := func(cell func(text string) any) string {
		return call(`CAST(`+raw+` AS TEXT)`, func(v sqlite3.Value) any { return cell(v.Text()) })
	}
	switch m.Kind {
	case entitlements.MaskConstant:
		return constant(m.Constant, column.Kind)
	case entitlements.MaskHash:
		return ofText(func(text string) any { return hash(w.masks.key, standing(column.Equality, text)) })
	case entitlements.MaskFormatPreserving:
		return ofText(func(text string) any { return formatPreserving(w.masks.key, standing(column.Equality, text)) })
	case entitlements.MaskEmail:
		return ofText(email)
	case entitlements.MaskPartial:
		return ofText(func(text string) any { return partial(text, m.First, m.Last) })
	case entitlements.MaskRegex:
		return ofText(replacer(m))
	case entitlements.MaskRound:
		return call(raw, rounder(m.Step))
	case entitlements.MaskTruncate:
		return call(raw, truncater(m.Unit))
	case entitlements.MaskBucket:
		return call(raw, sorter(m.Buckets, column.Kind))
	case entitlements.MaskSQL:
		return w.expression(m.SQL, raw)
	}
	return `NULL`
}

// expression is what the administrator wrote. It gives the column its type.
func (w *Writer) expression(parts []expression.Part, raw string) string {
	sql := "(\n"
	for _, p := range parts {
		if p.Variable == expression.ThisColumn {
			sql += `(` + raw + `)`
		} else {
			sql += w.pointAtFile(p.SQL)
		}
	}
	return sql + "\n)"
}

// constant is a literal of the column's kind; the mask fits it.
func constant(value string, kind entitlements.Kind) string {
	switch kind {
	case entitlements.Number:
		return `CAST(` + sqltext.Literal(value) + ` AS NUMERIC)`
	case entitlements.Boolean:
		return `(` + sqltext.Literal(value) + ` = 'true')`
	}
	return sqltext.Literal(value)
}
