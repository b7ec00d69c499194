package index

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
)

// Person is a human that the log knows, with the groups of their last call.
type Person struct {
	audit.Party
	Last time.Time
}

// People are the humans in whose name there were calls, by id and issuer.
func (x *Index) People() ([]Person, error) {
	texts, err := x.allTexts()
	if err != nil {
		return nil, fmt.Errorf("searching the audit log: %w", err)
	}
	type account struct{ issuer, id string }
	latest := map[account]Person{}
	err = x.each(`SELECT user, max(time) FROM calls GROUP BY user`, nil, func(row *sqlite3.Stmt) error {
		who := texts.parties[row.ColumnInt64(0)]
		if who == nil || who.ID == "" {
			return nil
		}
		p := Person{*who, time.Unix(0, row.ColumnInt64(1)).UTC()}
		if at := (account{who.Issuer, who.ID}); latest[at].Last.Before(p.Last) {
			latest[at] = p
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("searching the audit log: %w", err)
	}
	return slices.SortedFunc(maps.Values(latest), func(a, b Person) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Issuer, b.Issuer))
	}), nil
}
