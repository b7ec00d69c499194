package tools

import (
	"context"
	"errors"
	"time"

	"deputy/entitlements"
)

// Requests is where access requests are kept, for all servers that share it. Package store implements it. A
// step is one transaction, or nothing; of two steps at once, the second one sees what the first one made.
type Requests interface {
	// Make keeps a new request, unless its asker has an open one for the same subject at the request's time of creation,
	// or was denied the same after againAfter: then that one is returned, and made is false.
	Make(
		ctx context.Context,
		r entitlements.Request,
		againAfter time.Time,
	) (kept entitlements.Request, made bool, err error)
	// Find returns a request as it was kept; see entitlements.Request.At. ErrNoRequest: there is none.
	Find(ctx context.Context, id string) (entitlements.Request, error)
	// Step replaces a request by what step makes of it, and says what came of it to those who are told. An error of step
	// is returned as it is, and nothing changes.
	Step(
		ctx context.Context,
		id string,
		step func(entitlements.Request) (entitlements.Request, error),
	) (entitlements.Request, error)
	// List returns the newest first.
	List(ctx context.Context, f RequestFilter) ([]entitlements.Request, error)
	// Approvals is what approved requests open to an asker on a platform at a time.
	Approvals(
		ctx context.Context,
		asker entitlements.Asker,
		platform string,
		now time.Time,
	) ([]entitlements.Approval, error)
}

// ErrNoRequest says that there is no request of that id.
var ErrNoRequest = errors.New("there is no such request")

// RequestFilter says which requests are wanted. The zero value: all.
type RequestFilter struct {
	Asker    *entitlements.Asker // only this asker's
	Status   []entitlements.Status
	Platform string
	Table    *entitlements.TableName
	Since    time.Time
	Most     int // 0: 1000
}
