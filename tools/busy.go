package tools

import (
	"context"
	"fmt"

	"deputy/audit"
)

// Busy puts on the record that a limit turned somebody away, and makes the refusal. Of a call without a principal only
// the address is known. As with strangers, so many are on the record and the others are counted there: who comes too
// often is who would fill it.
func (t *Tools) Busy(ctx context.Context, call Call, reason string) *Refusal {
	refusal := &Refusal{Code: TooBusy, Message: reason, Hint: hints[TooBusy]}
	room, more := t.crowd.note(t.config.Now())
	if !room {
		return refusal
	}
	r := t.begin(call, audit.Admit).Record
	if r.Agent.ID == "" {
		r.Tool, r.Mode = audit.Authenticate, ""
	}
	r.Phase, r.Outcome, r.Code, r.Reasons = audit.Ended, audit.Failed, string(TooBusy), []string{reason}
	if more > 0 {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d more were turned away since the last one on the record", more))
	}
	if err := t.config.Audit.Append(context.WithoutCancel(ctx), r); err != nil {
		t.config.Log.Error().Str("id", r.ID).Err(err).Msg("a caller that was turned away could not be recorded")
		return refusal
	}
	refusal.AuditID = r.ID
	return refusal
}
