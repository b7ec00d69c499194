package directory

import (
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/vending"
)

const (
	tableComment  = 1000 // characters of a table's comment
	columnComment = 300  // characters of a column's
	mostLabels    = 50   // of one enum
	mostKeys      = 50   // foreign keys of one table
)

// Describe describes a table that the directory has: one page of the columns in which the search finds something; of
// all of them where it is empty.
func (d *Directory) Describe(v entitlements.Visible, search string, page int) (*Description, error) {
	words, err := newPattern(search)
	if err != nil {
		return nil, err
	}
	out := &Description{
		Note:        Note,
		Table:       d.dialect.SpellTable(v.Table),
		Description: shortened(v.Description, tableComment),
		RowFilter:   []string{},
		Requestable: v.Access == nil,
	}
	columns := slices.DeleteFunc(d.told(v), func(c told) bool {
		return slices.ContainsFunc(words, func(word string) bool {
			return !in(word, append(append(c.Tags, c.Inherited...), c.Description, c.Name, d.dialect.Spell(c.Name))...)
		})
	})
	infos := make([]ColumnInfo, len(columns))
	for i, c := range columns {
		infos[i] = d.info(c)
	}
	if v.Access != nil {
		out.RowFilter = append(out.RowFilter, v.Access.FilterPolicies()...)
		out.Rows = d.rows(*v.Access)
	}
	d.keys(out, v)
	if out.Columns, err = paged(out, infos, page, tableTokens-around); err != nil {
		return nil, err
	}
	if out.Pages > 1 {
		out.Total = len(infos)
		out.More = fmt.Sprintf("%d of %d columns are on this page: ask for page %d, "+
			"or give search a word of their names, comments or tags", len(out.Columns), out.Total, nextPage(out))
	}
	out.Masks = legend(out.Columns)
	return out, nil
}

// told is a column as the caller is told of it: of one that cannot be read there are no tags.
type told struct {
	entitlements.ColumnAccess
	closed bool
}

func (d *Directory) told(v entitlements.Visible) (out []told) {
	if v.Access != nil {
		for _, c := range v.Access.Columns {
			c.Tags, c.Inherited = slices.Clone(c.Tags), slices.Clone(c.Inherited)
			out = append(out, told{ColumnAccess: c})
		}
		return out
	}
	for _, name := range d.columns(v) {
		facts := d.facts[v.Table].Columns
		i := slices.IndexFunc(facts, func(c entitlements.Column) bool { return c.Name == name })
		c := facts[i]
		c.Tags = nil
		out = append(out, told{entitlements.ColumnAccess{Column: c}, true})
	}
	return out
}

func (d *Directory) info(c told) ColumnInfo {
	out := ColumnInfo{
		Name: d.dialect.Spell(c.Name), Type: c.Type, Description: shortened(c.Description, columnComment),
		Tags: c.Tags, Inherited: c.Inherited, Access: "clear",
	}
	switch typed, known := d.Engine.(vending.Typed); {
	case c.closed:
		out.Access = "none"
	case len(c.Masks) > 0:
		out.Access, out.MaskedBy = "masked", c.Masks[0].Policy
		var where string
		out.kinds, where = kinds(c.Masks)
		out.Mask = inWords(out.kinds, where)
		_, joins := c.Masks[0].Kind.Compares()
		joins = joins && len(out.kinds) == 1 && where == ""
		out.Joins = &joins
		if known {
			out.Type = shownType(typed, c.ColumnAccess)
		}
	}
	if showsValues(c) {
		out.Labels = c.Labels[:min(mostLabels, len(c.Labels))]
		out.LabelsLeft = len(c.Labels) - len(out.Labels)
	}
	return out
}

func shownType(typed vending.Typed, c entitlements.ColumnAccess) string {
	if shown := typed.ShownType(c); shown != "" {
		return shown
	}
	return c.Type // what an expression gives is known when it is run
}

// showsValues reports whether the column can show a value as it is to the caller. Labels are of no use where it cannot,
// and a mask may be there to hide which there are.
func showsValues(c told) bool {
	return !c.closed && !slices.ContainsFunc(c.Masks, func(m entitlements.AppliedMask) bool { return len(m.When) == 0 })
}

// kinds are those of the masks of a column, each once; where says whether only some rows have them.
func kinds(masks []entitlements.AppliedMask) (of []entitlements.MaskKind, where string) {
	for _, m := range masks {
		if len(m.When) > 0 {
			where = " in some rows"
		}
		if !slices.Contains(of, m.Kind) {
			of = append(of, m.Kind)
		}
	}
	return of, where
}

func inWords(kinds []entitlements.MaskKind, where string) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, " or ") + where
}

// legend says what each kind of mask in the columns leaves to be compared.
func legend(columns []ColumnInfo) map[string]string {
	out := map[string]string{}
	for _, c := range columns {
		for _, kind := range c.kinds {
			out[string(kind)], _ = kind.Compares()
		}
	}
	return out
}

// rows estimates how many rows the caller would count. Where a policy limits them, how many there are is hidden.
func (d *Directory) rows(a entitlements.Access) *int64 {
	sized, known := d.Engine.(vending.Sized)
	if !known || len(a.Filters) > 0 {
		return nil
	}
	rows, known := sized.Rows(a.Table)
	if !known {
		return nil
	}
	return &rows
}

// keys puts in the primary key, and the foreign keys of which the caller may know both ends.
func (d *Directory) keys(out *Description, v entitlements.Visible) {
	facts := d.facts[v.Table]
	if facts == nil {
		return
	}
	out.Kind = string(facts.Kind)
	known := d.columns(v)
	all := func(columns, of []string) bool {
		return !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(of, c) })
	}
	if all(facts.Key, known) && len(facts.Key) > 0 {
		out.PrimaryKey = d.dialect.SpellAll(facts.Key)
	}
	for _, k := range facts.ForeignKeys {
		to := d.visible[k.Table]
		if to == nil || !all(k.Columns, known) || !all(k.References, d.columns(*to)) ||
			len(out.ForeignKeys) == mostKeys {
			continue
		}
		out.ForeignKeys = append(out.ForeignKeys, fmt.Sprintf("(%s) references %s (%s)",
			strings.Join(d.dialect.SpellAll(k.Columns), ", "),
			d.dialect.SpellTable(k.Table),
			strings.Join(d.dialect.SpellAll(k.References), ", ")))
	}
}
