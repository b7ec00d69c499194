package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/counting"
)

// Profile runs one aggregating SELECT, in which every pattern and check digit is SQL.
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
	result, err := e.Run(ctx, vending.Lease{
		ID: id, SQL: counting.Query(table, sample), Access: []entitlements.Access{vending.Whole(table)},
		MaxRows: len(table.Columns), MaxBytes: 1 << 20, Timeout: vending.ProfileTime,
	})
	out := vending.Profile{Role: result.Role}
	if err != nil {
		return out, err
	}
	for _, c := range table.Columns {
		out.Columns = append(out.Columns, vending.ColumnProfile{Column: c, Hits: map[string]int{}})
	}
	for _, row := range result.Rows { // none, if the table is empty
		var counts []int
		for _, cell := range row {
			n, err := strconv.Atoi(fmt.Sprint(cell))
			if err != nil {
				return out, unavailable(errors.New("a profile gave something else than counts"))
			}
			counts = append(counts, n)
		}
		c := &out.Columns[counts[0]]
		out.Rows, c.Values = counts[1], counts[2]
		for i, p := range vending.Patterns {
			c.Hits[p.Name] = counts[3+i]
		}
	}
	return out, nil
}
