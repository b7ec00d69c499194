package directory

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/tools/answer"
)

const (
	listTokens  = 2000 // of one page of tables, at most
	tableTokens = 6000 // of one page of a table's columns
	around      = 350  // for what stands around a page's entries
	listComment = 120  // characters of a comment in a list
)

// ErrNoPage says that there are fewer pages than that.
var ErrNoPage = errors.New("there is no such page")

// List is one page of the tables in which the search finds something; of all of them where it is empty. Pages are
// counted from 1, and 0 is the first.
func (d *Directory) List(search string, page int) (*Description, error) {
	found, err := d.search(search)
	if err != nil {
		return nil, err
	}
	entries := make([]TableSummary, len(found))
	for i, f := range found {
		entries[i] = d.summary(f)
	}
	out := &Description{Note: Note, Total: len(entries), Tables: []TableSummary{}}
	if out.Tables, err = paged(out, entries, page, listTokens-around); err != nil {
		return nil, err
	}
	switch {
	case len(entries) == 0 && search != "":
		out.More = "nothing that you may know of has all of these words in its names, comments or tags: " +
			"search for fewer or shorter ones"
	case out.Pages > 1:
		out.More = fmt.Sprintf("%d of %d tables are on this page: to find others, give search a word of their names, "+
			"columns, comments or tags, or ask for page %d%s",
			len(out.Tables), out.Total, nextPage(out), d.schemas(found))
	}
	return out, nil
}

func (d *Directory) summary(f finding) TableSummary {
	access := "granted"
	switch {
	case f.Access != nil:
	case f.Denial.Closed:
		access = "closed"
	default:
		access = "requestable"
	}
	return TableSummary{
		Name: d.dialect.SpellTable(f.Table), Description: shortened(f.Description, listComment), Access: access,
		Columns: d.dialect.SpellAll(f.columns),
	}
}

// schemas says where the tables are, if that is short.
func (d *Directory) schemas(found []finding) string {
	const most = 12
	counts, order := map[string]int{}, []string{}
	for _, f := range found {
		if counts[f.Table.Schema]++; counts[f.Table.Schema] == 1 {
			order = append(order, f.Table.Schema)
		}
	}
	if len(order) < 2 {
		return ""
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	var parts []string
	for _, s := range order[:min(most, len(order))] {
		parts = append(parts, fmt.Sprintf("%s. (%d)", d.dialect.Spell(s), counts[s]))
	}
	if len(order) > most {
		parts = append(parts, "…")
	}
	return "; they are in " + strings.Join(parts, ", ")
}

func nextPage(d *Description) int {
	if d.Page == d.Pages {
		return 1
	}
	return d.Page + 1
}

// paged parts entries into pages of so many tokens, sets Page and Pages where there are several, and returns those of
// one page. No page is empty, so an entry may have a page of its own that is larger.
func paged[T any](d *Description, entries []T, page, tokens int) ([]T, error) {
	page = max(page, 1)
	starts, room := []int{0}, tokens
	for i, e := range entries {
		encoded, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encoding an entry of a description: %w", err)
		}
		cost := answer.Tokens(encoded)
		if room -= cost; room < 0 && i > starts[len(starts)-1] {
			starts, room = append(starts, i), tokens-cost
		}
	}
	if page > len(starts) {
		return nil, fmt.Errorf("%w: the last one is %d", ErrNoPage, len(starts))
	}
	if len(starts) > 1 {
		d.Page, d.Pages = page, len(starts)
	}
	end := len(entries)
	if page < len(starts) {
		end = starts[page]
	}
	return append([]T{}, entries[starts[page-1]:end]...), nil
}

// finding is a table in which a search found something.
type finding struct {
	entitlements.Visible
	columns []string // that have one of the words in what is told of them
	rank    int      // 0: the table's name has all of the words
}
