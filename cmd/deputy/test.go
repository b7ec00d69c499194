package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/expectation/trial"
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

// result is one line of the answer.
type result struct {
	OK       bool     `json:"ok"`
	Where    string   `json:"where"`
	Sentence string   `json:"sentence"`
	Found    string   `json:"found"`
	Policies []string `json:"policies"`
}

func test(c *cobra.Command, _ []string) error {
	pattern, _ := c.Flags().GetString("run")
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return &usageError{fmt.Errorf("--run: %w", err)}
	}
	results, err := runTests(c, wanted.MatchString)
	if err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		err = json.NewEncoder(c.OutOrStdout()).Encode(results)
	} else {
		err = printResults(c.OutOrStdout(), results, failed)
	}
	switch {
	case err != nil:
		return err
	case len(results) == 0:
		return errors.New("there is nothing to test: write what you expect below tests: in the configuration")
	case failed > 0:
		return fmt.Errorf("%d of %d expectations do not hold", failed, len(results))
	}
	return nil
}

func runTests(c *cobra.Command, wanted func(string) bool) ([]result, error) {
	cfg, err := loadConfig(c)
	if err != nil {
		return nil, err
	}
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return nil, err
	}
	d, err := assembly.ForOperator(c.Context(), cfg, newLog(c.ErrOrStderr(), "error"))
	if err != nil {
		return nil, assembly.InFile(cfg, err)
	}
	defer d.Close()
	bench := &trial.Bench{Tools: d.Tools, Agents: registry.Agents(), Users: cfg.Identity.Users}
	if bench.Catalogs, err = assembly.Catalogs(c.Context(), d.Engines); err != nil {
		return nil, err
	}
	results := []result{}
	for _, t := range cfg.Tests {
		for _, r := range bench.Run(c.Context(), t, wanted) {
			results = append(
				results,
				result{r.OK, place(configPath(c), r.Line), r.Sentence, r.Found, append([]string{}, r.Policies...)},
			)
		}
	}
	return results, nil
}

func printResults(out io.Writer, results []result, failed int) error {
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
