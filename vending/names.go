package vending

import (
	"slices"

	"deputy/entitlements"
)

// Spell writes a name as a statement takes it: as it is where that means the name and nothing else, and in quotes
// otherwise. No two names are spelled alike.
func (d Dialect) Spell(name string) string {
	if d.Bare != nil && d.Bare(name) {
		return name
	}
	return d.Quote(name)
}

// SpellTable spells a table's name with its schema.
func (d Dialect) SpellTable(t entitlements.TableName) string {
	return d.Spell(t.Schema) + "." + d.Spell(t.Name)
}

// SpellColumn spells a column's name with its table's.
func (d Dialect) SpellColumn(t entitlements.TableName, column string) string {
	return d.SpellTable(t) + "." + d.Spell(column)
}

// SpellAll spells each of the names.
func (d Dialect) SpellAll(names []string) (out []string) {
	for _, name := range names {
		out = append(out, d.Spell(name))
	}
	return out
}

// ParseName reads a text that is nothing but a name, qualified or not, and returns its parts as the engine folds them;
// nil: it is something else. A reserved word without quotes counts as a name: what else could be meant by it?
func (d Dialect) ParseName(text string) (parts []string) {
	tokens := slices.DeleteFunc(d.tokens(text), func(t token) bool { return t.kind == tokenComment })
	for i, t := range tokens {
		if i%2 == 0 && t.kind != tokenName || i%2 == 1 && t.kind != tokenDot {
			return nil
		}
		if t.kind == tokenName {
			parts = append(parts, t.name)
		}
	}
	if len(tokens)%2 == 0 {
		return nil
	}
	return parts
}
