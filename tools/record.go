package tools

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/tools/kept"
	"deputy/tools/refusal"
	"deputy/vending"
)

// record is an audit record while its call is on the way.
type record struct {
	audit.Record
	started time.Time

	intended chan error // what became of the intent, if there is one
	lasting  int        // how many of the reasons are about who calls, and hold whatever is decided
}

// note puts a reason on the record.
func (r *record) note(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

// undecide takes off what was decided, which is about tables as they are not any more.
func (r *record) undecide() { r.Tables, r.Reasons = nil, r.Reasons[:r.lasting:r.lasting] }

func (t *Tools) begin(call Call, tool string) *record {
	now := t.config.Now()
	r := &record{started: now, Record: audit.Record{
		ID: t.newID(), Time: now.UTC(), Tool: tool, Client: call.Client,
		PolicyVersion: t.config.Version, WaitingVersion: t.waitingVersion(),
	}}
	identify(&r.Record, call.Principal)
	if r.lasting = len(r.Reasons); r.lasting > 0 {
		t.config.Log.Warn().Str("id", r.ID).Strs("claims", call.Principal.User.Odd).Msg("a claim has no value")
	}
	return r
}

// identify puts on a record who it is about.
func identify(r *audit.Record, p identity.Principal) {
	r.Mode, r.Agent = string(p.Mode()), party(p.Agent.Identity)
	r.Purpose, r.Actors, r.Credential = p.Purpose, p.Actors, p.Credential
	if u := p.User; u != nil {
		user := party(u.Identity)
		user.Issuer, user.Name = u.Issuer, u.Name
		r.User, r.Reasons = &user, append(r.Reasons, u.Odd...)
	}
}

// intend begins to make durable what is known of a call before its statement runs, or before a request takes a step,
// and returns what waits for it. The role's name is known: it is the call's id.
func (t *Tools) intend(ctx context.Context, r *record) (recorded func(context.Context) error) {
	intent := r.Record
	intent.Phase = audit.Intent
	if r.Request == nil || r.SQL+r.SQLDigest != "" {
		intent.Role = &audit.Role{Name: "deputy_" + r.ID}
	}
	if r.Request != nil {
		step := *r.Request // the call goes on with its own
		intent.Request = &step
	}
	durable := make(chan error, 1)
	write := t.writing(ctx, "audit intent", intent)
	go func() { durable <- write() }()
	r.intended = durable
	return func(ctx context.Context) error {
		select {
		case err := <-durable:
			durable <- err // end asks again
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const unrecorded = "the audit log cannot be written, so nothing is answered: try again later"

// end makes the record durable and turns an error into a refusal. It is the only way out of a call: without a durable
// record there is no answer.
func (t *Tools) end(ctx context.Context, r *record, err error) *Refusal {
	if err == nil && r.Request == nil { // a step of a request that was taken stays taken, and is on the record as that
		if err = stopped(ctx); err != nil {
			r.Rows, r.Truncated = 0, false
		}
	}
	if r.intended != nil { // an outcome never comes before its intent, and rows never without one
		if failure := <-r.intended; failure != nil && err == nil {
			err = &Error{Code: Unavailable, Message: unrecorded, Cause: failure}
		}
	}
	r.Phase, r.Duration = audit.Ended, t.config.Now().Sub(r.started)
	r.Outcome = audit.Answered
	if r.Request != nil && t.config.Requests != nil {
		if p := t.config.Requests.Reached(); p.Sequence > 0 {
			r.State = &audit.State{Sequence: p.Sequence, Event: p.Event}
		}
	}
	var refused *Refusal
	if err != nil {
		why := r.inPlace(asError(err))
		r.Outcome, r.Code = refusal.Outcome(why.Code), string(why.Code)
		if why.Code == Stopped || why.Message == ErrEnding.Error() {
			r.Reasons = append(r.Reasons, why.Message)
		}
		refused = newRefusal(why, r)
		t.config.Log.Info().Str("id", r.ID).Str("tool", r.Tool).Str("agent", r.Agent.ID).Str("code", r.Code).
			AnErr("cause", t.loggable(why)).Msg("refused")
	}
	err = t.writing(ctx, "audit outcome", r.Record)()
	if err != nil {
		r.Outcome, r.Code = audit.Failed, string(Unavailable)
	}
	t.measure(ctx, r)
	if err != nil {
		t.config.Log.Error().Str("id", r.ID).Err(err).Msg("the record could not be written: nothing is answered")
		return newRefusal(&Error{Code: Unavailable, Message: unrecorded}, r)
	}
	return refused
}

// loggable is what the operator's log may have of the cause. Databases quote a statement that they cannot read, and
// where its values are not on the record they are not in the log either.
func (t *Tools) loggable(why *Error) error {
	switch why.Code {
	case InvalidSQL, UnsupportedStatement, NotPermitted:
		if !t.config.Statements.Values() {
			return nil
		}
	}
	return why.Cause
}

// state puts the statement of a call on its record.
func (r *record) state(t *Tools, sql string) {
	redact := func(string) string { return "?…" } // without a platform, it is not known in which language it is
	if p, err := t.platform(r.Platform); err == nil {
		redact = p.Engine.Dialect().Redact
	}
	r.SQL, r.SQLDigest = t.config.Statements.Of(sql, redact)
}

// recordable is a caller's text as far as it can be kept.
func recordable(text string) string { return kept.Recordable(text) }

// recoverPanic takes the one step that a call is, unless the caller or the server is stopped: then it does not begin,
// and if it ends with an error, that is why. It turns a panic into an error, so that a call that hits a bug of ours is
// on the record like any other. The panic's own words might hold anything, and are left out.
func recoverPanic[T any](ctx context.Context, step func() (T, error)) (result T, err error) {
	defer func() {
		if why := ended(ctx); why != nil && err != nil {
			err = why
		}
	}()
	if why := ended(ctx); why != nil {
		return result, why
	}
	defer func() {
		if p := recover(); p != nil {
			err = &Error{
				Code:    Unavailable,
				Message: "something went wrong in Deputy: its administrator finds the place in the log",
				Cause:   fmt.Errorf("panic: %T\n%s", p, debug.Stack()),
			}
		}
	}()
	return step()
}

// Refuse records what never got as far as running: a call of a tool whose arguments could not be read, or of a tool
// that is not there, or, with no tool, a message that is no call. Of what names no tool so many are on the record and
// the others are counted there, as of those whom a limit turned away.
func (t *Tools) Refuse(ctx context.Context, call Call, tool, reason string) *Refusal {
	why := &Error{Code: InvalidArgument, Message: reason}
	reasons := []string{reason}
	if _, there := scopes[tool]; !there {
		why.Code = BadRequest
		room, more := t.unserved.Note(t.config.Now())
		if !room {
			return &Refusal{Code: why.Code, Message: reason}
		}
		if more > 0 {
			reasons = append(reasons, fmt.Sprintf("%d more were turned away since the last one on the record", more))
		}
	}
	r := t.begin(call, cmp.Or(tool, audit.Message))
	r.Reasons = reasons
	return t.end(ctx, r, why)
}

func party(i identity.Identity) audit.Party { return audit.Party{ID: i.ID, Groups: i.Groups} }

func (r *record) granted(a entitlements.Access) {
	t := audit.Table{Name: a.Table.String(), Via: string(a.Via), Grants: a.Grants}
	for _, c := range a.Columns {
		t.Columns = append(t.Columns, c.Name)
		for _, m := range c.Masks {
			t.Masked = append(t.Masked, audit.MaskedColumn{Column: c.Name, Mask: string(m.Kind), Policy: m.Policy})
		}
		masked := len(c.Masks) > 0
		partly := masked && len(c.Masks[len(c.Masks)-1].When) > 0 // only the last mask may be about all rows
		if partly || !masked && len(c.Tags) > 0 {
			t.Clear = append(t.Clear, audit.ClearColumn{Column: c.Name, Tags: c.Tags, Partly: partly})
		}
	}
	t.Filters, t.Requests = a.FilterPolicies(), a.Requests
	r.Tables = append(r.Tables, t)
}

func (r *record) denied(d *entitlements.Denial) {
	r.Tables = append(r.Tables, audit.Table{Name: d.Table.String()})
	r.Reasons = append(r.Reasons, d.Reasons...)
}

func (r *record) vended(role vending.Role) {
	if !role.Vended.IsZero() {
		r.Role = &audit.Role{Name: role.Name, Vended: role.Vended.UTC(), Revoked: role.Revoked.UTC()}
	}
}
