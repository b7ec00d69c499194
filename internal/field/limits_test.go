package field

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"deputy/tools"
)

// limit is one row of docs/limits.md, for one kind of lines: an answer that is not the database's own and is right all
// the same, because the page says so.
type limit struct {
	kind  string
	id    string // of the one line that is answered so; empty: any
	code  string // of the refusal; "answered" where there is none
	words string // what the refusal or the rows must say; "…" stands for anything
}

// limits are those of the page, and which of them a line has met.
var limits = struct {
	all []limit
	met map[limit]bool
}{met: map[limit]bool{}}

var limitsFile = filepath.Join("..", "..", "docs", "limits.md")

// readLimits takes the tables of the page whose header names the columns "code", "says" and "played as".
func readLimits() error {
	content, err := os.ReadFile(limitsFile)
	if err != nil {
		return err
	}
	var header []string
	for row := range strings.Lines(string(content)) {
		row = strings.TrimSpace(row)
		inside, isTable := strings.CutPrefix(row, "|")
		if !isTable {
			header = nil
			continue
		}
		cells := strings.Split(strings.TrimSuffix(inside, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case header == nil:
			header = cells
			continue
		case !slices.Contains(header, "played as") || strings.HasPrefix(cells[0], "---"):
			continue
		case len(cells) != len(header):
			return fmt.Errorf("%s: a row of another length than its header: %s", limitsFile, row)
		}
		cell := func(name string) string { return strings.Trim(cells[slices.Index(header, name)], "`") }
		for kind := range strings.SplitSeq(cell("played as"), ", ") {
			kind, id, _ := strings.Cut(kind, "/")
			limits.all = append(limits.all, limit{kind, id, cell("code"), cell("says")})
		}
	}
	if limits.all == nil {
		return fmt.Errorf("%s names no limit with the kind of line that it is played as", limitsFile)
	}
	return nil
}

// limited reports whether the page says that a line is answered so.
func limited(kind, id string, got *tools.QueryResult, err error) bool {
	code, text := "answered", ""
	var refusal *tools.Refusal
	switch {
	case errors.As(err, &refusal):
		code, text = string(refusal.Code), refusal.Message
	case err != nil:
		return false
	default:
		rows, _ := json.Marshal(got.Rows)
		text = string(rows)
	}
	found := false
	for _, l := range limits.all {
		if l.kind == kind && (l.id == "" || l.id == id) && l.code == code && l.says(text) {
			found, limits.met[l] = true, true
		}
	}
	return found
}

func (l limit) says(text string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(l.words), "…", ".*")
	return regexp.MustCompile("(?s)" + pattern).MatchString(text)
}

// unmetLimits are rows of the page that no line meets, of the kinds all of whose lines were played.
func unmetLimits() (unmet []string, err error) {
	for _, l := range limits.all {
		lines, err := countLines(l.kind)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s is played as %q: %w", limitsFile, l.kind, err)
		case l.words == "":
			unmet = append(unmet, fmt.Sprintf("%s: a row of %s does not tell what the refusal says", limitsFile, l.kind))
		case results.all[l.kind] == lines && !limits.met[l]:
			row := fmt.Sprintf("%s: no line of %s is answered with %s %q", limitsFile, l.kind, l.code, l.words)
			unmet = append(unmet, row)
		}
	}
	return unmet, nil
}

// countLines is how many lines a kind has.
func countLines(kind string) (int, error) {
	content, err := os.ReadFile(filepath.Join("testdata", "suites", kind+".jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		content, err = os.ReadFile(filepath.Join("testdata", "failing", kind+".jsonl"))
	}
	return len(slices.Collect(strings.Lines(string(content)))), err
}
