package mcp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
	"deputy/tools/answer"
)

// Every result is given twice: structured, for programs, and as text, for models. Each copy is complete, since hosts
// show their model either.

func showRows(r tools.QueryResult) *mcp.CallToolResult { return both(r.Structured(), r.Text()) }

// both is a result in two copies, of which the structured one is encoded already.
func both(structured []byte, text string) *mcp.CallToolResult {
	return &mcp.CallToolResult{
		Content:           []mcp.Content{mcp.NewTextContent(text)},
		StructuredContent: json.RawMessage(structured),
	}
}

func showDescription(d tools.Description) *mcp.CallToolResult {
	var text strings.Builder
	if d.Table == "" {
		d.Tables = listed(d.Tables)
		fmt.Fprintf(
			&text,
			"%s. Describe one to see its columns.\ntable | access | description\n",
			answer.Count(len(d.Tables), "table"),
		)
		for _, t := range d.Tables {
			text.WriteString(answer.Line(t.Name, t.Access, t.Description))
		}
	} else {
		d.Columns = slices.Clone(d.Columns)
		fmt.Fprintf(
			&text,
			"%s\n%s\ncolumn | type | access | masked by | tags | description\n",
			answer.Escape(d.Table),
			answer.Escape(d.Description),
		)
		for i, c := range d.Columns {
			d.Columns[i].Tags = listed(c.Tags)
			tags := strings.Join(append(slices.Clone(c.Tags), inherited(c.Inherited)...), " ")
			text.WriteString(answer.Line(c.Name, c.Type, c.Access, c.MaskedBy, tags, c.Description))
		}
		for _, policy := range d.RowFilter {
			fmt.Fprintf(&text, "Not all rows are shown, because of the policy %q.\n", policy)
		}
		if d.Requestable {
			text.WriteString("You may not read it now.\n")
		}
		if d.HowToAsk != "" {
			fmt.Fprintf(&text, "Notice: %s\n", answer.Escape(d.HowToAsk))
		}
	}
	fmt.Fprintf(&text, "\nAudit id %s.", answer.Escape(d.AuditID))
	return mcp.NewToolResultStructured(d, text.String())
}

func showRefusal(r tools.Refusal) *mcp.CallToolResult {
	text := answer.Escape(r.Message)
	if r.Hint != "" {
		text += "\n" + answer.Escape(r.Hint)
	}
	if r.AuditID != "" {
		text += "\nAudit id " + answer.Escape(r.AuditID) + "."
	}
	result := mcp.NewToolResultStructured(r, text)
	result.IsError = true
	return result
}

// listed keeps an empty list from becoming null, which the output schema does not allow.
func listed[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// inherited marks the tags that a view's column has from the columns it is made of.
func inherited(tags []string) (out []string) {
	for _, tag := range tags {
		out = append(out, tag+" (inherited)")
	}
	return out
}
