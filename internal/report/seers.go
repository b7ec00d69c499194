package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"deputy/entitlements/review"
)

// Seers is the answer to who can see a column, and through what. Its JSON is for scripts: names in it stay.
type Seers struct {
	Platform string        `json:"platform"`
	Table    string        `json:"table"`
	Column   string        `json:"column"`
	Kinds    []review.Seer `json:"kinds"`
	People   []Person      `json:"people"`
}

// Person is a human whom the configuration or the record names. Without agents they do not see the column.
type Person struct {
	review.Seer
	Issuer string    `json:"issuer,omitempty"`
	Last   time.Time `json:"last_call,omitzero"` // as the record has it; zero: none is on it
}

// Page writes those who see the column as it is first.
func (x Seers) Page(w io.Writer) error {
	p := &page{w: w}
	p.line("%s: %s.%s", x.Platform, x.Table, x.Column)
	part := func(heading string, clear bool) {
		rows := [][]string{}
		for _, s := range x.Kinds {
			if s.Clear == clear {
				rows = append(rows, append([]string{cmp.Or(s.Who.String(), "an agent on its own")}, seerCells(s)...))
			}
		}
		if len(rows) == 0 {
			rows = append(rows, []string{"no caller"})
		} else {
			rows = append([][]string{{"WHO", "THROUGH AGENT", "SHOWN AS", "BECAUSE OF", "ROWS LEFT OUT BY"}}, rows...)
		}
		p.section(heading, rows)
	}
	part("in the clear", true)
	part("masked", false)
	rows := [][]string{{"PERSON", "GROUPS", "LAST CALL", "THROUGH AGENT", "SHOWN AS", "BECAUSE OF", "ROWS LEFT OUT BY"}}
	for _, person := range x.People {
		last := "-"
		if !person.Last.IsZero() {
			last = at(person.Last)
		}
		cells := []string{"-", "not at all", "-", "-"}
		if len(person.Agents) > 0 {
			cells = seerCells(person.Seer)
		}
		rows = append(
			rows,
			append([]string{person.Who.User, cmp.Or(strings.Join(person.Who.Groups, ", "), "-"), last}, cells...),
		)
	}
	if len(x.People) > 0 {
		p.section("people that the configuration or the record names", rows)
	}
	return p.err
}

func seerCells(s review.Seer) []string {
	agents, shown := strings.Join(s.Agents, ", "), "as it is"
	if s.AnyAgent {
		agents = "any"
	}
	switch {
	case s.Mask != "" && s.Clear:
		shown = fmt.Sprintf("as it is, but %s", s.Mask)
	case s.Mask != "":
		shown = s.Mask
	}
	return []string{agents, shown, cmp.Or(s.Through, "-"), cmp.Or(s.Rows, "-")}
}
