package sqlite

import (
	"fmt"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"deputy/vending"
)

// Each trouble of the file has its own code, also where it is met while the views are made.
func TestTroubleOfTheFile(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t (a)`))
	said := map[string]bool{}
	for cause, want := range map[error]vending.Code{
		sqlite3.FULL: vending.DiskFull, sqlite3.BUSY: vending.Locked, sqlite3.NOTADB: vending.Unavailable,
	} {
		for _, err := range []error{cause, fmt.Errorf("%w: %w", errVending, cause)} {
			refusal := e.refusal(err, "SELECT a FROM t", vending.Requalified{})
			if refusal.Code != want {
				t.Errorf("%v is %s: %s", err, refusal.Code, refusal.Message)
			}
			said[refusal.Message] = true
		}
	}
	if len(said) != 3 {
		t.Errorf("three troubles are told in %d sentences: %v", len(said), said)
	}
}
