package main

import (
	"strings"
	"testing"
)

func TestProgressIsABarOnATerminalAndLinesElsewhere(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		want     string
	}{
		{false, "1/2 \"sales.orders\"\n2/2 \"evil\\x1b[2J\\r\"\n"},
		{true, "\r\x1b[K[..............................] 0/2 \"sales.orders\"\r\x1b[K[###############...............] 1/2 \"evil\\x1b[2J\\r\"\r\x1b[K"},
	} {
		var out strings.Builder
		p := newProgress(&out, 2)
		p.terminal = c.terminal
		p.step("sales.orders")
		p.step("evil\x1b[2J\r")
		p.end()
		if out.String() != c.want {
			t.Errorf("it shows %q, not %q", out.String(), c.want)
		}
	}
}
