package requests

import (
	"context"
	"errors"
	"time"

	"deputy/entitlements"
)

// Store is where requests are kept, for all servers that share it. Package store implements it. A step is one
// transaction, or nothing; of two steps at once, the second one sees what the first one made.
type Store interface {
	// Make keeps a new request, unless its asker has an open one for the same subject at the request's time of creation,
	// or was denied the same after againAfter: then that one is returned, and made is false.
	Make(ctx context.Context, r Request, againAfter time.Time) (kept Request, made bool, err error)
	// Find returns a request as it was kept; see Request.At. ErrNoRequest: there is none.
	Find(ctx context.Context, id string) (Request, error)
	// Step replaces a request by what step makes of it, and says what came of it to those who are told. An error of step
	// is returned as it is, and nothing changes.
	Step(ctx context.Context, id string, step func(Request) (Request, error)) (Request, error)
	// Confirm lets a request go on that is held after a restore, if may says so. An error of may is returned as it is.
	Confirm(ctx context.Context, id string, may func(Request) error) (Request, error)
	// Reached is the furthest that this server has seen the store come, or knows that it came.
	Reached() Position
	// List returns the newest first.
	List(ctx context.Context, f Filter) ([]Request, error)
	// Approvals is what approved requests open to an asker on a platform at a time.
	Approvals(ctx context.Context, asker Asker, platform string, now time.Time) ([]entitlements.Approval, error)
}

// ErrOut says that the state of access requests cannot be used now: it is out of reach, or not the one that the server
// knows. Its cause is for the operator.
var ErrOut = errors.New("the state of access requests cannot be used now")

// ErrNoRequest says that there is no request of that id.
var ErrNoRequest = errors.New("there is no such request")

// Filter says which requests are wanted. The zero value: all.
type Filter struct {
	Asker    *Asker // The only one whose requests are wanted.
	Status   []Status
	Platform string
	Table    *entitlements.TableName
	Since    time.Time
	Most     int // 0: 1000
}
