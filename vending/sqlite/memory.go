package sqlite

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/budget"
	"deputy/vending"
)

// smallSession is the memory of a session in bytes that nearly every statement comes out with. Only one that does not
// is begun again with all that a session may have: a session's memory is not on Go's heap, and no limit of Go's counts
// it.
const smallSession = 8 << 20

// answerBeside is what a session leaves of the most that a call may have, for its answer: one of a mebibyte.
const answerBeside = 1 << 20 * vending.AnswerCost

// inMemory runs f in a session of little memory, and once more in one of all that it may have when that was too little.
// The call holds the memory of the session, and waits for it. f leaves nothing behind when it fails.
func (e *Engine) inMemory(ctx context.Context, f func(memory int64) error) error {
	account := budget.Of(ctx)
	most := max(account.Largest(e.cfg.MaxMemory+answerBeside)-answerBeside, account.Largest(smallSession))
	little := min(most, smallSession)
	if err := vending.Reserve(ctx, little+vending.AnswerStart); err != nil {
		return err
	}
	err := f(little)
	if little == most || !errors.Is(err, errPanicked) && !errors.Is(err, sqlite3.NOMEM) {
		return err
	}
	if err := vending.Reserve(ctx, most); err != nil {
		return err
	}
	return f(most)
}

// isBusy reports whether there was no memory for a session.
func isBusy(err error) bool {
	var known *vending.Error
	return errors.As(err, &known) && known.Code == vending.TooBusy
}
