package platforms

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/internal/mistake"
	"deputy/vending"
)

const (
	rehearsalTime   = 10 * time.Second // of one statement
	rehearsalTables = 40               // that are looked at in one statement
)

// rehearse lets the engine run a statement on each table as its policies would show it, so that SQL which an
// administrator wrote and the database does not understand, or a vended role may not run, stops the start and not the
// first call. No row is read.
func (p *Platform) rehearse(ctx context.Context) error {
	policies, err := p.Entitlements(ctx)
	if err != nil {
		return err
	}
	problems, err := p.rehearseThese(ctx, policies.Rehearse())
	if err == nil && len(problems) > 0 {
		err = &PolicyError{problems}
	}
	return err
}

func (p *Platform) rehearseThese(
	ctx context.Context,
	rehearsals []entitlements.Rehearsal,
) (problems []entitlements.Problem, _ error) {
	for batch := range slices.Chunk(rehearsals, rehearsalTables) {
		found, err := p.rehearseAll(ctx, batch)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

// unshut are the policies as if the database understood all of their SQL.
func (p *Platform) unshut() (*requests.Compiled, error) {
	others, unseen := p.elsewhere()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.serve.shut) == 0 && p.compiled != nil {
		return p.compiled, nil
	}
	compiled, problems := p.compile(p.catalog, p.purposes, p.how(others, unseen))
	if compiled == nil {
		return nil, &PolicyError{problems}
	}
	return compiled, nil
}

// rehearseAll looks at several tables at once, and only when that fails at its halves, down to the single parts of
// policies. An error is one of the platform's: nothing is known of the policies then.
func (p *Platform) rehearseAll(
	ctx context.Context,
	batch []entitlements.Rehearsal,
) (problems []entitlements.Problem, err error) {
	wrong := p.run(ctx, batch)
	var known *vending.Error
	switch {
	case wrong == nil:
		return nil, nil
	case errors.As(wrong, &known) &&
		slices.Contains([]vending.Code{vending.TooBusy, vending.Timeout, vending.Cancelled, vending.Locked}, known.Code):
		return nil, fmt.Errorf("rehearsing the policies: %w", wrong)
	}
	for _, smaller := range divide(batch) {
		found, err := p.rehearseAll(ctx, smaller)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	if len(batch) == 1 && len(problems) == 0 { // it is this part, or how the table's parts go together
		problems = append(problems, p.misunderstood(batch[0], wrong))
	}
	return problems, nil
}

func divide(batch []entitlements.Rehearsal) [][]entitlements.Rehearsal {
	if half := len(batch) / 2; half > 0 {
		return [][]entitlements.Rehearsal{batch[:half], batch[half:]}
	}
	return slices.Collect(slices.Chunk(batch[0].Parts(), 1))
}

func (p *Platform) run(ctx context.Context, batch []entitlements.Rehearsal) error {
	lease := vending.Lease{
		ID:       "rehearsal0",
		SQL:      reading(p.Engine.Dialect(), batch),
		MaxRows:  1,
		MaxBytes: 1 << 10,
		Timeout:  rehearsalTime,
	}
	for _, r := range batch {
		lease.Access = append(lease.Access, r.Access)
	}
	_, err := p.Engine.Run(ctx, lease)
	return err
}

// reading is a statement that uses every column of the tables and reads no row of them. The database plans all of it,
// computes what is constant and checks what may be called, which it would not do behind a condition that never holds.
func reading(d vending.Dialect, batch []entitlements.Rehearsal) string {
	var each []string
	for _, r := range batch {
		all := "SELECT * FROM " + d.QuoteTable(r.Access.Table) + " LIMIT 0"
		if len(batch) == 1 {
			return all
		}
		counts := []string{"count(*)"} // a table may have no column
		for _, c := range r.Access.Columns {
			counts = append(counts, "count("+d.Quote(c.Name)+")")
		}
		each = append(each, "(SELECT "+strings.Join(counts, " + ")+" FROM ("+all+") AS r)")
	}
	return "SELECT " + strings.Join(each, ",\n")
}

// misunderstood says what the database said. It is for the administrator, who wrote the text it is about.
func (p *Platform) misunderstood(r entitlements.Rehearsal, wrong error) entitlements.Problem {
	var known *vending.Error
	if errors.As(wrong, &known) && known.Cause != nil {
		wrong = known.Cause
	}
	on := r.Access.Table.String()
	if r.Column != "" {
		on += "." + r.Column
	}
	if r.Policy == "" {
		return entitlements.Problem{
			Key:   "policies",
			Table: r.Access.Table,
			Message: fmt.Sprintf(
				"the database understands each policy on %s, but not all of them together: %v",
				on,
				wrong,
			),
		}
	}
	i := slices.IndexFunc(p.Policies, func(q entitlements.Policy) bool { return q.Name == r.Policy })
	return entitlements.Problem{Key: fmt.Sprintf("policies[%d].%s", i, r.Key), Policy: r.Policy, Table: r.Access.Table,
		Message: fmt.Sprintf(
			"the database does not understand it on %s: %v%s",
			on,
			wrong,
			p.meant(r.Access.Table, wrong),
		)}
}

// as either engine says it
var noColumn = regexp.MustCompile(`no such column: ([^\s.]+)|column "?([^\s".]+)"? does not exist`)

// meant hints at the column that was probably meant by one that is not there.
func (p *Platform) meant(table entitlements.TableName, wrong error) string {
	found := noColumn.FindStringSubmatch(wrong.Error())
	policies, err := p.unshut()
	if found == nil || err != nil {
		return ""
	}
	return mistake.Hint(found[1]+found[2], policies.Columns(table))
}
