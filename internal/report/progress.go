package report

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Progress shows how far a longer work is: a bar on a terminal, a line for each step elsewhere.
type Progress struct {
	out      io.Writer
	Terminal bool
	All      int // how many steps there are
	Done     int // how many of them are done
}

// NewProgress is that of so many steps.
func NewProgress(out io.Writer, all int) *Progress {
	f, ok := out.(*os.File)
	return &Progress{out: out, All: all, Terminal: ok && term.IsTerminal(int(f.Fd()))}
}

const barWidth = 30

// Step says what is being worked at now. What is shown comes out of a database: %q keeps terminal codes in it from
// working.
func (p *Progress) Step(what string) {
	if p.Terminal {
		filled := barWidth * p.Done / max(p.All, 1)
		fmt.Fprintf(
			p.out,
			"\r\x1b[K[%s%s] %d/%d %.60q",
			strings.Repeat("#", filled),
			strings.Repeat(".", barWidth-filled),
			p.Done,
			p.All,
			what,
		)
	} else {
		fmt.Fprintf(p.out, "%d/%d %q\n", p.Done+1, p.All, what)
	}
	p.Done++
}

// End clears the bar.
func (p *Progress) End() {
	if p.Terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
