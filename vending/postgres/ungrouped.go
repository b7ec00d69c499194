package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/vending"
	"deputy/vending/postgres/sqltext"
	"deputy/vending/postgres/wayout"
)

// ungroupedAtOnce is how many columns that GROUP BY lacks are looked for.
const ungroupedAtOnce = 20

// allUngrouped names every column that is to be added to GROUP BY. PostgreSQL names the first alone, so each is put
// into an aggregate of the same type and the statement is prepared once more, until it misses none.
func (d *diagnosis) allUngrouped(ctx context.Context, err error) error {
	message := d.ownWords(err)
	var names []string
	with, end := maps.Clone(d.marks), ""
	for wayout.Ungrouped(err) {
		name := sqltext.Dialect.NameAt(d.asked, d.position(err))
		words := d.columnWords(d.placeInText(err))
		if len(words) == 0 || len(names) == ungroupedAtOnce {
			end = ", and every other column outside of an aggregate"
			break
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		first, last := words[0], words[len(words)-1]
		with[first.Start] = "mode() WITHIN GROUP (ORDER BY " + d.text.SQL[first.Start:first.End]
		if len(words) == 1 {
			with[first.Start] += ")"
		} else {
			with[last.Start] = d.text.SQL[last.Start:last.End] + ")"
		}
		tried := d.try(ctx, with)
		if tried != nil && state(tried) == "" {
			return d.statementError(ctx, tried)
		}
		err = tried
	}
	if len(names) == 0 {
		names, end = []string{"every column that * stands for"}, ""
	}
	message += fmt.Sprintf(": add to GROUP BY: %s%s", strings.Join(names, ", "), end)
	return &vending.Error{
		Code: vending.InvalidSQL, Message: message + "; here a primary key does not stand for the other columns",
	}
}

// columnWords are the words of the column's name that begins at a place in the text; none where it is a star.
func (d *diagnosis) columnWords(place int) (words []vending.Word) {
	i := slices.IndexFunc(d.words, func(w vending.Word) bool {
		return w.Name != "" && len([]rune(d.text.SQL[:w.Start]))+1 == place
	})
	for ; i >= 0 && i < len(d.words); i++ {
		switch words = append(words, d.words[i]); d.words[i].Dotted {
		case "":
			return words
		case ".":
		default:
			return nil
		}
	}
	return nil
}
