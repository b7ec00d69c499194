package form

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the file.
type Problem struct {
	File    string
	Line    int    // 0: nowhere in particular
	Key     string // such as policies[2].grant; empty: the file as a whole
	Message string
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	return b.String() + ": " + p.Message
}

// Error is all that is wrong with a configuration, in the order of its lines.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong with a file.
type problems struct {
	file string
	list []Problem
}

// Add adds a problem of a line.
func (p *problems) Add(line int, key, format string, args ...any) {
	p.list = append(p.list, Problem{p.file, line, key, fmt.Sprintf(format, args...)})
}

// AddTo adds a problem of another file.
func (p *problems) AddTo(file string, line int, format string, args ...any) {
	p.list = append(p.list, Problem{file, line, "", fmt.Sprintf(format, args...)})
}

// drop takes back what is said of a key and of what is below it.
func (p *problems) drop(key string) {
	p.list = slices.DeleteFunc(p.list, func(q Problem) bool {
		rest, within := strings.CutPrefix(q.Key, key)
		return within && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Err is an *Error with all problems, or nil when there are none.
func (p *problems) Err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &Error{p.list}
}
