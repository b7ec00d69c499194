package admin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"deputy/internal/admin"
)

func TestExit(t *testing.T) {
	broken, over := errors.New("broken"), fmt.Errorf("asking: %w", context.Canceled)
	for name, tt := range map[string]struct {
		err                error
		signalled, endless bool
		code               int
		says               string
	}{
		"well":                              {nil, false, false, 0, ""},
		"well, while a signal came":         {nil, true, false, 0, ""},
		"failed":                            {broken, false, false, 1, "broken"},
		"failed, while a signal came":       {broken, true, true, 1, "broken"},
		"a wrong command line":              {admin.Usage(broken), false, false, 2, "broken"},
		"a wrong command line, wrapped":     {fmt.Errorf("--x: %w", admin.Usagef("no %s", "x")), false, false, 2, "--x: no x"},
		"a wrong command line among others": {errors.Join(broken, admin.Usage(broken)), false, false, 2, "broken\nbroken"},
		"interrupted":                       {over, true, false, 1, "interrupted"},
		"interrupted, as it is meant to be": {over, true, true, 0, ""},
		"cancelled by itself":               {over, false, true, 1, over.Error()},
	} {
		code, said := admin.Exit(tt.err, tt.signalled, tt.endless)
		text := ""
		if said != nil {
			text = said.Error()
		}
		if code != tt.code || text != tt.says {
			t.Errorf("%s: exits with %d and says %q", name, code, text)
		}
	}
}
