package sqlite

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

// Profile looks at the values in this process, which is where the database is.
func (e *Engine) Profile(
	ctx context.Context,
	id string,
	name entitlements.TableName,
	sample int,
) (vending.Profile, error) {
	catalog, err := e.Catalog(ctx)
	if err != nil {
		return vending.Profile{}, err
	}
	table, ok := catalog.Table(name)
	if !ok {
		return vending.Profile{}, &vending.Error{
			Code:    vending.NotPermitted,
			Message: fmt.Sprintf("there is no table %s", name),
		}
	}
	out := vending.Profile{}
	err = e.lend(ctx, vending.Lease{
		ID: id, SQL: fmt.Sprintf("SELECT * FROM %s LIMIT %d", sqltext.Dialect.QuoteTable(name), sample),
		Access: []entitlements.Access{vending.Whole(table)}, Timeout: vending.ProfileTime,
	}, &out.Role, func(s *session) error {
		out.Columns = nil
		for _, c := range table.Columns {
			out.Columns = append(out.Columns, vending.ColumnProfile{Column: c, Hits: map[string]int{}})
		}
		return s.profile(&out)
	})
	return out, err
}

func (s *session) profile(out *vending.Profile) error {
	stmt, err := s.prepare()
	if err != nil {
		return err
	}
	defer stmt.Close()
	for stmt.Step() {
		out.Rows++
		for i := range out.Columns {
			c := &out.Columns[i]
			if stmt.ColumnType(i) == sqlite3.NULL {
				continue
			}
			c.Values++
			for _, p := range vending.Patterns {
				if p.Matches(stmt.ColumnText(i)) {
					c.Hits[p.Name]++
				}
			}
		}
	}
	return s.finish(stmt)
}
