package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"deputy/audit/index"
)

// AccessPart is one of the tables that a report on access has.
type AccessPart string

// The tables, in the order of a whole report.
const (
	ByPerson AccessPart = "person"
	ByAgent  AccessPart = "agent"
	ByTable  AccessPart = "table"
	InClear  AccessPart = "clear"
)

// Access writes parts of a report as tables.
func Access(w io.Writer, r *index.Report, parts []AccessPart) error {
	p := &page{w: w}
	for i, part := range parts {
		if i > 0 {
			p.line("")
		}
		rows := accessRows(r, part)
		p.line(
			"%s",
			map[AccessPart]string{ByPerson: "Access by person", ByAgent: "Access by agent", ByTable: "Access by table", InClear: "Columns seen in the clear, by whom, and through what"}[part],
		)
		if len(rows) == 1 {
			p.line("  none")
			continue
		}
		for i := range rows[0] {
			rows[0][i] = strings.ToUpper(strings.ReplaceAll(rows[0][i], "_", " "))
		}
		p.table(rows)
		if part == InClear {
			p.line(
				"  No mask applied to these, in all rows or in some: the log does not say why. deputy explain does, with the policies of the version.",
			)
		}
	}
	return p.err
}

// AccessCSV writes one part for a spreadsheet.
func AccessCSV(w io.Writer, r *index.Report, part AccessPart) error {
	return writeCSV(w, accessRows(r, part))
}

func accessRows(r *index.Report, part AccessPart) [][]string {
	switch part {
	case ByPerson:
		return countRows(r.Persons, part)
	case ByAgent:
		return countRows(r.Agents, part)
	case ByTable:
		return countRows(r.Tables, part)
	}
	rows := [][]string{
		{
			"column",
			"tags",
			"person",
			"agent",
			"access_of",
			"opened_by",
			"requests",
			"policies",
			"calls",
			"unknown",
			"first",
			"last",
		},
	}
	for _, s := range r.Clear {
		column, person := s.Column, dash(s.Person)
		if s.Partly {
			column += " (some rows)"
		}
		if s.Issuer != "" {
			person += " of " + s.Issuer
		}
		rows = append(
			rows,
			[]string{
				column,
				cell(s.Tags),
				person,
				dash(s.Agent),
				dash(s.Via),
				cell(s.Grants),
				cell(s.Requests),
				cell(s.Policies),
				fmt.Sprint(s.Calls),
				fmt.Sprint(s.Unknown),
				day(s.First),
				day(s.Last),
			},
		)
	}
	return rows
}

func countRows(counts []index.Count, part AccessPart) [][]string {
	rows := [][]string{{string(part), "calls", "answered", "denied", "failed", "unknown", "rows", "first", "last"}}
	for _, c := range counts {
		name := c.Name
		if name == "" && part == ByPerson {
			name = "(no person)"
		}
		if name == "" && part == ByAgent {
			name = "(no agent)"
		}
		if c.Issuer != "" {
			name += " of " + c.Issuer
		}
		row := []string{name}
		for _, n := range []int64{c.Calls, c.Answered, c.Denied, c.Failed, c.Unknown, c.Rows} {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, append(row, day(c.First), day(c.Last)))
	}
	return rows
}

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }
