package report

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
		p := NewProgress(&out, 2)
		p.Terminal = c.terminal
		p.Step("sales.orders")
		p.Step("evil\x1b[2J\r")
		p.End()
		if out.String() != c.want {
			t.Errorf("it shows %q, not %q", out.String(), c.want)
		}
	}
}
