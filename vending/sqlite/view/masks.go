package view

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/entitlements/mask"
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
			takes, err := w.takes(table, m)
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
func (w *Writer) takes(table entitlements.TableName, m entitlements.AppliedMask) (string, error) {
	when, perRow := w.fit(table, m.Policy, m.When)
	condition, _, err := w.condition(when, perRow)
	if err != nil {
		return "", fmt.Errorf("the mask of policy %q: %w", m.Policy, err)
	}
	if slices.ContainsFunc(when, func(p expression.Part) bool { return p.Variable != "" && len(p.Values) == 0 }) {
		return "CASE WHEN (\n" + condition + "\n) THEN 1 ELSE 1 END", nil // and yet SQLite reads it
	}
	return "(\n" + condition + "\n) IS NOT FALSE", nil
}

// cells has what hides a value for every kind of mask.
var cells = map[mask.Kind]func(*cell, mask.Mask) string{
	mask.MaskNull:             func(*cell, mask.Mask) string { return `NULL` },
	mask.MaskConstant:         func(c *cell, m mask.Mask) string { return constant(m.Constant, c.column.Kind) },
	mask.MaskHash:             func(c *cell, m mask.Mask) string { return c.keyed(hashOf(m.HashLength())) },
	mask.MaskFormatPreserving: func(c *cell, _ mask.Mask) string { return c.keyed(formatPreserving) },
	mask.MaskEmail:            func(c *cell, _ mask.Mask) string { return c.ofText(email) },
	mask.MaskPartial: func(c *cell, m mask.Mask) string {
		return c.ofText(func(text string) any { return partial(text, m.First, m.Last) })
	},
	mask.MaskRegex:    func(c *cell, m mask.Mask) string { return c.ofText(replacer(m)) },
	mask.MaskRound:    func(c *cell, m mask.Mask) string { return c.call(c.raw, rounder(m.Step)) },
	mask.MaskTruncate: func(c *cell, m mask.Mask) string { return c.call(c.raw, truncater(m.Unit)) },
	mask.MaskBucket:   func(c *cell, m mask.Mask) string { return c.call(c.raw, sorter(m.Buckets, c.column.Kind)) },
	mask.MaskSQL:      func(c *cell, m mask.Mask) string { return c.expression(m.SQL, c.raw) },
}

// cell is a value that is to be hidden: raw is how SQL names it.
type cell struct {
	*Writer
	column entitlements.Column
	raw    string
}

// cell hides a value of a column that the mask fits. Of a kind that is not known here, nothing is shown.
func (w *Writer) cell(m entitlements.Mask, column entitlements.Column, raw string) string {
	if hide := cells[m.Kind]; hide != nil {
		return hide(&cell{w, column, raw}, m)
	}
	return `NULL`
}

func (c *cell) call(value string, shown func(sqlite3.Value) any) string {
	c.masks.cells = append(c.masks.cells, shown)
	return sqltext.Quote(c.names.Mask) + `(` + strconv.Itoa(len(c.masks.cells)-1) + `, ` + value + `)`
}

func (c *cell) ofText(shown func(text string) any) string {
	return c.call(`CAST(`+c.raw+` AS TEXT)`, func(v sqlite3.Value) any { return shown(v.Text()) })
}

// keyed hides with the key, and the one text that stands for all values that are equal to the column's.
func (c *cell) keyed(hide func(key []byte, text string) string) string {
	return c.ofText(func(text string) any { return hide(c.masks.key, standing(c.column.Equality, text)) })
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
