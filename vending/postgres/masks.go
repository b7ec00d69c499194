package postgres

import (
	"fmt"

	"github.com/lib/pq"

	"deputy/entitlements"
)

// maskedColumn is a column as its view shows it. Every mask keeps the column's type, so that statements work as they were written.
func maskedColumn(c entitlements.ColumnAccess) string {
	name := pq.QuoteIdentifier(c.Name)
	if len(c.Masks) == 0 {
		return name
	}
	mask := c.Masks[0].Mask
	if !mask.Fits(c.Kind) {
		return "NULL::" + c.Type
	}
	expression := maskExpression(mask, name)
	if c.Kind == entitlements.Number {
		expression += "::numeric" // 1.5 is rounded for an integer column, and not refused
	}
	return "(" + expression + ")::" + c.Type
}

// maskExpression hides the values of a column that it fits. An unknown kind hides everything.
func maskExpression(m entitlements.Mask, column string) string {
	switch m.Kind {
	case entitlements.MaskConstant:
		return pq.QuoteLiteral(m.Constant)
	case entitlements.MaskHash:
		return fmt.Sprintf(hashExpression, column)
	case entitlements.MaskPartial:
		return fmt.Sprintf(partialExpression, column, m.First, m.Last)
	}
	return "NULL"
}

// The key comes from a table that only the view's owner reads, so it is in no view definition, and there is no function that
// somebody could feed guesses to.
const hashExpression = `encode(sha256((SELECT k.opad FROM deputy.keys k WHERE k.name = 'hash') || ` +
	`sha256((SELECT k.ipad FROM deputy.keys k WHERE k.name = 'hash') || convert_to(%s::text, 'UTF8'))), 'hex')`

const partialExpression = `CASE WHEN length(%[1]s::text) <= %[2]d + %[3]d THEN repeat('*', length(%[1]s::text)) ` +
	`ELSE left(%[1]s::text, %[2]d) || repeat('*', length(%[1]s::text) - %[2]d - %[3]d) || right(%[1]s::text, %[3]d) END`
