package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"deputy/tools/desk"
)

// Requests writes access requests as a table.
func Requests(out io.Writer, all []desk.View) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = Printable(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	row("ASKED", "FOR", "WHAT", "HOW LONG", "STATUS", "YOURS TO DECIDE", "ID")
	for _, v := range all {
		mine := "no"
		if v.MayDecide {
			mine = "yes"
		}
		row(v.Created.UTC().Format(time.RFC3339), asker(v), what(v), v.Duration, status(v), mine, v.ID)
	}
	return w.Flush()
}

func status(v desk.View) string {
	if v.Held {
		return string(v.Status) + ", to be confirmed"
	}
	return string(v.Status)
}

func asker(v desk.View) string {
	if v.User == nil {
		return "agent " + v.Agent
	}
	return v.User.ID + " via " + v.Agent
}

func what(v desk.View) string {
	if len(v.Columns) == 0 {
		return v.Table
	}
	return v.Table + " (" + strings.Join(v.Columns, ", ") + " in the clear)"
}

// Request writes one access request as a page: what Deputy knows of it first, and what the asker wrote marked as such.
func Request(out io.Writer, v desk.View) error {
	p := &page{w: out}
	p.line("Request %s: %s", v.ID, status(v))
	rows := [][]string{
		{"for", person(v)},
		{"asked through", v.Agent},
		{"what", what(v)},
		{"platform", v.Platform},
		{"how long", v.Duration},
	}
	if v.Opens {
		rows = append(rows, []string{"opens", "the table, which is closed to them"})
	}
	if v.AtMost != "" {
		rows = append(rows, []string{"rules allow", v.AtMost})
	}
	rows = append(rows, []string{"asked at", at(v.Created)})
	if v.ExpiresAt != nil {
		rows = append(rows, []string{"until", at(*v.ExpiresAt)})
	} else {
		rows = append(rows, []string{"ends unanswered", at(v.Lapses)})
	}
	p.table(rows)
	p.section(
		"What they wrote (nobody has verified it)",
		append([][]string{{"reason", quote(v.Reason)}}, pairs(v.Answers)...),
	)
	if v.Reveals != nil {
		reveals(p, *v.Reveals)
	}
	decisions(p, v)
	return p.err
}

func reveals(p *page, r desk.Reveals) {
	if len(r.Refused) > 0 {
		p.section("Approving would open nothing", column(r.Refused))
		return
	}
	p.section("Approving would show", [][]string{{"rows", counted(r.Rows)}, {"rows now", counted(r.RowsNow)}})
	rows := [][]string{{"COLUMN", "TYPE", "TAGS", "NOW", "THEN", "MASKED BY", "MASKED FOR"}}
	for _, c := range r.Columns {
		rows = append(
			rows,
			[]string{
				c.Name,
				c.Type,
				strings.Join(c.Tags, " "),
				c.Now,
				c.Then,
				strings.Join(c.Masks, ", "),
				strings.Join(c.Exempt, ", "),
			},
		)
	}
	p.section("Columns", rows)
	if len(r.Filters) > 0 {
		p.section("Rows stay limited by", column(r.Filters))
	}
	p.section("Who sees the table already", column(r.Grants))
	if len(r.Holders) > 0 {
		p.section("Who was approved the same", holders(r.Holders))
	}
	var before [][]string
	for _, e := range r.Earlier {
		before = append(
			before,
			[]string{at(e.Created), string(e.Status), e.Table, strings.Join(e.Columns, ", "), quote(e.Reason), e.ID},
		)
	}
	if len(before) == 0 {
		before = [][]string{{"none"}}
	}
	p.section("What they asked for before", before)
}

func decisions(p *page, v desk.View) {
	var rows [][]string
	for _, d := range v.Decisions {
		by := "by itself"
		if d.By != nil {
			by = d.By.ID
		}
		rows = append(rows, []string{at(d.Time), string(d.Verdict), by, d.Rule, quote(d.Note)})
	}
	if len(rows) > 0 {
		p.section("Decisions", rows)
	}
	if len(v.Approvers) > 0 {
		p.section("Waits for", column(v.Approvers))
	}
	switch {
	case v.MayDecide && v.Status == "pending":
		p.line("")
		p.line("Yours to decide: deputy requests approve %s, or deputy requests deny %[1]s", v.ID)
	case v.MayDecide:
		p.line("")
		p.line("Yours to take back: deputy requests revoke %s", v.ID)
	case v.WhyNot != "":
		p.line("")
		p.line("Not yours to decide: %s", v.WhyNot)
	}
}

func person(v desk.View) string {
	if v.User == nil {
		return "the agent itself"
	}
	parts := []string{v.User.ID}
	if v.User.Name != "" {
		parts = append(parts, v.User.Name)
	}
	if v.User.Email != "" {
		parts = append(parts, v.User.Email)
	}
	return strings.Join(append(parts, v.User.Issuer), ", ")
}

func holders(all []desk.Holder) (rows [][]string) {
	for _, h := range all {
		who := h.User
		if who == "" {
			who = "agent " + h.Agent
		}
		rows = append(rows, []string{fmt.Sprintf("%s, by request %s until %s", who, h.Request, at(h.Expires))})
	}
	return rows
}

func pairs(m map[string]string) (rows [][]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		rows = append(rows, []string{k, quote(m[k])})
	}
	return rows
}

func column(all []string) (rows [][]string) {
	for _, s := range all {
		rows = append(rows, []string{s})
	}
	return rows
}

func counted(n *int) string {
	if n == nil {
		return "none, or they could not be counted"
	}
	return fmt.Sprint(*n)
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
