package queries

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/internal/mistake"
	"deputy/vending"
)

// Problem is one thing that is wrong with a query as it is written.
type Problem struct {
	Key  string // below the query's own: statements.lake, parameters.region.default
	Text string
}

// Problems are what is wrong with a query, as far as the file alone tells. Dialects are those of all platforms.
func (q Query) Problems(dialects map[string]vending.Dialect) (out []Problem) {
	say := func(key, format string, args ...any) {
		out = append(out, Problem{key, fmt.Sprintf(format, args...)})
	}
	platforms := slices.Sorted(maps.Keys(dialects))
	for _, platform := range slices.Sorted(maps.Keys(q.Statements)) {
		key := mistake.Below("statements", platform)
		dialect, there := dialects[platform]
		if !there {
			say(key, "there is no platform %s%s", platform, mistake.Hint(platform, platforms))
			continue
		}
		if err := vending.Shape(q.Statements[platform]); err != nil {
			shape, _ := errors.AsType[*vending.Error](err)
			say(key, "%s", shape.Message)
			continue
		}
		q.compare(dialect.Placeholders(q.Statements[platform]), func(format string, args ...any) {
			say(key, format, args...)
		})
	}
	for _, p := range q.Parameters {
		p.problems(func(key, format string, args ...any) {
			say(mistake.Below("parameters", p.Name)+key, format, args...)
		})
	}
	return out
}

// compare holds the placeholders of a statement against the parameters.
func (q Query) compare(placed []string, say func(format string, args ...any)) {
	var names []string
	for _, p := range q.Parameters {
		names = append(names, p.Name)
		if !slices.Contains(placed, p.Name) {
			say("the parameter %s is not used: write :%s where its value belongs, or leave it out", p.Name, p.Name)
		}
	}
	for _, name := range placed {
		if !slices.Contains(names, name) {
			say("there is no parameter %s%s: name it under parameters", name, mistake.Hint(name, names))
		}
	}
}

func (p Parameter) problems(say func(key, format string, args ...any)) {
	if !slices.Contains(vending.Kinds, p.Kind) {
		return // which the form of the file says
	}
	for i, allowed := range p.Allowed {
		if !p.fits(allowed) {
			say(mistake.At(".values", i), "not a value of the type %s: write %s", p.Kind, words[p.Kind])
		}
	}
	switch {
	case p.Default == "":
	case p.List:
		say(".default", "a list has no default: make it optional, and say in the statement what NULL means")
	case !p.fits(p.Default):
		say(".default", "not a value of the type %s: write %s", p.Kind, words[p.Kind])
	case len(p.Allowed) > 0 && !slices.ContainsFunc(p.Allowed, func(a string) bool { return p.sameValue(a, p.Default) }):
		say(".default", "not one of the values: %s", strings.Join(p.Allowed, ", "))
	}
}

func (p Parameter) fits(written string) bool { return p.sameValue(written, written) }

func (p Parameter) sameValue(a, b string) bool {
	one, err := canonical(p.Kind, quote(a))
	other, failed := canonical(p.Kind, quote(b))
	return err == nil && failed == nil && one == other
}
