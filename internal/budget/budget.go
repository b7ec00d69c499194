// Package budget shares one number of bytes of memory between the calls of a process: what a call will need is asked
// for before it is allocated, and a call that would exceed the budget waits for others to end.
//
// It counts and allocates nothing. Who asks says what a thing costs in memory, copies included.
package budget

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrTooLarge says that a call needs more than a caller can have while no other has any: waiting does not help.
var ErrTooLarge = errors.New("it needs more memory than a call may have")

// ErrBusy says that the memory did not become free in time.
var ErrBusy = errors.New("the memory that calls may have is in use")

// patience is how long a call waits for bytes, if its context lets it.
const patience = 10 * time.Second

// Budget is what all calls may have together. Its methods may be called concurrently.
type Budget struct {
	size     int64
	patience time.Duration

	mu      sync.Mutex
	used    int64
	held    map[string]int64  // by caller, only those that hold some
	holders map[*Account]bool // those that hold some
	waiting []*request        // in the order in which they came
	most    int64             // of used, ever
	asked   int64             // bytes that were given out, in all
	refused int64             // requests that got nothing, in all
}

// request waits for more bytes.
type request struct {
	account *Account
	more    int64
	granted chan struct{} // closed once it is, or is refused
	err     error         // of one that is refused; set before granted is closed
}

// New makes a budget of so many bytes.
func New(size int64) *Budget {
	return &Budget{size: size, patience: patience, held: map[string]int64{}, holders: map[*Account]bool{}}
}

// Size is the whole of it in bytes.
func (b *Budget) Size() int64 { return b.size }

// Figures are what a budget has given out so far, in bytes, and how many calls got nothing.
type Figures struct {
	Used    int64 // bytes now
	Most    int64 // bytes at once, ever
	Given   int64 // bytes in all, ever
	Waiting int64 // calls now
	Refused int64 // calls that asked for too much or waited in vain, ever
}

// Figures returns them as of now.
func (b *Budget) Figures() Figures {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Figures{Used: b.used, Most: b.most, Given: b.asked, Waiting: int64(len(b.waiting)), Refused: b.refused}
}

// Account begins a call of the caller. It holds nothing yet. A nil Budget gives a nil Account, which counts nothing.
func (b *Budget) Account(caller string) *Account {
	if b == nil {
		return nil
	}
	return &Account{budget: b, caller: caller}
}

// Account is what one call holds of a budget. Nil has no budget, and never waits.
type Account struct {
	budget *Budget
	caller string
	held   int64 // guarded by the budget's mutex
	closed bool
}

// Raise has the call hold total bytes, where it holds fewer. It waits until they are free, ctx ends, ten seconds are
// over, or waiting would be in vain, because all who hold something wait. The error is ErrTooLarge, ErrBusy or that of
// ctx; the call holds then what it held before.
func (a *Account) Raise(ctx context.Context, total int64) error {
	if a == nil {
		return nil
	}
	b := a.budget
	b.mu.Lock()
	more := total - a.held
	if more <= 0 || a.closed {
		b.mu.Unlock()
		return nil
	}
	if total+b.leaves(a.held, more) > b.size {
		b.refused++
		b.mu.Unlock()
		return ErrTooLarge
	}
	r := &request{account: a, more: more, granted: make(chan struct{})}
	b.waiting = append(b.waiting, r)
	b.serve()
	b.mu.Unlock()
	timer := time.NewTimer(b.patience)
	defer timer.Stop()
	select {
	case <-r.granted:
		return r.err
	case <-ctx.Done():
		return b.withdraw(r, ctx.Err())
	case <-timer.C:
		return b.withdraw(r, ErrBusy)
	}
}

// Lower gives back what the call holds above total bytes.
func (a *Account) Lower(total int64) {
	if a == nil {
		return
	}
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if less := a.held - max(total, 0); less > 0 {
		a.add(-less)
		b.serve()
	}
}

// Close gives everything back, for good.
func (a *Account) Close() {
	if a == nil {
		return
	}
	a.Lower(0)
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.closed = true
}

// Largest is the most that the budget gives to one call: half of it, so that one call never has all of it.
func (a *Account) Largest(wanted int64) int64 {
	if a == nil {
		return wanted
	}
	return min(wanted, a.budget.size/2)
}

// withdraw takes a request back, unless it was granted in the meantime.
func (b *Budget) withdraw(r *request, why error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, r)
	if i < 0 {
		return r.err
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	b.refused++
	b.serve() // who came behind it may fit
	return why
}

// serve grants what fits: see queue.go. b.mu is held.
func (b *Budget) serve() {
	for {
		i := b.next()
		if i < 0 && b.breakStandstill() {
			continue
		}
		if i < 0 {
			return
		}
		r := b.waiting[i]
		b.waiting = slices.Delete(b.waiting, i, i+1)
		r.account.add(r.more)
		b.asked += r.more
		close(r.granted)
	}
}

// add changes what the call, its caller and all hold. The budget's mutex is held.
func (a *Account) add(n int64) {
	b := a.budget
	a.held += n
	b.used += n
	b.most = max(b.most, b.used)
	if a.held > 0 {
		b.holders[a] = true
	} else {
		delete(b.holders, a)
	}
	if b.held[a.caller] += n; b.held[a.caller] == 0 {
		delete(b.held, a.caller)
	}
}

// contextKey is the one context key of this package.
type contextKey struct{}

// With carries the account of a call to where its memory is needed.
func With(ctx context.Context, a *Account) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// Of is the account of the call; nil where it has none.
func Of(ctx context.Context) *Account {
	a, _ := ctx.Value(contextKey{}).(*Account)
	return a
}
