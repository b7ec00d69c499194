package directory

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	longestSearch = 200 // characters
	foundColumns  = 5   // that a list names of one table
)

// ErrSearchTooLong says that a search is longer than any name.
var ErrSearchTooLong = errors.New("the argument search is too long: give it a word or two")

// pattern is what a search looks for: words that have to be there, all of them and in any letter case, with * for any
// text.
type pattern []string

func newPattern(search string) (pattern, error) {
	if utf8.RuneCountInString(search) > longestSearch {
		return nil, ErrSearchTooLong
	}
	return strings.Fields(strings.ToLower(search)), nil
}

// in reports whether the word is in one of the texts.
func in(word string, texts ...string) bool {
	word = strings.TrimPrefix(word, "#") // as tags are written in comments
	parts := strings.Split(word, "*")
	return slices.ContainsFunc(texts, func(text string) bool {
		text = strings.ToLower(text)
		for _, part := range parts {
			_, after, found := strings.Cut(text, part)
			if !found {
				return false
			}
			text = after
		}
		return true
	})
}

// search looks at what describing each table would tell the caller, and at nothing else. Tables whose names have all of
// the words come first, then those with them in names of columns too.
func (d *Directory) search(text string) (found []finding, err error) {
	words, err := newPattern(text)
	if err != nil {
		return nil, err
	}
	for i := range d.Tables {
		f := finding{Visible: d.Tables[i]}
		if len(words) == 0 || d.matches(words, &f) {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(a.rank, b.rank) })
	return found, nil
}

func (d *Directory) matches(words pattern, f *finding) bool {
	name := []string{f.Table.String(), d.dialect.SpellTable(f.Table)}
	columns := d.told(f.Visible)
	for _, word := range words {
		rank := 3
		switch {
		case in(word, name...):
			rank = 0
		case in(word, f.Description):
			rank = 2
		}
		for _, c := range columns {
			switch {
			case in(word, c.Name, d.dialect.Spell(c.Name)):
				rank = min(rank, 1)
			case in(word, append(append(c.Tags, c.Inherited...), c.Description)...):
				rank = min(rank, 2)
			default:
				continue
			}
			if len(f.columns) < foundColumns && !slices.Contains(f.columns, c.Name) && rank > 0 {
				f.columns = append(f.columns, c.Name)
			}
		}
		if rank == 3 {
			return false
		}
		f.rank = max(f.rank, rank)
	}
	return true
}
