package queries

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"deputy/entitlements"
	"deputy/internal/mistake"
	"deputy/internal/strictjson"
	"deputy/vending"
)

// Call is one call of a query by its name. It is there for a caller who may run the query and for no other: what it
// runs until that is decided tells no more of a query that is hidden than of none. Nil: the call has its own statement.
type Call struct {
	Query
	There     bool // there is such a query on the platform
	SQL       string
	Arguments []vending.Argument // once they are bound

	asked string
	given map[string]json.RawMessage
	wrong error // with what was given
}

// absent is understood in the place of a query that is not there.
const absent = "SELECT 1"

// NewCall is a call of a query by its name, on a platform. The parameters are one JSON object, or empty.
func NewCall(all []Query, name, platform, parameters string) *Call {
	c := &Call{SQL: absent, asked: name}
	if parameters != "" {
		c.given, c.wrong = strictjson.Object([]byte(parameters))
	}
	if c.Query, c.There = Named(all, name, platform); c.There {
		c.SQL = c.Statements[platform]
	}
	return c
}

// Places are the parameters of the statement.
func (c *Call) Places() []vending.Parameter {
	if c == nil {
		return nil
	}
	return c.Query.Places()
}

// Bind makes the arguments of what was given. An error names the parameter and repeats no value.
func (c *Call) Bind() (err error) {
	if c.wrong != nil {
		return fmt.Errorf("the parameters must be one JSON object: %w", c.wrong)
	}
	c.Arguments, err = c.Query.Bind(c.given)
	return err
}

// Bound are the arguments, once they are bound.
func (c *Call) Bound() []vending.Argument {
	if c == nil {
		return nil
	}
	return c.Arguments
}

// Names are those of the query's parameters that came with the call.
func (c *Call) Names() (out []string) {
	for _, p := range c.Parameters {
		if _, given := c.given[p.Name]; given {
			out = append(out, p.Name)
		}
	}
	return out
}

// Values are what was bound, by the names of the parameters: a text, a list of texts, or nil for NULL.
func (c *Call) Values() map[string]any {
	out := map[string]any{}
	for _, a := range c.Arguments {
		switch {
		case a.Null:
			out[a.Name] = nil
		case a.List:
			out[a.Name] = a.Values
		default:
			out[a.Name] = a.Values[0]
		}
	}
	return out
}

var plainName = regexp.MustCompile(`^` + NamePattern + `$`)

// Shown is the name that the caller sent, as the record may have it: short, of plain letters, and nothing like a key.
func (c *Call) Shown() string {
	if !plainName.MatchString(c.asked) || strings.HasPrefix(c.asked, "deputy_ak") {
		return "(no plain name)"
	}
	return c.asked
}

// Absent says that a query is not there for a caller who can run others.
func (c *Call) Absent(others []Query) string {
	hint := mistake.Hint(c.asked, Names(others))
	return "there is no query of that name for you" + hint + ": " + Those(others)
}

// Names are those of queries.
func Names(all []Query) (names []string) {
	for _, q := range all {
		names = append(names, q.Name)
	}
	return names
}

// Those says which queries a caller can run.
func Those(all []Query) string {
	const most = 30
	names := Names(all)
	switch {
	case len(names) == 0:
		return "there is none that you can run"
	case len(names) > most:
		return fmt.Sprintf(
			"those that you can run are %s and %d more",
			strings.Join(names[:most], ", "),
			len(names)-most,
		)
	}
	return "those that you can run are " + strings.Join(names, ", ")
}

// On is the query on those of its platforms alone.
func (q Query) On(platforms func(string) bool) Query {
	statements := map[string]string{}
	for platform, statement := range q.Statements {
		if platforms(platform) {
			statements[platform] = statement
		}
	}
	q.Statements = statements
	return q
}

// Failure says in words of its own that a query did not run to its end, where the engine's are about a statement: the
// caller has not written it. ok: it does.
func (c *Call) Failure(message string) (said string, ok bool) {
	kind, isValue := strings.CutPrefix(message, "a value does not fit: ")
	switch {
	case c == nil:
		return "", false
	case isValue:
		return fmt.Sprintf("the query %s cannot be run with these parameters: %s", c.Name, kind), true
	}
	return fmt.Sprintf("the query %s fails: its administrator finds the reason in the log", c.Name), true
}

// Shows reports whether a caller may know of all columns that a statement uses. Access is to its tables, in their
// order, cut down to what it uses.
func Shows(statement *vending.Statement, access []entitlements.Access) bool {
	for i, use := range statement.Tables {
		if !use.All && len(access[i].Columns) < len(use.Columns) {
			return false
		}
	}
	return true
}
