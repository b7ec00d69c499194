package refusals

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is answered now into docs/refusals.md")

var pageFile = filepath.Join("..", "..", "docs", "refusals.md")

// header is that of the tables that are played.
var header = []string{"asked", "on", "code", "says", "what to do"}

// row is one call of the page and what is answered.
type row struct {
	line  int // in the page, from 0
	asked string
	on    string
	said  said
}

// said is what a model is told. The code is "answered" where the call is not refused.
type said struct{ code, message, hint string }

// page is docs/refusals.md.
type page struct {
	lines []string
	rows  []row
}

func readPage(t *testing.T) *page {
	t.Helper()
	content, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{lines: strings.Split(string(content), "\n")}
	played := false
	for i, line := range p.lines {
		if !strings.HasPrefix(line, "|") {
			played = false
			continue
		}
		cells := cellsOf(line)
		switch {
		case slices.Equal(cells, header):
			played = true
		case played && !strings.HasPrefix(line, "|---"):
			if len(cells) != len(header) {
				t.Fatalf("%s:%d: the row has %d cells and not %d", pageFile, i+1, len(cells), len(header))
			}
			asked := strings.TrimSuffix(strings.TrimPrefix(cells[0], "`"), "`")
			p.rows = append(p.rows, row{i, asked, cells[1], said{strings.Trim(cells[2], "`"), cells[3], cells[4]}})
		}
	}
	return p
}

// bar is how a cell writes "|".
const bar = `\|`

func cellsOf(line string) (cells []string) {
	const kept = "\x00"
	inside := strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(line, bar, kept), "|"), "|")
	for cell := range strings.SplitSeq(inside, "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), kept, "|"))
	}
	return cells
}

// write puts what was said into the row's line.
func (p *page) write(r row, s said) {
	cells := []string{"`" + r.asked + "`", r.on, "`" + s.code + "`", s.message, s.hint}
	if !strings.HasPrefix(cellsOf(p.lines[r.line])[0], "`") {
		cells[0] = r.asked
	}
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", bar)
	}
	p.lines[r.line] = "| " + strings.Join(cells, " | ") + " |"
}

func (p *page) save(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(pageFile, []byte(strings.Join(p.lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// varying is what differs from one run to the next: ids of requests, and the dates at which they end.
var varying = regexp.MustCompile(`req_[0-9a-z]+|\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// plain is what was said as the page has it.
func (s said) plain() said {
	s.message = strings.ReplaceAll(varying.ReplaceAllString(s.message, "…"), "\n", " ")
	s.hint = strings.ReplaceAll(varying.ReplaceAllString(s.hint, "…"), "\n", " ")
	return s
}
