package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

// Restored writes what becomes, or became, of a state that was restored: what is ended again, and what is held, person
// by person.
func Restored(out io.Writer, r store.Restored, done bool) error {
	is, has := "would be", "would have"
	if done {
		is, has = "is", "has"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The state was at event %d, and the audit log knows of event %d.\n", r.From.Sequence,
		r.Known.Sequence)
	fmt.Fprintf(&b, "Ended again, as the audit log says: %d.\n", len(r.Ended))
	for _, q := range r.Ended {
		fmt.Fprintf(&b, "  %s %s %s: %s\n", q.ID, holder(q), about(q), q.Status)
	}
	fmt.Fprintf(&b, "Approved, and held until a steward confirms it: %d.\n", len(r.Held))
	held := slices.Clone(r.Held)
	slices.SortStableFunc(held, func(a, b requests.Request) int { return cmp.Compare(holder(a), holder(b)) })
	last := ""
	for _, q := range held {
		if who := holder(q); who != last {
			fmt.Fprintf(&b, "  %s %s to be confirmed:\n", who, has)
			last = who
		}
		fmt.Fprintf(&b, "    %s until %s: deputy requests confirm %s\n", about(q), at(q.Expires), q.ID)
	}
	fmt.Fprintf(&b, "The state %s at event %d.\n", is, r.To.Sequence)
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(out, Printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

func holder(q requests.Request) string {
	if q.User == nil {
		return "agent " + q.Agent
	}
	return q.User.ID + " via " + q.Agent
}

func about(q requests.Request) string {
	if len(q.Columns) == 0 {
		return q.Table.String()
	}
	return q.Table.String() + " (" + strings.Join(q.Columns, ", ") + " in the clear)"
}
