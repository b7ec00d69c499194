package mcp

import (
	"encoding/json"

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
