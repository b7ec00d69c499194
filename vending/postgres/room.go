package postgres

import (
	"context"
	"database/sql"

	"deputy/internal/budget"
	"deputy/internal/pgconn"
	"deputy/vending"
)

const (
	// treeCost is how much memory a tree of nodes takes for each byte of the text that the database sends of it. It is 9
	// to 14 for the node tree, and two for the text, which is copied once.
	treeCost = 16
	// framing is what a row of the widest table may take more on the wire than in an answer, in bytes.
	framing = 32 << 10
)

// weighing has ask decide about each long message on a connection until the function returned is called.
func weighing(conn *sql.Conn, ask func(bytes int) error) (stop func()) {
	set := func(ask func(bytes int) error) {
		// a connection that is gone has nothing to weigh
		_ = conn.Raw(func(c any) error {
			c.(*pgconn.Conn).Weigh(ask)
			return nil
		})
	}
	set(ask)
	return func() { set(nil) }
}

// weighTree is asked about the tree of a statement before it is allocated: the call has to hold the memory for it, or
// waits for that.
func weighTree(ctx context.Context) func(bytes int) error {
	return func(bytes int) error {
		cost := int64(bytes) * treeCost
		if budget.Of(ctx).Largest(cost) < cost {
			return &vending.Error{Code: vending.InvalidSQL, Message: tooComplex}
		}
		return vending.Reserve(ctx, cost)
	}
}

// analysed gives back what weighTree took, when nothing holds the tree any more.
func analysed(ctx context.Context) { budget.Of(ctx).Lower(0) }

// weighRow is asked about each long row of an answer before it is allocated.
func weighRow(ctx context.Context, room *vending.Room) func(bytes int) error {
	return func(bytes int) error {
		if bytes > room.Most()+framing {
			return vending.ErrRowTooLarge
		}
		return room.Expect(ctx, bytes)
	}
}
