package tools

import (
	"context"
	"fmt"
	"strings"

	"deputy/entitlements"
)

// DescribeTable says what the principal can see of a table, or of which tables it may know. An error is always a
// *Refusal.
func (t *Tools) DescribeTable(ctx context.Context, call Call, args DescribeArgs) (*Description, error) {
	call, unknown := t.declare(call, args.Purpose)
	r := t.begin(call, "describe_table")
	r.Table, r.Platform = recordable(args.Table), t.named(args.Platform)
	t.config.Begun(r.Record)
	d, err := recoverPanic(ctx, func() (*Description, error) {
		if err := t.ceiling(call.Principal, r); err != nil {
			return nil, err
		}
		if unknown != nil {
			return nil, r.undeclared(args.Purpose, unknown)
		}
		return t.describe(ctx, call, args, r)
	})
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	d.AuditID = r.ID
	return d, nil
}

func (t *Tools) describe(ctx context.Context, call Call, args DescribeArgs, r *record) (*Description, error) {
	p, err := t.chosen(ctx, call, args.Platform)
	if err != nil {
		return nil, err
	}
	r.Platform = p.Name
	policies, err := t.policies(ctx, p, call.Principal)
	if err != nil {
		return nil, err
	}
	visible, err := step(ctx, t, "decide", func(context.Context) ([]entitlements.Visible, error) {
		return policies.Visible(call.Principal), nil
	})
	if err != nil {
		return nil, err
	}
	if args.Table == "" {
		return listTables(visible), nil
	}
	found, err := find(visible, args.Table)
	if err != nil {
		return nil, err
	}
	if found.Denial != nil && found.Denial.Closed {
		r.denied(found.Denial)
		return nil, closedFor(found.Denial)
	}
	how := t.asking(p, policies, call.Principal)
	if found.Access != nil {
		r.granted(*found.Access)
		d := describeOpen(found)
		d.HowToAsk = how.forColumns(*found.Access)
		return d, nil
	}
	table, _ := p.Catalog().Table(found.Table)
	d := describeClosed(found, table)
	d.HowToAsk = how.forTable(found.Table)
	return d, nil
}

func listTables(visible []entitlements.Visible) *Description {
	d := &Description{Tables: []TableSummary{}}
	for _, v := range visible {
		access := "granted"
		switch {
		case v.Access != nil:
		case v.Denial.Closed:
			access = "closed"
		default:
			access = "requestable"
		}
		d.Tables = append(d.Tables, TableSummary{Name: v.Table.String(), Description: v.Description, Access: access})
	}
	return d
}

// find looks a name up among the tables that the caller may know of, and nowhere else: every other is not there. A name
// without a schema will do when it is the only one.
func find(visible []entitlements.Visible, name string) (entitlements.Visible, error) {
	var found []entitlements.Visible
	for _, v := range visible {
		if v.Table.String() == name {
			return v, nil
		}
		if v.Table.Name == name {
			found = append(found, v)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return entitlements.Visible{}, &Error{
			Code:    NotPermitted,
			Message: "that table is not there, or you may not know of it",
		}
	}
	var names []string
	for _, v := range found {
		names = append(names, v.Table.String())
	}
	return entitlements.Visible{}, &Error{
		Code:    InvalidArgument,
		Message: fmt.Sprintf("several tables have that name: say which of %s", strings.Join(names, ", ")),
	}
}

func describeOpen(v entitlements.Visible) *Description {
	d := &Description{
		Table:       v.Table.String(),
		Description: v.Description,
		Columns:     []ColumnInfo{},
		RowFilter:   []string{},
	}
	for _, c := range v.Access.Columns {
		info := columnInfo(c.Column, c.Tags, "clear")
		info.Inherited = c.Inherited
		if len(c.Masks) > 0 {
			info.Access, info.MaskedBy = "masked", c.Masks[0].Policy
		}
		d.Columns = append(d.Columns, info)
	}
	d.RowFilter = append(d.RowFilter, v.Access.FilterPolicies()...)
	return d
}

// describeClosed shows what a discoverable table looks like, for the caller to know what to ask for.
func describeClosed(v entitlements.Visible, table entitlements.Table) *Description {
	d := &Description{
		Table:       v.Table.String(),
		Description: v.Description,
		Columns:     []ColumnInfo{},
		RowFilter:   []string{},
		Requestable: true,
	}
	for _, c := range table.Columns {
		d.Columns = append(d.Columns, columnInfo(c, nil, "none"))
	}
	return d
}

func columnInfo(c entitlements.Column, tags []string, access string) ColumnInfo {
	if tags == nil {
		tags = []string{}
	}
	return ColumnInfo{Name: c.Name, Type: c.Type, Description: c.Description, Tags: tags, Access: access}
}
