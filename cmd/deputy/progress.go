package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// progress shows how far a longer work is: a bar on a terminal, a line for each step elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	all      int
	done     int
}

func newProgress(out io.Writer, all int) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, all: all, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

const barWidth = 30

// step says what is being worked at now. What is shown comes out of a database: %q keeps terminal codes in it from
// working.
func (p *progress) step(what string) {
	if p.terminal {
		filled := barWidth * p.done / max(p.all, 1)
		fmt.Fprintf(
			p.out,
			"\r\x1b[K[%s%s] %d/%d %.60q",
			strings.Repeat("#", filled),
			strings.Repeat(".", barWidth-filled),
			p.done,
			p.all,
			what,
		)
	} else {
		fmt.Fprintf(p.out, "%d/%d %q\n", p.done+1, p.all, what)
	}
	p.done++
}

// end clears the bar.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
