package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/audit/index"
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
	c.RegisterFlagCompletionFunc("outcome", cobra.FixedCompletions(outcomes, cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc(
		"tool",
		cobra.FixedCompletions(
			[]string{
				"query",
				"describe_table",
				"request_access",
				audit.Approve,
				audit.Deny,
				audit.Revoke,
				audit.Cancel,
				audit.Expire,
				audit.Look,
				"scan",
				"test",
			},
			cobra.ShellCompDirectiveNoFileComp,
		),
	)
	completeNames(c)
}

var outcomes = []string{
	string(audit.Answered),
	string(audit.Denied),
	string(audit.Failed),
	string(audit.Cancelled),
	string(audit.Unknown),
	string(audit.Begun),
}

func filterOf(c *cobra.Command, now time.Time) (f index.Filter, err error) {
	text := func(name string) string { value, _ := c.Flags().GetString(name); return value }
	f = index.Filter{
		User:          text("user"),
		Agent:         text("agent"),
		Tool:          text("tool"),
		Purpose:       text("purpose"),
		PolicyVersion: text("policy-version"),
		Table: text(
			"table",
		),
		InClear: index.Column(text("column-in-clear")),
		Request: text("request"),
		Outcome: audit.Outcome(text("outcome")),
	}
	f.Masked, _ = c.Flags().GetBool("masked")
	if c.Flags().Changed("on-behalf-of") {
		human, _ := c.Flags().GetBool("on-behalf-of")
		f.OnBehalfOf = &human
	}
	if f.Outcome != "" && !strings.Contains(" "+strings.Join(outcomes, " ")+" ", " "+string(f.Outcome)+" ") {
		return f, &usageError{fmt.Errorf("there is no outcome %q: calls end as %s", f.Outcome, strings.Join(outcomes, ", "))}
	}
	for name, into := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if *into, err = moment(text(name), now); err != nil {
			return f, &usageError{fmt.Errorf("--%s: %w", name, err)}
		}
	}
	if err := f.Check(); err != nil {
		return f, &usageError{err}
	}
	return f, nil
}

// moment reads a time, a date, or how long ago.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-11-23, 2026-11-23T10:00:00Z, 24h or 7d", text)
}

// logFlag is how a command is told which log it reads.
func logFlag(c *cobra.Command) {
	c.Flags().String("log", "", "active `file` of the log (default: the configured one)")
}

// logPath is the log that was named, or the configured one.
func logPath(c *cobra.Command) (string, error) {
	if path, _ := c.Flags().GetString("log"); path != "" {
		return path, nil
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return "", err
	}
	return cfg.Audit.File, nil
}

// openIndex brings the log's index up to date, and shows how far it is when that takes a while.
func openIndex(c *cobra.Command, rebuild bool) (*index.Index, error) {
	path, err := logPath(c)
	if err != nil {
		return nil, err
	}
	return indexOf(path, rebuild, c.ErrOrStderr())
}

func indexOf(path string, rebuild bool, errout io.Writer) (*index.Index, error) {
	bar, began := newProgress(errout, 100), time.Now()
	defer bar.end()
	return index.Open(index.Config{Log: path, Rebuild: rebuild,
		Report: func(text string) { fmt.Fprintln(errout, text) },
		Step: func(read, all int64) {
			if part := int(100 * read / max(all, 1)); bar.terminal && part > bar.done && time.Since(began) > time.Second {
				bar.done = part
				bar.step("indexing the audit log")
			}
		}})
}

var errNothing = errors.New("there is no such call in the audit log")
