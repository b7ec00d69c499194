package store

import (
	"errors"
	"slices"
	"time"

	"deputy/entitlements/requests"
)

// ErrNoStep is about what cannot come out of a step, whoever took it.
var ErrNoStep = errors.New("that is not the next step of a request")

// next are the states that a request can go to. From an end it goes nowhere.
var next = map[requests.Status][]requests.Status{
	requests.StatusPending: {
		requests.StatusPending, requests.StatusApproved, requests.StatusDenied,
		requests.StatusExpired, requests.StatusCancelled,
	},
	requests.StatusApproved: {requests.StatusExpired, requests.StatusRevoked, requests.StatusCancelled},
}

// follows reports whether after is one step after before: the next version, what was asked for unchanged, at most one
// decision more.
func follows(before, after requests.Request) error {
	if after.Version != before.Version+1 || !slices.Contains(next[before.Status], after.Status) {
		return ErrNoStep
	}
	if n := len(before.Decisions); len(after.Decisions) < n || len(after.Decisions) > n+1 {
		return ErrNoStep
	}
	same := after // but for what a step changes
	same.Status, same.Version, same.Through = before.Status, before.Version, before.Through
	same.Decisions = after.Decisions[:len(before.Decisions)]
	if before.Began.IsZero() {
		same.Began, same.Expires = before.Began, before.Expires
	}
	was, err := encode(before)
	if err != nil {
		return err
	}
	if is, err := encode(same); err != nil || is != was {
		return ErrNoStep
	}
	if before.Status == requests.StatusApproved && after.Through != before.Through {
		return ErrNoStep
	}
	return nil
}

// happened is what a step that changed the status is told as, and when it was.
func happened(r requests.Request) (Kind, time.Time) {
	kind := map[requests.Status]Kind{
		requests.StatusApproved: Decided, requests.StatusDenied: Decided, requests.StatusExpired: Expired,
		requests.StatusRevoked: Revoked, requests.StatusCancelled: Cancelled,
	}[r.Status]
	at := r.Lapses
	if !r.Expires.IsZero() {
		at = r.Expires
	}
	if kind != Expired && len(r.Decisions) > 0 {
		at = r.Decisions[len(r.Decisions)-1].Time
	}
	return kind, at
}
