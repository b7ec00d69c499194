package restore

import (
	"fmt"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
)

// statuses are those that the steps end a request with which take away.
var statuses = map[string]requests.Status{
	audit.Revoke: requests.StatusRevoked, audit.Deny: requests.StatusDenied, audit.Cancel: requests.StatusCancelled,
}

// endings are the requests that the audit log knows as ended, by their ids. A step of which it is not known whether it
// was taken counts as taken: what takes away always works. What ended by its time ends by it again.
func endings(log string) (map[string]requests.Ending, error) {
	known, begun := map[string]requests.Ending{}, map[string]audit.Record{}
	for e, err := range audit.Records(log) {
		if err != nil {
			return nil, fmt.Errorf("run deputy audit verify first: %w", err)
		}
		if statuses[e.Tool] == "" || e.Request == nil {
			continue
		}
		if e.Phase == audit.Intent {
			begun[e.ID] = e.Record
			continue
		}
		delete(begun, e.ID)
		if e.Outcome == audit.Answered || e.Outcome == audit.Unknown {
			known[e.Request.ID] = endingOf(e.Record)
		}
	}
	for _, r := range begun {
		known[r.Request.ID] = endingOf(r)
	}
	return known, nil
}

func endingOf(r audit.Record) requests.Ending {
	out := requests.Ending{
		Status:   statuses[r.Tool],
		Decision: requests.Decision{ID: r.ID, Time: r.Time, Note: r.Request.Note},
	}
	if r.User != nil {
		out.Decision.By = &identity.Person{ID: r.User.ID, Issuer: r.User.Issuer, Name: r.User.Name}
	}
	return out
}
