package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/vending"
)

// Observation is how one table really is for a principal. It holds decisions and counts, and no value.
type Observation struct {
	Access  *entitlements.Access // nil: there is a Denial
	Denial  *entitlements.Denial
	Rows    int                   // that the vended role counted; with a Denial none was vended
	Columns map[string]Comparison // of those that were asked for
}

// Comparison counts, among the rows that the principal sees, the values of one column.
type Comparison struct {
	Values int // that are there in the table, and not NULL
	Hidden int // that the view shows as something else than they are; a NULL may be among them
}

// Observe is for an administrator who wants to know what somebody would see. Nobody is verified: the principal is
// supposed. It goes the whole way of a call, on the record as a test, and then has the database compare the columns
// with themselves, masked and unmasked, in a role that is vended for just that; the role sees no row that the principal
// does not.
func (t *Tools) Observe(
	ctx context.Context,
	who Call,
	platform string,
	table entitlements.TableName,
	columns []string,
) (*Observation, error) {
	p, err := t.platform(platform)
	if err != nil {
		return nil, err
	}
	policies, err := t.decisions(ctx, p)
	if err != nil {
		return nil, err
	}
	from := " FROM " + p.Engine.Dialect().QuoteTable(table)
	counted, err := t.observe(
		ctx,
		t.begin(who, "test"),
		who,
		p,
		"SELECT count(*)"+from,
		func(q *question) ([][]any, error) {
			q.policies, q.supposed = policies, true
			answer, err := q.answer(ctx)
			if err != nil {
				return nil, err
			}
			return answer.Rows, nil
		},
	)
	access, denial := policies.Decide(who.Principal, table)
	if denial != nil {
		return refusedAsDenied(denial, counted, err)
	}
	if err != nil {
		return nil, err
	}
	out := &Observation{Access: &access, Rows: counted[0], Columns: map[string]Comparison{}}
	access.Columns = slices.DeleteFunc(
		slices.Clone(access.Columns),
		func(c entitlements.ColumnAccess) bool { return !slices.Contains(columns, c.Name) },
	)
	if len(access.Columns) == 0 {
		return out, nil
	}
	sql := comparison(len(access.Columns)) + from
	compared, err := t.observe(ctx, t.begin(who, "test"), who, p, sql, func(q *question) ([][]any, error) {
		q.record.granted(access)
		lease := q.lease([]entitlements.Access{besideItself(access)})
		lease.Recorded = q.intend(ctx, q.record)
		result, err := p.Engine.Run(ctx, lease)
		q.record.vended(result.Role)
		return result.Rows, err
	})
	if err != nil {
		return nil, err
	}
	for i, c := range access.Columns {
		out.Columns[c.Name] = Comparison{Values: compared[2*i], Hidden: compared[2*i+1]}
	}
	return out, nil
}

// refusedAsDenied holds the decision against what happened.
func refusedAsDenied(denial *entitlements.Denial, counted []int, err error) (*Observation, error) {
	refusal, ok := errors.AsType[*Refusal](err)
	switch {
	case err == nil:
		return nil, fmt.Errorf("the decision is to deny, and yet %d rows were counted", counted[0])
	case !ok || refusal.Code != NotPermitted:
		return nil, err
	}
	return &Observation{Denial: denial}, nil
}

// observe does one step of a test on the record, and returns the one row of numbers that it gives.
func (t *Tools) observe(
	ctx context.Context,
	r *record,
	who Call,
	p *platform,
	sql string,
	step func(*question) ([][]any, error),
) ([]int, error) {
	r.Platform = p.Name
	r.state(t, sql)
	rows, err := recoverPanic(ctx, func() ([][]any, error) {
		turn, err := t.enter(ctx, p, who.Principal, sql)
		if err != nil {
			return nil, err
		}
		defer turn.Leave()
		return step(&question{Tools: t, platform: p, call: who, sql: sql, maxRows: 1, record: r, turn: turn})
	})
	r.Rows = len(rows)
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("%d rows came back where one was counted for", len(rows))
	}
	var numbers []int
	for _, cell := range rows[0] {
		n, err := strconv.Atoi(fmt.Sprint(cell))
		if err != nil {
			return nil, fmt.Errorf("something else than a count came back")
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// besideItself shows each column twice: as the principal sees it, and as it is.
func besideItself(a entitlements.Access) entitlements.Access {
	var columns []entitlements.ColumnAccess
	for i, c := range a.Columns {
		shown, raw := c, c
		shown.As, raw.As = fmt.Sprintf("shown%d", i), fmt.Sprintf("raw%d", i)
		raw.Masks = nil
		columns = append(columns, shown, raw)
	}
	a.Columns = columns
	return a
}

// comparison begins the statement over what besideItself shows. Texts are compared: a mask may change the type.
func comparison(columns int) string {
	var counts []string
	for i := range columns {
		counts = append(
			counts,
			fmt.Sprintf(
				"count(raw%d), count(CASE WHEN CAST(shown%[1]d AS text) IS DISTINCT FROM CAST(raw%[1]d AS text) THEN 1 END)",
				i,
			),
		)
	}
	return "SELECT " + strings.Join(counts, ", ")
}

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
