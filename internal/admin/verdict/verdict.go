// Package verdict holds the expectations of a configuration against what people would really see.
package verdict

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"deputy/internal/admin"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/expectation/trial"
)

// Result is what came of one sentence. Its JSON is for scripts: names in it stay.
type Result struct {
	OK       bool     `json:"ok"`
	Where    string   `json:"where"`
	Sentence string   `json:"sentence"`
	Found    string   `json:"found"`
	Policies []string `json:"policies"`
}

// Run tries each wanted sentence of a configuration, which was read from a path, on the databases. Each try is on the
// record.
func Run(ctx context.Context, cfg *config.Config, path string, log zerolog.Logger, wanted func(string) bool) (
	[]Result, error) {
	d, err := assembly.ForOperator(ctx, cfg, log)
	if err != nil {
		return nil, assembly.InFile(cfg, err)
	}
	defer d.Close()
	bench := &trial.Bench{Tools: d.Tools, Agents: cfg.Registry().Agents(), Users: cfg.Identity.Users}
	if bench.Catalogs, err = assembly.Catalogs(ctx, d.Engines); err != nil {
		return nil, err
	}
	results := []Result{}
	for _, t := range cfg.Tests {
		for _, r := range bench.Run(ctx, t, wanted) {
			results = append(results, Result{r.OK, admin.Place(path, r.Line), r.Sentence, r.Found,
				append([]string{}, r.Policies...)})
		}
	}
	return results, nil
}

// Failed counts the expectations that do not hold.
func Failed(results []Result) (failed int) {
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	return failed
}

// Verdict is nil when there are expectations, and all of them hold.
func Verdict(results []Result) error {
	switch failed := Failed(results); {
	case len(results) == 0:
		return errors.New("there is nothing to test: write what you expect below tests: in the configuration")
	case failed > 0:
		return fmt.Errorf("%d of %d expectations do not hold", failed, len(results))
	}
	return nil
}
