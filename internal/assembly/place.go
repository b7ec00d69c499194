package assembly

import (
	"errors"
	"fmt"
	"path/filepath"

	"deputy/entitlements"
	"deputy/internal/config"
	"deputy/tools/platforms"
)

// InFile names the file and the line of what is wrong with policies. Other errors stay as they are.
func InFile(c *config.Config, err error) error {
	all := policyProblems(c, err)
	if len(all) == 0 {
		return err
	}
	text := "the policies do not fit the data"
	for _, p := range all {
		text += "\n" + p.String()
	}
	return errors.New(text)
}

func policyProblems(c *config.Config, err error) (out []config.Problem) {
	if policies, ok := errors.AsType[*platforms.PolicyError](err); ok {
		for _, p := range policies.Problems {
			if !p.Warning {
				out = append(out, inFile(c, p))
			}
		}
	}
	return out
}

func inFile(c *config.Config, p entitlements.Problem) config.Problem {
	return config.Problem{File: c.Files()[0], Line: c.Line(p.Key), Message: p.String()}
}

// firstPlace is where the first thing that is wrong stands, if it stands in a file: its name without the folder, and
// the line.
func firstPlace(c *config.Config, err error) string {
	problems := policyProblems(c, err)
	if misread, ok := errors.AsType[*config.Error](err); ok {
		problems = misread.Problems
	}
	if len(problems) == 0 {
		return ""
	}
	place := filepath.Base(problems[0].File)
	if line := problems[0].Line; line > 0 {
		place += fmt.Sprintf(":%d", line)
	}
	return place
}
