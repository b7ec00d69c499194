package platforms

import (
	"errors"
	"fmt"
	"testing"

	"deputy/vending"
)

// What closes a platform is told as a call is told that meets it; what an engine says of a statement is not.
func TestClosedSaysWhatItMet(t *testing.T) {
	said := func(code vending.Code) error {
		return fmt.Errorf("asked: %w", &vending.Error{Code: code, Message: "as the engine says"})
	}
	for _, test := range []struct {
		name   string
		err    error
		reason Reason
		code   vending.Code
	}{
		{"probe", errSilent, Silent, vending.Silent},
		{"silent", said(vending.Silent), Silent, vending.Silent},
		{"connections used up", said(vending.NoConnection), OutOfReach, vending.NoConnection},
		{"disk full", said(vending.DiskFull), OutOfReach, vending.DiskFull},
		{"statement", said(vending.InvalidSQL), OutOfReach, vending.Unavailable},
		{"anything else", errors.New("no route to host"), OutOfReach, vending.Unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &Platform{Config: Config{Name: "shop"}}
			p.close(test.err)
			closed := p.Closed()
			if closed.Reason != test.reason || !closed.Unreached() {
				t.Errorf("the platform is closed as %s", closed.Reason)
			}
			if told, ok := errors.AsType[*vending.Error](closed); !ok || told.Code != test.code {
				t.Errorf("a caller is told %v", told)
			}
		})
	}
}
