package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"deputy/entitlements"
	"deputy/internal/config"
	"deputy/tools"
)

// policyFindings puts each problem where its line is.
func policyFindings(path string, cfg *config.Config, problems []entitlements.Problem) []finding {
	var out []finding
	for _, p := range problems {
		out = append(out, finding{level(p.Warning), place(path, cfg.Line(p.Key)), p.String()})
	}
	return out
}

// misreadFindings are the mistakes in the form of the file.
func misreadFindings(err *config.Error) []finding {
	var out []finding
	for _, p := range err.Problems {
		text := p.Message
		if p.Key != "" {
			text = p.Key + ": " + text
		}
		out = append(out, finding{level(false), place(p.File, p.Line), text})
	}
	return out
}

// inFile names the file and the line of what is wrong with policies. Other errors stay as they are.
func inFile(c *cobra.Command, cfg *config.Config, err error) error {
	return inFileAt(configPath(c), cfg, err)
}

func inFileAt(path string, cfg *config.Config, err error) error {
	var policies *tools.PolicyError
	if !errors.As(err, &policies) {
		return err
	}
	text := "the policies do not fit the data"
	for _, p := range policies.Problems {
		if !p.Warning {
			text += fmt.Sprintf("\n%s: %s", place(path, cfg.Line(p.Key)), p)
		}
	}
	return errors.New(text)
}

func place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}
