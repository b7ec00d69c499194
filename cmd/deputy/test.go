package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"deputy/internal/admin"
	"deputy/internal/admin/verdict"
	"deputy/internal/report"
)

func newTest() *cobra.Command {
	c := &cobra.Command{
		Use:   "test",
		Short: "Hold the sentences below tests: against what people would really see",
		Long: `Runs the expectations of the configuration. Each is tried on the database: a role is vended as for that caller and counts the
rows, and the database compares masked columns with themselves, unmasked. Nobody signs in, no value is printed, and each
try is on the record as a test. Exits with 1 when an expectation does not hold.

  tests:
    - "taylor via marketing-agent: sales.orders.lastname is masked with hash, sees 5 rows"
    - taylor (Marketing, region=US-EAST) via marketing-agent: orders.region is clear, via user
    - pii-scanner alone: hr.people is denied`,
		Example: "  deputy test --config deputy.yaml\n  deputy test --config deputy.yaml --run '^taylor' --json",
		Args:    exactly(0),
		RunE:    test,
	}
	c.Flags().String("run", "", "only sentences that match this regular `expression`, such as '^taylor'")
	c.Flags().Bool("json", false, "as JSON: a list of results")
	return c
}

func test(c *cobra.Command, _ []string) error {
	wanted, err := regexp.Compile(flagText(c, "run"))
	if err != nil {
		return admin.Usagef("--run: %w", err)
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	results, err := verdict.Run(c.Context(), cfg, configPath(c), newLog(c.ErrOrStderr(), "error"), wanted.MatchString)
	if err != nil {
		return err
	}
	failed := verdict.Failed(results)
	err = printAnswer(c, results, func(w io.Writer) error { return printResults(w, results, failed) })
	if err != nil {
		return err
	}
	return verdict.Verdict(results)
}

func printResults(out io.Writer, results []verdict.Result, failed int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range results {
		word, found := "ok", r.Found
		if !r.OK {
			word = "FAIL"
		}
		if len(r.Policies) > 0 {
			found += fmt.Sprintf(" (%s)", strings.Join(r.Policies, "; "))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", word, r.Where, report.Printable(r.Sentence), report.Printable(found))
	}
	fmt.Fprintf(w, "%d expectations, %d failed\n", len(results), failed)
	return w.Flush()
}
