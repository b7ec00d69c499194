package main

import (
	"fmt"

	"deputy/entitlements"
	"deputy/internal/config"
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

func place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}
