package entitlements

import "deputy/entitlements/selector"

import "slices"

// Tags returns the tags of a table, and those of one of its columns, wherever they come from.
func (e *Entitlements) Tags(name ColumnName) (ofTable, ofColumn []string) {
	t := e.tables[name.TableName]
	if t == nil {
		return nil, nil
	}
	if c := t.column(name.Column); c != nil {
		ofColumn = slices.Clone(c.tags)
	}
	return slices.Clone(t.tags), ofColumn
}

// Related reports whether one of the tags is the other, or above it: PII and PII.SSN are, PII.Email and PII.SSN are
// not.
func Related(a, b string) bool { return selector.Below(a, b) || selector.Below(b, a) }
