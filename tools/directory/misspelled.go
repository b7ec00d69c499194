package directory

import (
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/vending"
)

// Misspelled says how to write the names in a refused statement that mean nothing as they stand there and would mean a
// table or a column that the caller may know of in another letter case or in quotes; empty: there are none. It knows
// the statement and the directory, so that it says the same whatever is hidden.
func (d *Directory) Misspelled(sql string) string {
	m := mentions{d, sql, d.dialect.Words(sql)}
	var write []string
	var meant []entitlements.Visible
	for _, v := range d.Tables {
		wrong, right := m.table(v.Table)
		if wrong && !right {
			write = append(write, d.dialect.SpellTable(v.Table))
		}
		if wrong || right {
			meant = append(meant, v)
		}
	}
	for _, c := range m.columns(meant) {
		if spelled := d.dialect.Spell(c); !slices.Contains(write, spelled) {
			write = append(write, spelled)
		}
	}
	const most = 5
	if len(write) == 0 {
		return ""
	}
	return "write " + strings.Join(write[:min(most, len(write))], ", ") +
		": names with capitals, of reserved words or with other characters stand in double quotes"
}

// mentions are the names that stand in a statement.
type mentions struct {
	*Directory
	sql   string
	words []vending.Word
}

// table reports whether the statement mentions the table so that it does not mean it, and so that it does.
func (m mentions) table(t entitlements.TableName) (wrong, right bool) {
	schema, name := m.dialect.Fold(t.Schema), m.dialect.Fold(t.Name)
	for i, w := range m.words {
		if !strings.EqualFold(w.Name, name) || w.Qualifier != "" && !strings.EqualFold(w.Qualifier, schema) ||
			w.Qualifier == "" && !m.behindFrom(i) {
			continue
		}
		if w.Name == name && (w.Qualifier == "" || w.Qualifier == schema) && (w.Qualifier != "" || m.taken(w, t.Name)) {
			right = true
		} else if !m.isTable(w) {
			wrong = true
		}
	}
	return wrong, right
}

// behindFrom reports whether the word stands where a statement names a table.
func (m mentions) behindFrom(i int) bool {
	return i > 0 && slices.Contains([]string{"from", "join", "only", "table"}, m.words[i-1].Name)
}

// taken reports whether a word is taken for a name where it stands: a reserved word has to be in quotes.
func (m mentions) taken(w vending.Word, name string) bool {
	return m.dialect.Bare == nil || m.dialect.Bare(name) || !strings.EqualFold(m.sql[w.Start:w.End], name)
}

// isTable reports whether a word means a table as it is written.
func (m mentions) isTable(w vending.Word) bool {
	return slices.ContainsFunc(m.Tables, func(v entitlements.Visible) bool {
		return m.dialect.Fold(v.Table.Name) == w.Name && m.taken(w, v.Table.Name) &&
			(w.Qualifier == "" || w.Qualifier == m.dialect.Fold(v.Table.Schema))
	})
}

// columns are those of the tables that the statement names in another letter case, and that no column of them has.
func (m mentions) columns(of []entitlements.Visible) (names []string) {
	var known []string
	for _, v := range of {
		known = append(known, m.Directory.columns(v)...)
	}
	for _, c := range known {
		folded := m.dialect.Fold(c)
		if slices.ContainsFunc(m.words, func(w vending.Word) bool {
			return w.Name != folded && strings.EqualFold(w.Name, folded) &&
				!slices.ContainsFunc(known, func(other string) bool { return m.dialect.Fold(other) == w.Name })
		}) {
			names = append(names, c)
		}
	}
	return names
}
