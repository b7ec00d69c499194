package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"deputy/internal/admin/scan"
	"deputy/internal/report"
)

func newScan() *cobra.Command {
	c := &cobra.Command{
		Use:   "scan [TABLE…]",
		Short: "Propose tags for columns that look personal or secret",
		Long: `Looks at names, types and a sample of the values of all tables, or of those that are named, and prints what to paste below
tags: in the configuration, each with its reasons. Values stay in the database: it counts how many look like an e-mail address, a
phone number, an IBAN with the right check digits and the like, and only the counts come out. Every table that is looked at
is on the record as a scan. A proposal is no finding: somebody has to look at what is not proposed, too.`,
		Example: "  deputy scan --config deputy.yaml\n  deputy scan --config deputy.yaml --platform shop sales.customers\n  deputy scan --config deputy.yaml --json",
		Args:    cobra.ArbitraryArgs,
		RunE:    scanTables,
	}
	c.Flags().String("platform", "", "`name` of one platform (default all)")
	c.Flags().Int("sample", 10_000, "look at so many `rows` of each table at most")
	c.Flags().Bool("json", false, "as JSON: a list of columns")
	completeNames(c)
	return c
}

func scanTables(c *cobra.Command, args []string) error {
	request := scan.Request{Platform: flagText(c, "platform"), Tables: args}
	if request.Sample, _ = c.Flags().GetInt("sample"); request.Sample < 1 {
		return scan.ErrSample
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	bar := report.NewProgress(c.ErrOrStderr(), 0)
	found, err := scan.Run(c.Context(), cfg, newLog(c.ErrOrStderr(), "error"), request,
		func(all int) { bar.All = all }, bar.Step)
	bar.End()
	if err != nil {
		return err
	}
	return printAnswer(c, found.Columns(), func(w io.Writer) error {
		_, err := fmt.Fprint(w, scan.YAML(found.All()))
		return err
	})
}
