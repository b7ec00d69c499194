package requests

import "errors"

// Position is how far a state has come: the sequence of its last event, and that event's id. A state that has come less
// far than it once had, or to another event, was restored from a copy. The zero value: nothing has happened yet.
type Position struct {
	Sequence int64
	Event    string
}

// Ending is how a request ended, as an audit log says that a state was restored without.
type Ending struct {
	Status   Status // StatusRevoked, StatusDenied or StatusCancelled
	Decision Decision
}

// Again ends an open request as it had ended before its state was restored; not ok: it is not open. What was revoked
// may be waiting for its approval again: it ends as denied by the steward who revoked it.
func (r Request) Again(e Ending) (_ Request, ok bool) {
	if !r.Open() {
		return r, false
	}
	d := e.Decision
	d.Time = wall(d.Time)
	switch e.Status {
	case StatusCancelled:
		d.Verdict, d.By = VerdictCancel, r.Asker.User
	case StatusRevoked, StatusDenied:
		e.Status, d.Verdict = StatusDenied, VerdictDeny
		if r.Status == StatusApproved {
			e.Status, d.Verdict = StatusRevoked, VerdictRevoke
		}
	default:
		return r, false
	}
	r = r.with(d)
	r.Status = e.Status
	return r, true
}

// ErrNotHeld says that a steward confirms what needs no confirmation. It may be shown to them.
var ErrNotHeld = errors.New("the request does not wait to be confirmed")

// Confirm says that a steward may let go on what was approved before its state was restored. Whoever could approve it
// now may.
func (r Request) Confirm(q Requirement, s Step) error {
	if !r.Held || r.At(s.Now).Status != StatusApproved {
		return ErrNotHeld
	}
	if err := q.Mine(r, s.By); err != nil {
		return err
	}
	if q.Denied != "" {
		return ErrRuleDenies
	}
	return nil
}
