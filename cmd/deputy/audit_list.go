package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/internal/admin"
	"deputy/internal/admin/trail"
	"deputy/internal/report"
)

func newAuditList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List calls: who, for whom, on what, how it ended",
		Long: `Lists the calls that fit every filter, oldest first: the last 100, or with --json all, one record a line. Calls whose
outcome is unknown, or that have none yet, count as having shown what they asked for.

The log's index, in a file beside it, makes this quick. What is shown is read from the log. Whether the log is as it was
written is another question: deputy audit verify answers it.`,
		Example: `  deputy audit list --user taylor --since 7d
  deputy audit list --column-in-clear tag:PII --json
  deputy audit list --outcome denied --follow`,
		Args: exactly(0),
		RunE: auditList,
	}
	logFlag(c)
	filterFlags(c)
	c.Flags().Int("limit", 100, "at most this many, the last ones; 0 for all (default with --json)")
	c.Flags().Bool("json", false, "print records, one a line")
	c.Flags().BoolP("follow", "f", false, "go on with calls as they end, until interrupted")
	return c
}

func auditList(c *cobra.Command, _ []string) error {
	f, err := filterOf(c, time.Now())
	if err != nil {
		return err
	}
	follow := flagIs(c, "follow")
	if follow && (f.Outcome == audit.Begun || !f.Until.IsZero()) {
		return admin.Usagef("--follow shows calls as they end: it goes with neither --outcome begun nor --until")
	}
	limit, _ := c.Flags().GetInt("limit")
	if limit < 0 {
		return admin.Usagef("--limit takes a number that is not below 0")
	}
	asJSON := flagIs(c, "json")
	if asJSON && !c.Flags().Changed("limit") {
		limit = 0
	}
	x, err := openIndex(c, false)
	if err != nil {
		return err
	}
	defer x.Close()
	l := &listing{list: report.NewCalls(c.OutOrStdout())}
	l.add = l.list.Add
	if asJSON {
		l.add = func(call audit.Call) error {
			line, err := call.JSON()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(line)
			return err
		}
	}
	for call, err := range x.Find(f, limit) {
		if err != nil {
			return errors.Join(l.list.End(), err)
		}
		if follow && call.Outcome == nil { // it comes when it ends
			continue
		}
		if err := l.add(call); err != nil {
			return err
		}
		l.count++
	}
	if err := l.list.End(); err != nil {
		return err
	}
	if follow {
		path, err := logOf(c).File()
		if err != nil {
			return err
		}
		return trail.Follow(c.Context(), x, f, path, l.add, l.list.End)
	}
	if !asJSON && limit > 0 && l.count == limit {
		fmt.Fprintf(c.ErrOrStderr(), "These are the last %d: there may be more (--limit 0 for all).\n", limit)
	}
	return nil
}

// listing is where calls are listed.
type listing struct {
	list  *report.Calls
	add   func(audit.Call) error
	count int
}
