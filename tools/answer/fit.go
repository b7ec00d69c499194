package answer

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"deputy/vending"
)

const (
	// Tokens that the sentences about what is cut take at most.
	aboutCuts = 120
	// Notices may take a fourth of an answer.
	noticesShare = 4
	// One cell may take an eighth of what is left for rows, where there are several.
	cellShare = 8
	// A cell that is cut keeps at least so many tokens.
	shortestCell = 8
)

// Fit cuts an answer to what a context window has room for: as many rows as neither copy has more than so many tokens.
// A row is never parted; where not all fits, a long cell is, and then ends in a mark with its length. What is cut is
// said in Cut and in the notices; where the reading ended before the statement did, Truncated and Cut say so before.
// The rows are encoded then. Where not even one row fits, the error is vending.ErrRowTooLarge.
func (a *Answer) Fit(tokens int) error {
	a.fewerNotices(tokens / noticesShare)
	room := tokens - a.around() - aboutCuts
	f := fit(a.Rows, room, room)
	if len(f.rows) < len(a.Rows) || f.cells > 0 {
		most := room
		if len(a.Rows) > 1 {
			most /= cellShare
		}
		f = fit(a.Rows, room, most)
	}
	whole := *a
	for len(f.rows) > 0 || len(whole.Rows) == 0 {
		a.Rows, a.RowCount, a.made = f.rows, len(f.rows), f.made
		a.sayCuts(whole, f.cells)
		if within(a.Structured(), tokens) && within(a.Text(), tokens) {
			return nil
		}
		if f.before == nil {
			break
		}
		f = f.before // what stands side by side can take a token more than each of it alone
	}
	return vending.ErrRowTooLarge
}

// around is what the larger copy takes without its rows, in tokens.
func (a *Answer) around() int {
	empty := *a
	empty.Rows, empty.made = nil, copies{structured: []byte{}}
	return max(Tokens(empty.Structured()), Tokens(empty.Text()))
}

// fewerNotices keeps as many notices as fit.
func (a *Answer) fewerNotices(tokens int) {
	for i, notice := range a.Notices {
		if tokens -= Tokens(notice) + Tokens("Notice: "); tokens < 0 {
			left := len(a.Notices) - i
			a.Notices = append(a.Notices[:i:i], Count(left, "more notice")+
				": describe_table says of each table what is masked, and which rows are left out")
			return
		}
	}
}

// fitting is rows of which both copies fit into so much room.
type fitting struct {
	room  int // tokens
	made  copies
	rows  [][]any
	cells int // that were cut

	spent, counted [2]int   // tokens of each copy, and bytes of it that are in spent
	before         *fitting // without the last row; nil: there is none
}

// fit takes rows as long as they fit. No cell takes more than so many tokens; where the first row does not fit, its
// cells are cut until it does.
func fit(rows [][]any, room, most int) *fitting {
	f := &fitting{room: room, rows: make([][]any, 0, len(rows)), made: copies{structured: []byte{}}}
	for _, row := range rows {
		for !f.add(row, most) {
			if len(f.rows) > 0 || most <= shortestCell {
				return f
			}
			most = max(most*7/8, shortestCell)
		}
	}
	return f
}

// add takes a row if it fits.
func (f *fitting) add(row []any, most int) bool {
	before := *f
	shown, cut := shorten(row, most)
	f.made.add(shown)
	if f.spend(0, f.made.structured) > f.room || f.spend(1, f.made.text) > f.room {
		*f = before
		return false
	}
	f.rows, f.cells, f.before = append(f.rows, shown), f.cells+cut, &before
	return true
}

// spend is what a copy takes so far. Its tokens are only counted where its bytes are more than there is room for.
func (f *fitting) spend(i int, made []byte) int {
	if len(made) > f.room {
		f.spent[i] += Tokens(made[f.counted[i]:])
		f.counted[i] = len(made)
	}
	return f.spent[i]
}

func within[T []byte | string](made T, tokens int) bool {
	return len(made) <= tokens || Tokens(made) <= tokens
}

// shorten cuts the texts of a row that take more than so many tokens.
func shorten(row []any, most int) (_ []any, cut int) {
	shown := row
	for i, value := range row {
		s, ok := value.(string)
		if !ok || len(s) <= most { // no text takes more tokens than it has bytes
			continue
		}
		end := prefix(s, most)
		if end == len(s) {
			continue
		}
		if cut == 0 {
			shown = append([]any{}, row...)
		}
		cut++
		shown[i] = s[:end] + "…[cut, " + strconv.Itoa(utf8.RuneCountInString(s)) + " characters]"
	}
	return shown, cut
}

// prefix is how many bytes of a text take no more than so many tokens; it ends between characters.
func prefix(s string, most int) int {
	for i := 0; i < len(s); {
		k, end := part(s, i)
		took := cost(s[i:end], k)
		if took > most { // a long part is cut within: no byte takes more than a token
			end = min(end, i+max(most, 0))
			for end > i && end < len(s) && !utf8.RuneStart(s[end]) {
				end--
			}
			return end
		}
		most -= took
		i = end
	}
	return len(s)
}

// sayCuts says what is left out of the whole, which limit cut it, and how to go on.
func (a *Answer) sayCuts(whole Answer, cells int) {
	left := len(a.Rows) < len(whole.Rows)
	a.Truncated, a.Cut, a.Notices = whole.Truncated || left, nil, slices.Clip(whole.Notices)
	switch {
	case left || !whole.Truncated && cells > 0:
		a.Cut = &Cut{By: ByTokens}
	case whole.Cut != nil:
		a.Cut = &Cut{By: whole.Cut.By}
	default:
		return
	}
	a.Cut.RowsRead, a.Cut.Cells = len(whole.Rows), cells
	if a.Truncated {
		a.Notices = append(a.Notices, a.aboutRows(whole.Truncated))
	}
	if cells > 0 {
		a.Notices = append(a.Notices, Count(cells, "cell")+
			" cut where …[cut, N characters] stands: ask for a part of such a value, or for fewer columns")
	}
}

func (a *Answer) aboutRows(more bool) string {
	said := fmt.Sprintf("only the first %d rows are shown, of %d read", len(a.Rows), a.Cut.RowsRead)
	if len(a.Rows) == 1 {
		said = fmt.Sprintf("only the first row is shown, of %d read", a.Cut.RowsRead)
	}
	if more {
		said += ", and there are more"
	}
	return said + fmt.Sprintf(": the limit is %s. Filter or aggregate in SQL, or ask for fewer columns; "+
		"where ORDER BY is unique, OFFSET %d goes on", a.Cut.By, len(a.Rows))
}
