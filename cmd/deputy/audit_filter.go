package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/audit/index"
	"deputy/internal/admin/trail"
	"deputy/internal/report"
)

// filterFlags are how a command is told which calls it is about.
func filterFlags(c *cobra.Command) {
	f := c.Flags()
	f.String("user", "", "calls on behalf of this `person`, by id or name")
	f.String("agent", "", "calls through this `agent`")
	f.Bool("on-behalf-of", false, "calls on behalf of a person; with =false, calls of agents on their own")
	f.String("tool", "", "calls of this `tool`")
	f.String("table", "", "calls about this `table`: schema.table, * for any text")
	f.String(
		"column-in-clear",
		"",
		"calls that can have shown this `column` unmasked: schema.table.column, * for any text, or tag:NAME",
	)
	f.Bool("masked", false, "calls in which a column was masked")
	f.String("outcome", "", "calls that ended like this: answered, denied, failed, cancelled, unknown, or begun")
	f.String("request", "", "steps of this access `request`, and calls that rested on it: its id")
	f.String("purpose", "", "calls with this declared `purpose`")
	f.String("policy-version", "", "calls decided by this `version` of the policies")
	f.String("since", "", "calls from this `time` on: 2026-11-23, 2026-11-23T10:00:00Z, or 24h or 7d ago; dates are UTC")
	f.String("until", "", "calls before this `time`")
	for flag, words := range map[string][]string{"outcome": trail.Outcomes, "tool": trail.Tools} {
		c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	completeNames(c)
}

func filterOf(c *cobra.Command, now time.Time) (index.Filter, error) {
	text := func(name string) string { return flagText(c, name) }
	f := index.Filter{
		User: text("user"), Agent: text("agent"), Tool: text("tool"), Table: text("table"), Purpose: text("purpose"),
		PolicyVersion: text("policy-version"), InClear: index.Column(text("column-in-clear")), Request: text("request"),
		Outcome: audit.Outcome(text("outcome")), Masked: flagIs(c, "masked"),
	}
	if c.Flags().Changed("on-behalf-of") {
		human := flagIs(c, "on-behalf-of")
		f.OnBehalfOf = &human
	}
	return trail.Select(f, text("since"), text("until"), now)
}

// logFlag is how a command is told which log it reads.
func logFlag(c *cobra.Command) {
	c.Flags().String("log", "", "active `file` of the log (default: the configured one)")
}

// openIndex brings the log's index up to date, and shows how far it is when that takes a while.
func openIndex(c *cobra.Command, rebuild bool) (*index.Index, error) {
	path, err := logOf(c).File()
	if err != nil {
		return nil, err
	}
	return indexOf(path, rebuild, c.ErrOrStderr())
}

func indexOf(path string, rebuild bool, errout io.Writer) (*index.Index, error) {
	bar, began := report.NewProgress(errout, 100), time.Now()
	defer bar.End()
	return index.Open(index.Config{Log: path, Rebuild: rebuild,
		Report: func(text string) { fmt.Fprintln(errout, text) },
		Step: func(read, all int64) {
			part := int(100 * read / max(all, 1))
			if bar.Terminal && part > bar.Done && time.Since(began) > time.Second {
				bar.Done = part
				bar.Step("indexing the audit log")
			}
		}})
}

var errNothing = errors.New("there is no such call in the audit log")
