package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/tools"
)

// View is a request as a person sees it who may decide on it: what others are shown of it, with the person who asks,
// and what the rules say of it now.
type View struct {
	requests.Shown
	User      *identity.Person    `json:"user,omitempty"` // For whom it is asked; none: the agent asks for itself.
	Columns   []string            `json:"columns"`        // Of Shown, but an empty list where the table is asked for.
	Opens     bool                `json:"opens"`          // The table was closed to the asker.
	Answers   map[string]string   `json:"answers,omitempty"`
	AtMost    string              `json:"at_most,omitempty"`
	Created   time.Time           `json:"created_at"`
	Lapses    time.Time           `json:"lapses_at"`
	Through   string              `json:"through,omitempty"`
	Decisions []requests.Decision `json:"decisions"`
	Rules     []string            `json:"rules"`     // That cover it now.
	Approvers []string            `json:"approvers"` // Who still has to approve, in words.
	MayDecide bool                `json:"may_decide"`
	WhyNot    string              `json:"why_not,omitempty"` // The person who looks may not decide.
	Held      bool                `json:"held,omitempty"`    // The state was restored: a steward has to confirm it.
	Reveals   *Reveals            `json:"reveals,omitempty"` // Only of one request.
	AuditID   string              `json:"audit_id,omitempty"`
}

// Reveals is what approving a request would show, and who sees as much already.
type Reveals struct {
	Rows    *int           `json:"rows,omitempty"` // that the asker would see, with the groups they had when they asked
	RowsNow *int           `json:"rows_now,omitempty"`
	Columns []RevealColumn `json:"columns"`
	Filters []string       `json:"filters"` // policies that go on limiting the rows
	Refused []string       `json:"refused"` // why approving would open nothing, as policies stand
	Grants  []string       `json:"grants"`  // policies that open the table, and to whom
	Holders []Holder       `json:"holders"` // others to whom the same was approved, and is in force
	Earlier []Earlier      `json:"earlier"` // what the same asker asked for before
}

// RevealColumn is one column that would be seen.
type RevealColumn struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Tags   []string `json:"tags"`
	Now    string   `json:"now"`    // clear, masked, none
	Then   string   `json:"then"`   // clear, masked
	Masks  []string `json:"masks"`  // policies that mask it now
	Exempt []string `json:"exempt"` // whom those policies do not mask it for
}

// Holder is somebody who has what is asked for, by a request.
type Holder struct {
	Request string    `json:"request_id"`
	User    string    `json:"user,omitempty"`
	Agent   string    `json:"agent"`
	Expires time.Time `json:"expires_at"`
}

// Earlier is one request from before.
type Earlier struct {
	requests.Handle
	Columns []string  `json:"columns"`
	Reason  string    `json:"reason"`
	Created time.Time `json:"created_at"`
}

func (d *Desk) view(ctx context.Context, s tools.Steward, q requests.Request) View {
	q = q.At(d.tools.Now())
	takes := d.tools.Requirement(ctx, q)
	v := View{
		Shown: q.Shown(), User: q.User, Columns: listed(q.Columns), Opens: q.Opens, Answers: q.Answers,
		Created: q.Created, Lapses: q.Lapses, Through: q.Through, Decisions: listed(q.Decisions),
		Rules: listed(takes.Rules), Approvers: []string{}, Held: q.Held,
	}
	if takes.AtMost > 0 {
		v.AtMost = requests.Period(takes.AtMost).String()
	}
	if q.Status == requests.StatusPending {
		v.Approvers = takes.StillNeeded(q)
	}
	if err := takes.Mine(q, s.User); err != nil {
		v.WhyNot = err.Error()
	} else {
		v.MayDecide = q.Open()
	}
	return v
}

func listed[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// reveals asks what the decision would be with the request approved, and counts the rows as it would be run.
func (d *Desk) reveals(ctx context.Context, s tools.Steward, q requests.Request) (*Reveals, error) {
	policies, err := d.tools.Decisions(ctx, q.Platform)
	if err != nil {
		return nil, err
	}
	now, who := d.tools.Now(), d.tools.Supposed(q.Asker)
	with := policies.With([]entitlements.Approval{supposedApproval(q, now)}, now)
	before, _ := review.ExplainBoth(policies.Both, who, q.Table)
	after, known := review.ExplainBoth(with.Both, who, q.Table)
	out := &Reveals{
		Columns: []RevealColumn{},
		Filters: []string{},
		Refused: []string{},
		Grants:  []string{},
		Holders: []Holder{},
		Earlier: []Earlier{},
	}
	if !known {
		out.Refused = append(out.Refused, "the table is not there any more")
	}
	if _, err := policies.Required(q); known && err != nil {
		out.Refused = append(
			out.Refused,
			"no rule covers it any more, so that nobody can approve it and what was approved does not count",
		)
	}
	for _, g := range before.Grants {
		out.Grants = append(out.Grants, fmt.Sprintf("%s: to %s", g.Policy, g.To))
	}
	if after.Access == nil {
		out.Refused = append(out.Refused, after.Reasons...)
	} else {
		out.Filters = append(out.Filters, after.Access.FilterPolicies()...)
		out.columns(before, after, q)
		out.Rows = counted(d.tools.CountFor(ctx, s, with, who, q))
	}
	if before.Access != nil {
		out.RowsNow = counted(d.tools.CountFor(ctx, s, policies, who, q))
	}
	return out, d.others(ctx, q, out)
}

// columns lists those that a request for columns is about, or all that a request for a table opens.
func (out *Reveals) columns(before, after review.Explanation, q requests.Request) {
	for i, c := range after.Columns {
		if len(q.Columns) > 0 && !slices.Contains(q.Columns, c.Name) {
			continue
		}
		column := RevealColumn{
			Name:   c.Name,
			Type:   c.Type,
			Tags:   c.Tags,
			Now:    "none",
			Then:   shown(c.Clear),
			Masks:  []string{},
			Exempt: []string{},
		}
		if before.Access != nil {
			column.Now = shown(before.Columns[i].Clear)
		}
		for _, m := range before.Columns[i].Masks {
			if m.Outcome == review.Applies {
				column.Masks = append(column.Masks, m.Policy)
				column.Exempt = append(column.Exempt, m.Scope)
			}
		}
		out.Columns = append(out.Columns, column)
	}
}

// counted is nil where the rows could not be counted in time: everything else is shown all the same.
func counted(n int, err error) *int {
	if err != nil {
		return nil
	}
	return &n
}

func shown(clear bool) string {
	if clear {
		return "clear"
	}
	return "masked"
}

// others says who has the same by a request, and what the asker asked for before.
func (d *Desk) others(ctx context.Context, q requests.Request, out *Reveals) error {
	now := d.tools.Now()
	same, err := d.tools.Store().List(
		ctx,
		requests.Filter{Platform: q.Platform, Table: &q.Table, Status: []requests.Status{requests.StatusApproved}},
	)
	if err != nil {
		return err
	}
	for _, other := range same {
		if a, inForce := other.Approval(now); inForce && other.ID != q.ID && other.Subject() == q.Subject() {
			h := Holder{Request: other.ID, Agent: other.Asker.Agent, Expires: a.Expires}
			if other.Asker.User != nil {
				h.User = other.Asker.User.ID
			}
			out.Holders = append(out.Holders, h)
		}
	}
	before, err := d.tools.Store().List(ctx, requests.Filter{Asker: &q.Asker, Most: 20})
	for _, other := range before {
		if other = other.At(now); other.ID != q.ID {
			out.Earlier = append(
				out.Earlier,
				Earlier{other.Handle(), listed(other.Columns), other.Reason, other.Created},
			)
		}
	}
	return err
}

func supposedApproval(q requests.Request, now time.Time) entitlements.Approval {
	return entitlements.Approval{
		Request: q.ID,
		For:     q.Asker.Holder(),
		Table:   q.Table,
		Opens:   q.Opens,
		Columns: q.Columns,
		Expires: now.Add(time.Hour),
	}
}
