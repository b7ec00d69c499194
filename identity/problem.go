package identity

import (
	"fmt"
	"strings"
)

// ConfigError is all that is wrong with a configuration, whatever its issuers answer.
type ConfigError struct{ Problems []Problem }

// Problem is something in the configuration that cannot be meant as it is written, and what would be right.
type Problem struct {
	Key     string // where it stands in the file: agents[2].client_ids[0], identity.users[0].id
	Message string
}

func (e *ConfigError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.Key+": "+p.Message)
	}
	return strings.Join(lines, "\n")
}

// Problems collects what is wrong, so that one mistake does not hide the next.
type Problems []Problem

// Add notes what is wrong at a key.
func (p *Problems) Add(key, format string, args ...any) {
	*p = append(*p, Problem{key, fmt.Sprintf(format, args...)})
}

// Err is a *ConfigError with all of them; nil: there is none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return &ConfigError{p}
}
