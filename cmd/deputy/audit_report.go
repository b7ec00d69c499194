package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit/index"
	"deputy/internal/admin"
	"deputy/internal/report"
)

func newAuditReport() *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Count access by person, agent and table, and say who saw what in the clear",
		Long: `Counts the calls that fit every filter. Of columns that were seen in the clear it says who saw them, whose access it was,
and which policies opened the table: those with a tag, or those that --clear names.`,
		Example: `  deputy audit report --since 30d
  deputy audit report --clear tag:PII
  deputy audit report --by person --csv > access.csv`,
		Args: exactly(0),
		RunE: auditReport,
	}
	logFlag(c)
	filterFlags(c)
	c.Flags().String("by", "", "only access by person, agent or table")
	c.Flags().String("clear", "", "only these `columns` in the clear: schema.table.column, * for any text, or tag:NAME")
	c.Flags().Bool("json", false, "print JSON")
	c.Flags().Bool("csv", false, "print CSV; needs --by or --clear")
	c.MarkFlagsMutuallyExclusive("json", "csv")
	c.RegisterFlagCompletionFunc(
		"by",
		cobra.FixedCompletions([]string{"person", "agent", "table"}, cobra.ShellCompDirectiveNoFileComp),
	)
	return c
}

func auditReport(c *cobra.Command, _ []string) error {
	f, err := filterOf(c, time.Now())
	if err != nil {
		return err
	}
	clear := index.Column(flagText(c, "clear"))
	if err := clear.Check(); err != nil {
		return admin.Usage(err)
	}
	parts, err := partsOf(c, clear != "")
	if err != nil {
		return err
	}
	asCSV := flagIs(c, "csv")
	if asCSV && len(parts) != 1 {
		return admin.Usagef("a CSV file has one table: say which with --by or --clear")
	}
	x, err := openIndex(c, false)
	if err != nil {
		return err
	}
	defer x.Close()
	r, err := x.Report(f, clear)
	if err != nil {
		return err
	}
	switch {
	case asCSV:
		return report.AccessCSV(c.OutOrStdout(), r, parts[0])
	case flagIs(c, "json"):
		return printJSON(c.OutOrStdout(), r)
	}
	fmt.Fprintf(c.OutOrStdout(), "%d calls\n\n", r.Calls)
	return report.Access(c.OutOrStdout(), r, parts)
}

// partsOf are the parts of the report that are asked for: all, unless some are named.
func partsOf(c *cobra.Command, clear bool) (parts []report.AccessPart, err error) {
	by := flagText(c, "by")
	switch part := report.AccessPart(by); part {
	case "":
		if !clear {
			return []report.AccessPart{report.ByPerson, report.ByAgent, report.ByTable, report.InClear}, nil
		}
	case report.ByPerson, report.ByAgent, report.ByTable:
		parts = append(parts, part)
	default:
		return nil, admin.Usagef("there is no report by %q: use person, agent or table", by)
	}
	if clear {
		parts = append(parts, report.InClear)
	}
	return parts, nil
}
