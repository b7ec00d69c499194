package tools

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/tools/directory"
)

// wish is what somebody asks for, before it is a request.
type wish struct {
	draft requests.Request // Who asks, and for which table of which platform.
	takes requests.Ask
	// that the asker made for the same, and that is open or was denied not long ago; nil: none
	before  *requests.Request
	waiting int // how many of the asker's requests wait for an answer
}

// wish reads what the arguments name, and says what it takes. The state is asked only about what can be asked for.
func (t *Tools) wish(ctx context.Context, call Call, args RequestArgs) (w wish, err error) {
	w.draft.Asker = requests.AskerOf(call.Principal)
	p, err := t.chosen(ctx, call, args.Platform)
	if err != nil {
		return w, err
	}
	w.draft.Platform = p.Name
	policies, err := t.policies(ctx, p, call.Principal)
	if err != nil {
		return w, err
	}
	dir := p.directory(policies, call)
	found, err := dir.Find(args.Table)
	if err != nil {
		return w, notFound(err)
	}
	w.draft.Table = found.Table
	columns, err := meant(dir, found, args.Columns)
	if err != nil {
		return w, err
	}
	var have error
	if w.takes, err = policies.Ask(call.Principal, w.draft.Table, columns); errors.Is(err, requests.ErrHaveIt) {
		// What was approved is open. Without it, what was asked for then is found again as it was asked for, beside whatever
		// else.
		have = err
		if w.takes, err = policies.With(nil, time.Time{}).Ask(call.Principal, w.draft.Table, columns); err != nil {
			return w, have
		}
	}
	if err != nil {
		return w, err
	}
	if err := t.lookBack(ctx, &w); err != nil {
		return w, err
	}
	if have != nil && (w.before == nil || !w.before.Open()) {
		return w, have
	}
	return w, nil
}

// meant are the columns that the arguments name.
func meant(dir *directory.Directory, of entitlements.Visible, spelled []string) (columns []string, err error) {
	if of.Denial != nil && of.Denial.Closed {
		return spelled, nil // nothing of it can be asked for
	}
	for _, text := range spelled {
		column, err := dir.Column(of, text)
		if errors.Is(err, directory.ErrNotThere) {
			return nil, requests.ErrUnknownColumn
		}
		if err != nil {
			return nil, notFound(err)
		}
		columns = append(columns, column)
	}
	return columns, nil
}

// lookBack finds what the asker made before.
func (t *Tools) lookBack(ctx context.Context, w *wish) error {
	all, err := t.config.Requests.List(ctx, requests.Filter{Asker: &w.draft.Asker,
		Status: []requests.Status{requests.StatusPending, requests.StatusApproved, requests.StatusDenied}})
	if err != nil {
		return err
	}
	now := t.config.Now()
	subject := requests.Request{Platform: w.draft.Platform, Table: w.draft.Table, Columns: w.takes.Columns}.Subject()
	for i, q := range all {
		all[i] = q.At(now)
		if all[i].Status == requests.StatusPending {
			w.waiting++
		}
		if counts := all[i].Open() || q.DeniedAfter(now.Add(-t.config.Again)); counts && w.before == nil &&
			q.Subject() == subject {
			w.before = &all[i]
		}
	}
	return nil
}

// propose reads what whoever asks has to say.
func (t *Tools) propose(args RequestArgs, takes requests.Ask, r *record) (request requests.Request, err error) {
	duration := args.Duration
	if duration == "" {
		duration = requests.Period(takes.Usual(usualPeriod)).String()
	}
	if request, err = proposed(args.Reason, duration, takes.AtMost); err != nil {
		return request, err
	}
	if request.Answers, err = answers(args.Answers, takes.Questions); err != nil {
		return request, err
	}
	if args.Confirmed {
		r.Reasons = append(r.Reasons, "the human confirmed it in the client")
	}
	return request, nil
}

func proposed(reason, duration string, atMost time.Duration) (request requests.Request, err error) {
	if request.Reason, err = requests.Sentence(reason); err != nil {
		return request, wrongArgument(
			"the argument reason is missing or cannot be read: say in a sentence what the access is for, in at most 1000 characters",
		)
	}
	wanted, err := requests.ParsePeriod(duration)
	if err != nil {
		return request, wrongArgument("the argument duration is " + err.Error())
	}
	if time.Duration(wanted) > atMost {
		return request, wrongArgument(
			fmt.Sprintf("the argument duration is too long: the rules allow %s at most", requests.Period(atMost)),
		)
	}
	request.Wanted = requests.Duration(wanted)
	return request, nil
}

// answers takes an answer to every question that a rule asks, and to no other.
func answers(given map[string]string, questions []requests.Question) (map[string]string, error) {
	out, open := map[string]string{}, []string{}
	for _, q := range questions {
		said, err := requests.Sentence(given[q.Name])
		if err != nil {
			open = append(open, fmt.Sprintf("%s: %s", q.Name, q.Ask))
		}
		out[q.Name] = said
	}
	if len(open) > 0 {
		return nil, &Error{Code: InvalidArgument, Message: "whoever decides needs to know more",
			Hint: "ask the human, and send the same call with answers: an object with " + strings.Join(open, "; ")}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(questions, func(q requests.Question) bool { return q.Name == name }) {
			message := fmt.Sprintf("no question is named %.64q: leave it out of answers", recordable(name))
			return nil, wrongArgument(message)
		}
	}
	return out, nil
}

func notAskable(err error) error {
	switch {
	case errors.Is(err, requests.ErrUnknownTable):
		return refused("that table is not there, or you may not know of it")
	case errors.Is(err, requests.ErrUnknownColumn):
		return wrongArgument("one of the columns is not there: describe_table lists them")
	case errors.Is(err, requests.ErrHaveIt):
		return &Error{Code: AlreadyOpen, Message: "that is open already: query it"}
	case errors.Is(err, requests.ErrChanging):
		return &Error{Code: Unavailable, Message: err.Error()}
	case errors.Is(err, requests.ErrNotAskable):
		return refused("that cannot be asked for here: tell the human to ask an administrator of Deputy")
	}
	return err
}
