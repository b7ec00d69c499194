// Package queries is about the named queries of the configuration: statements that an administrator has written, with
// parameters that a caller gives values for. It says what is wrong with one, and reads the values of a call.
package queries

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/vending"
)

const (
	// NamePattern is that of a query's name, which hosts take for the name of a tool as well.
	NamePattern = `[a-z][a-z0-9_]{0,62}`
	// ParameterPattern is that of a parameter's name.
	ParameterPattern = `[a-z][a-z0-9_]{0,62}`
)

// Query is one named query.
type Query struct {
	Name        string
	Description string // for models
	Parameters  []Parameter
	Statements  map[string]string // by platform; ":name" stands where a parameter does
}

// Parameter is one parameter of a query, and what its values may be.
type Parameter struct {
	vending.Parameter
	Description string
	Optional    bool     // without a value, it is NULL
	Default     string   // what a call without a value means; empty: nothing
	Allowed     []string // the only values; nil: any of the kind
}

// Named is the query of a name, if it has a statement on the platform.
func Named(all []Query, name, platform string) (Query, bool) {
	i := slices.IndexFunc(all, func(q Query) bool { return q.Name == name && q.Statements[platform] != "" })
	if i < 0 {
		return Query{}, false
	}
	return all[i], true
}

// Places are the parameters as engines know them, in the order of their names.
func (q Query) Places() (out []vending.Parameter) {
	for _, p := range q.Parameters {
		out = append(out, p.Parameter)
	}
	return out
}

// Platforms are those that the query has a statement for.
func (q Query) Platforms() []string { return slices.Sorted(maps.Keys(q.Statements)) }

// Platform is the only platform that the query has a statement for; empty: there are several.
func (q Query) Platform() string {
	if len(q.Statements) != 1 {
		return ""
	}
	return q.Platforms()[0]
}

// Signature is the query in one line, for models: its name, and its parameters with what they are.
func (q Query) Signature() string {
	var of []string
	for _, p := range q.Parameters {
		text := p.Name + ": " + p.Word()
		if len(p.Allowed) > 0 {
			text = p.Name + ": " + strings.Join(p.Allowed, "|")
		}
		if p.Optional || p.Default != "" {
			text += "?"
		}
		of = append(of, text)
	}
	return fmt.Sprintf("%s(%s): %s", q.Name, strings.Join(of, ", "), q.Description)
}

// Word is what a value of the parameter is, for models.
func (p Parameter) Word() string {
	if p.List {
		return "list of " + string(p.Kind)
	}
	return string(p.Kind)
}

// Common are the queries, on those platforms, that two configurations have alike in all that a call is decided by.
func Common(one, other []Query) (out []Query) {
	for _, q := range one {
		common := q
		common.Statements = map[string]string{}
		for platform, statement := range q.Statements {
			if o, there := Named(other, q.Name, platform); there && o.Statements[platform] == statement &&
				slices.EqualFunc(q.Parameters, o.Parameters, Parameter.same) {
				common.Statements[platform] = statement
			}
		}
		if len(common.Statements) > 0 {
			out = append(out, common)
		}
	}
	return out
}

func (p Parameter) same(other Parameter) bool {
	return p.Parameter == other.Parameter && p.Optional == other.Optional && p.Default == other.Default &&
		slices.Equal(p.Allowed, other.Allowed)
}
