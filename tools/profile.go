package tools

import (
	"context"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/vending"
)

// Profile counts what the values of a table look like, for the operator who wants to know where personal data is. It
// reads all of the table, whatever policies say, so the operator has to hold the platform's keys: it is no tool that a
// transport offers. The record names what was read; without one there are no counts.
func (t *Tools) Profile(
	ctx context.Context,
	operator Call,
	platform string,
	table entitlements.TableName,
	sample int,
) (vending.Profile, error) {
	r := t.begin(operator, "scan")
	r.Table, r.Platform = recordable(table.String()), platform
	profile, err := recoverPanic(ctx, func() (vending.Profile, error) {
		p, err := t.platform(platform)
		if err != nil {
			return vending.Profile{}, err
		}
		turn, err := t.enter(ctx, p, operator.Principal, "")
		if err != nil {
			return vending.Profile{}, err
		}
		defer turn.Leave()
		profile, err := p.Engine.Profile(ctx, r.ID, table, sample)
		r.vended(profile.Role)
		return profile, err
	})
	read := audit.Table{Name: table.String()}
	for _, c := range profile.Columns {
		read.Columns = append(read.Columns, c.Name)
	}
	r.Tables = append(r.Tables, read)
	if refusal := t.end(ctx, r, err); refusal != nil {
		return vending.Profile{}, refusal
	}
	return profile, nil
}
