package tools

import (
	"context"
	"errors"

	"deputy/entitlements/requests"
	"deputy/tools/directory"
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
	dir, err := step(ctx, t, "decide", func(context.Context) (*directory.Directory, error) {
		return p.directory(policies, call), nil
	})
	if err != nil {
		return nil, err
	}
	if args.Table == "" {
		d, err := dir.List(args.Search, args.Page)
		return d, notFound(err)
	}
	found, err := dir.Find(args.Table)
	if err != nil {
		return nil, notFound(err)
	}
	if found.Denial != nil && found.Denial.Closed {
		r.denied(found.Denial)
		return nil, closedFor(p.Engine.Dialect(), found.Denial)
	}
	d, err := dir.Describe(found, args.Search, args.Page)
	if err != nil {
		return nil, notFound(err)
	}
	how := t.asking(p, policies, call.Principal)
	if found.Access != nil {
		r.granted(*found.Access)
		d.HowToAsk = how.forColumns(*found.Access)
		return d, nil
	}
	d.HowToAsk = how.forTable(found.Table)
	return d, nil
}

// directory is what the caller may know of the platform's tables.
func (p *platform) directory(policies requests.Both, call Call) *directory.Directory {
	return directory.New(directory.Config{
		Tables: policies.Visible(call.Principal), Catalog: p.Catalog(), Engine: p.Engine, Platform: p.Name,
	})
}

// notFound says why a directory has no answer.
func notFound(err error) error {
	several, ambiguous := errors.AsType[*directory.AmbiguousError](err)
	switch {
	case ambiguous:
		return &Error{Code: InvalidArgument, Message: several.Error()}
	case errors.Is(err, directory.ErrNotThere):
		return &Error{Code: NotPermitted, Message: "that table is not there, or you may not know of it"}
	case errors.Is(err, directory.ErrNoPage), errors.Is(err, directory.ErrSearchTooLong):
		return &Error{Code: InvalidArgument, Message: err.Error()}
	}
	return err
}
