package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
)

// ErrNotThere says that no table or column that the caller may know of has the name.
var ErrNotThere = errors.New("the name is not there")

// AmbiguousError says that a name is of several things that the caller may know of.
type AmbiguousError struct{ Spelled []string }

func (e *AmbiguousError) Error() string {
	const most = 10
	count, names := fmt.Sprint(len(e.Spelled)), strings.Join(e.Spelled, ", ")
	if len(e.Spelled) == 2 {
		count = "two"
	}
	if len(e.Spelled) > most {
		names = strings.Join(e.Spelled[:most], ", ") + ", …"
	}
	return fmt.Sprintf("that name is of %s: write one of %s", count, names)
}

// name is what something is called: a table's schema and name, or a column's name alone.
type name []string

// Find finds a table by its name: as SQL takes it or as it is, with the schema or without, behind the platform's name
// or not, and in any letter case where only one table is meant. How a list spells a table always means that table.
func (d *Directory) Find(text string) (entitlements.Visible, error) {
	names := make([]name, len(d.Tables))
	for i, v := range d.Tables {
		names[i] = name{v.Table.Schema, v.Table.Name}
	}
	i, err := d.find(text, names)
	if err != nil {
		return entitlements.Visible{}, err
	}
	return d.Tables[i], nil
}

// Column finds a column of the table in the same way, and returns its name.
func (d *Directory) Column(v entitlements.Visible, text string) (string, error) {
	columns := d.columns(v)
	names := make([]name, len(columns))
	for i, c := range columns {
		names[i] = name{c}
	}
	i, err := d.find(text, names)
	if errors.Is(err, ErrNotThere) { // with its table's name in front of it
		for i := range columns {
			names[i] = name{v.Table.Schema, v.Table.Name, columns[i]}
		}
		i, err = d.find(text, names)
	}
	if err != nil {
		return "", err
	}
	return columns[i], nil
}

// find returns which of the names is meant. How well a text fits comes first: spelled as lists spell it, then letter by
// letter, as SQL or as it is, then in another case.
func (d *Directory) find(text string, names []name) (int, error) {
	for _, fits := range []func(name) bool{
		func(n name) bool { return d.spell(n) == strings.TrimSpace(text) },
		func(n name) bool { return d.means(text, n, func(a, b string) bool { return a == b }) },
		func(n name) bool { return d.means(text, n, strings.EqualFold) },
	} {
		var found []int
		for i, n := range names {
			if fits(n) {
				found = append(found, i)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		}
		e := &AmbiguousError{}
		for _, i := range found {
			e.Spelled = append(e.Spelled, d.spell(names[i]))
		}
		return 0, e
	}
	return 0, ErrNotThere
}

// means reports whether the text may stand for the name, or for the end of it.
func (d *Directory) means(text string, n name, same func(a, b string) bool) bool {
	for i := range n {
		plain := strings.Join(n[i:], ".")
		if same(plain, text) || same(plain, strings.TrimSpace(text)) {
			return true
		}
	}
	parts := d.dialect.ParseName(text)
	if len(parts) == len(n)+1 && strings.EqualFold(parts[0], d.Platform) {
		parts = parts[1:]
	}
	if len(parts) == 0 || len(parts) > len(n) {
		return false
	}
	return slices.EqualFunc(parts, n[len(n)-len(parts):], func(part, of string) bool {
		return same(part, d.dialect.Fold(of))
	})
}

func (d *Directory) spell(n name) string { return strings.Join(d.dialect.SpellAll(n), ".") }
