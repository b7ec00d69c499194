package store

import (
	"fmt"
	"slices"
	"time"

	"deputy/entitlements/requests"
	"deputy/identity"
)

func altered(what string) error { return fmt.Errorf("%w: %s", ErrAltered, what) }

// consistent reports whether the request can have come about by the steps of package requests. It is asked of what
// is written and of what is read.
func consistent(r requests.Request) error {
	steps := len(r.Decisions)
	if r.Status == requests.StatusExpired {
		steps++
	}
	switch {
	case r.ID == "" || r.Platform == "" || r.Table.Name == "":
		return altered("it does not say what it is about")
	case r.Asker.User == nil && r.Asker.Agent == "" || r.Asker.User != nil && !somebody(*r.Asker.User):
		return altered("it does not say whose it is")
	case r.Wanted <= 0 || r.Created.IsZero() || !r.Lapses.After(r.Created):
		return altered("it does not say for how long")
	case !slices.IsSorted(r.Columns) || len(slices.Compact(slices.Clone(r.Columns))) != len(r.Columns):
		return altered("its columns are not sorted")
	case r.Version != steps:
		return altered("its version is not the number of its steps")
	case r.Through != "" && r.Through != r.Asker.Agent:
		return altered("it counts through an agent that did not ask")
	}
	if err := decided(r); err != nil {
		return err
	}
	return borne(r)
}

// somebody reports whether the person is a verified user's: some issuers have no subject, and ids instead.
func somebody(p identity.Person) bool {
	return p.Issuer != "" && (p.Subject != "" || p.ID != "")
}

// decided looks at each decision by itself: it stands on the record, and who took it may have.
func decided(r requests.Request) error {
	for i, d := range r.Decisions {
		switch {
		case d.ID == "" || d.Time.IsZero():
			return altered("a decision is not on the record")
		case d.By != nil && !somebody(*d.By):
			return altered("a decision is nobody's")
		case d.Verdict == requests.VerdictCancel:
			if (d.By == nil) != (r.Asker.User == nil) || d.By != nil && *d.By != *r.Asker.User {
				return altered("somebody else cancelled it")
			}
		case d.By != nil && r.Asker.Own(*d.By):
			return altered("its asker decided on it")
		case d.By == nil && (d.Rule == "" || i > 0 || d.Verdict == requests.VerdictRevoke):
			return altered("nobody and no rule decided")
		case d.By != nil && d.Verdict == requests.VerdictApprove && (d.Rule == "" || d.Stage < 1 || len(d.Counts) == 0):
			return altered("an approval counts for no stage")
		}
	}
	return nil
}

// borne reports whether the decisions bear the status out: approvals, and at the end what ended it.
func borne(r requests.Request) error {
	approvals := slices.IndexFunc(
		r.Decisions,
		func(d requests.Decision) bool { return d.Verdict != requests.VerdictApprove },
	)
	if approvals < 0 {
		approvals = len(r.Decisions)
	}
	var last requests.Verdict
	if approvals < len(r.Decisions) {
		last = r.Decisions[approvals].Verdict
	}
	began := !r.Began.IsZero()
	switch {
	case approvals < len(r.Decisions)-1:
		return altered("something was decided after its end")
	case began != !r.Expires.IsZero():
		return altered("it has no beginning or no end")
	case began && approvals == 0:
		return altered("it began though nobody approved it")
	case began && (!r.Began.Equal(r.Decisions[approvals-1].Time) || !r.Expires.After(r.Began)):
		return altered("it did not begin when it was approved")
	case began && r.Expires.Sub(r.Began) > longest(r, approvals):
		return altered("it lasts longer than was approved")
	case !began && r.Through != "":
		return altered("it counts though it has not begun")
	}
	ok := false
	switch r.Status {
	case requests.StatusPending:
		ok = last == "" && !began
	case requests.StatusApproved:
		ok = last == "" && began
	case requests.StatusExpired:
		ok = last == ""
	case requests.StatusDenied:
		ok = last == requests.VerdictDeny && !began
	case requests.StatusRevoked:
		ok = last == requests.VerdictRevoke && began
	case requests.StatusCancelled:
		ok = last == requests.VerdictCancel
	}
	if !ok {
		return altered("its decisions do not bear out its status")
	}
	return nil
}

// longest is for how long at most the approvals let it last.
func longest(r requests.Request, approvals int) time.Duration {
	length := time.Duration(r.Wanted)
	for _, d := range r.Decisions[:approvals] {
		if d.For > 0 {
			length = min(length, time.Duration(d.For))
		}
	}
	return length
}
