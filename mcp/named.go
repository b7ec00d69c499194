package mcp

import (
	"strings"

	"deputy/tools/queries"
)

// described is how many of the queries are described to a model; it is told the names of all.
const described = 20

// addQueries adds to the tool's properties what runs a query by its name, where there are any, and returns those that
// have to be there. Which queries there are depends on the caller.
func (c choices) addQueries(properties schema) (required []string) {
	if !c.named {
		return []string{"sql"}
	}
	name := schema{"type": "string", "description": c.aboutQueries()}
	if len(c.queries) > 0 {
		name["enum"] = queries.Names(c.queries)
	}
	properties["name"] = name
	properties["parameters"] = schema{
		"type":        "object",
		"description": "Of the query that name names: values by their names",
	}
	if c.namedOnly {
		delete(properties, "sql")
		return []string{"name"}
	}
	return nil
}

// aboutQueries says what there is to run by name, each with its parameters.
func (c choices) aboutQueries() string {
	var text strings.Builder
	if c.namedOnly {
		text.WriteString("The query to run. You run these and no SQL of your own.")
	} else {
		text.WriteString("A query that is ready to run, instead of sql. Prefer one that answers the question.")
	}
	for _, q := range c.queries[:min(described, len(c.queries))] {
		text.WriteString("\n- " + q.Signature())
		if len(c.platforms) > 1 {
			text.WriteString(" (" + strings.Join(q.Platforms(), ", ") + ")")
		}
	}
	return text.String()
}
