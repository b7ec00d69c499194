package requests

import (
	"errors"
	"slices"
	"time"

	"deputy/identity"
)

// Why a request does not take a step. The sentences may be shown to whoever wanted it.
var (
	ErrOwnRequest  = errors.New("nobody decides on their own request, nor on what an agent of theirs asked for")
	ErrNotApprover = errors.New("you are not among those who decide on this request")
	ErrTwice       = errors.New("you have approved this request already: somebody else has to as well")
	ErrTaken       = errors.New("another of your kind has approved already: somebody of another kind has to as well")
	ErrSettled     = errors.New("the request is not open any more")
	ErrNotInForce  = errors.New("the request is not approved, so there is nothing to revoke")
	ErrTooLong     = errors.New("that is longer than the rules allow")
	ErrRuleDenies  = errors.New("a rule says no to this request, whoever approves it")
)

// Step is who decides, when, under which audit record, and in which words.
type Step struct {
	ID   string
	By   identity.User
	Now  time.Time
	Note string
	For  time.Duration // of an approval: at most so long; 0: as long as was asked for
}

func (s Step) decision(v Verdict) Decision {
	by := s.By.Person()
	return Decision{ID: s.ID, Time: wall(s.Now), By: &by, Verdict: v, Note: s.Note}
}

// wall is a time as clocks on the wall show it, as UTC makes it. A time that Go has measured by a monotonic clock too
// would be compared by that one, and it stands still while the machine sleeps: what was approved would not end.
func wall(t time.Time) time.Time { return t.UTC() }

// Approve counts one approval. The request is approved once every stage is; until then it stays pending.
func (r Request) Approve(q Requirement, s Step) (Request, error) {
	next, err := r.approve(q, s)
	if err != nil || q.waiting == nil {
		return next, err
	}
	s.By = userWaiting(s.By)
	other, err := r.approve(*q.waiting, s)
	switch {
	case err != nil:
		return r, err
	case other.Status != next.Status: // one of them approves it, and the other one wants a further approver
		return r, ErrChanging
	}
	return next, nil
}

func (r Request) approve(q Requirement, s Step) (Request, error) {
	if r.At(s.Now).Status != StatusPending {
		return r, ErrSettled
	}
	if err := q.Mine(r, s.By); err != nil {
		return r, err
	}
	switch {
	case q.Denied != "":
		return r, ErrRuleDenies
	case s.For < 0 || s.For > q.AtMost || s.For > time.Duration(r.Wanted) || r.Wanted <= 0 || q.AtMost <= 0:
		return r, ErrTooLong
	}
	d := s.decision(VerdictApprove)
	stage := q.Waits(r)
	if stage == nil { // less is asked for than when the others approved: whoever may, finishes it
		stage = q.stageOf(s.By)
	} else if slices.ContainsFunc(q.counted(r), func(before Decision) bool { return before.By.Same(*d.By) }) {
		return r, ErrTwice // a person counts once, whatever they are in
	}
	if d.Counts = stage.counts(s.By); d.Counts == nil {
		return r, ErrNotApprover // not of the stage that it waits for
	}
	d.Rule, d.Stage, d.For = stage.Rule, stage.Number, Duration(s.For)
	next := r.with(d)
	switch {
	case q.Waits(next) == nil:
		return next.begin(q, s.Now), nil
	case len(q.counted(next)) == len(q.counted(r)):
		return r, ErrTaken
	}
	return next, nil
}

// begin opens what was approved, for the shortest time that anybody said.
func (r Request) begin(q Requirement, now time.Time) Request {
	length := min(time.Duration(r.Wanted), q.AtMost)
	for _, d := range r.Decisions {
		if d.For > 0 {
			length = min(length, time.Duration(d.For))
		}
	}
	r.Status, r.Began, r.Expires = StatusApproved, wall(now), wall(now).Add(length)
	if q.OnlyThrough {
		r.Through = r.Asker.Agent
	}
	return r
}

// Automatically is what the rules decide by themselves, at the moment of asking. It stays pending when they leave it to
// people.
func (r Request) Automatically(q Requirement, id string, now time.Time) Request {
	d := Decision{ID: id, Time: wall(now)}
	switch {
	case r.At(now).Status != StatusPending:
		return r
	case q.Denied != "":
		d.Verdict, d.Rule = VerdictDeny, q.Denied
		r = r.with(d)
		r.Status = StatusDenied
	case q.Approved != "" && r.Wanted > 0 && time.Duration(r.Wanted) <= q.Unasked && q.AtMost > 0:
		d.Verdict, d.Rule = VerdictApprove, q.Approved
		r = r.with(d).begin(q, now)
	}
	return r
}

// Deny ends a pending request. One person is enough, of whatever stage.
func (r Request) Deny(q Requirement, s Step) (Request, error) {
	if r.At(s.Now).Status != StatusPending {
		return r, ErrSettled
	}
	return r.end(q, s, VerdictDeny, StatusDenied)
}

// Revoke ends what was approved, at once. Any of the approvers may, and whoever approved it, whatever the rules say by
// now.
func (r Request) Revoke(q Requirement, s Step) (Request, error) {
	if r.At(s.Now).Status != StatusApproved {
		return r, ErrNotInForce
	}
	return r.end(q, s, VerdictRevoke, StatusRevoked)
}

func (r Request) end(q Requirement, s Step, v Verdict, status Status) (Request, error) {
	if err := q.Mine(r, s.By); err != nil &&
		!(v == VerdictRevoke && errors.Is(err, ErrNotApprover) && r.approvedBy(s.By)) {
		return r, err
	}
	r = r.with(s.decision(v))
	r.Status = status
	return r, nil
}

// approvedBy reports whether it was this account that approved, alone or with others.
func (r Request) approvedBy(u identity.User) bool {
	return slices.ContainsFunc(
		r.Decisions,
		func(d Decision) bool { return d.Verdict == VerdictApprove && d.By != nil && d.By.Account(&u) },
	)
}

// Cancel is the asker's own way to take back a request, or to give back what was approved. Whoever calls it has to know
// that it is the asker who wants it: see Asker.Is.
func (r Request) Cancel(id string, now time.Time) (Request, error) {
	if !r.At(now).Open() {
		return r, ErrSettled
	}
	r = r.with(Decision{ID: id, Time: wall(now), By: r.Asker.User, Verdict: VerdictCancel})
	r.Status = StatusCancelled
	return r, nil
}

// Lapse writes down that the request has come to its end by itself; not ok: it has not.
func (r Request) Lapse(now time.Time) (_ Request, ok bool) {
	if !r.Open() || r.At(now).Open() {
		return r, false
	}
	r.Status = StatusExpired
	r.Version++
	return r, true
}

// with is the next version of the request, in which one more decision stands. It shares no memory with the one before.
func (r Request) with(d Decision) Request {
	r.Decisions = append(slices.Clone(r.Decisions), d)
	r.Version++
	return r
}
