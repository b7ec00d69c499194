package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
	"deputy/tools/answer"
)

func requestTool(c choices) mcp.Tool {
	arguments := schema{
		"table": schema{"type": "string", "description": "schema.table, as listed"},
		"columns": schema{
			"type":        "array",
			"items":       schema{"type": "string"},
			"description": "Masked columns to see in the clear; without, the table",
		},
		"reason":   schema{"type": "string", "description": "What the person needs it for, in their words"},
		"duration": schema{"type": "string", "description": "4h, 30d, PT4H"},
		"answers": schema{
			"type":                 "object",
			"additionalProperties": schema{"type": "string"},
			"description":          "If a refusal asks for them",
		},
		"request_id": schema{"type": "string"},
		"cancel":     schema{"type": "boolean", "description": "With request_id: take it back"},
	}
	switch { // not asked for: a request is found without
	case c.unproved:
		arguments["platform"] = schema{"type": "string", "description": "As for query"}
	case len(c.platforms) > 1:
		arguments["platform"] = schema{"type": "string", "enum": c.platforms, "description": "As for query"}
	}
	t := tool(
		toolRequest,
		"Ask for access",
		markAsk,
		"Asks people to open a table, or to show masked columns of it, to the person you act for. Only when that person wants it. "+
			"Send table and reason to ask, request_id to see how it stands, nothing to list what is open.",
		choices{}.schema(nil, arguments, "", ""),
		requestOutput,
	)
	no := false
	t.Annotations.ReadOnlyHint = &no // it makes a request, and destroys nothing
	return t
}

var requestOutput = json.RawMessage(`{"type":"object","properties":{` +
	`"status":{"enum":["pending","approved","denied","expired","revoked","cancelled"]},` +
	`"columns":{"type":"array"},"approvers":{"type":"array"},` +
	`"requests":{"type":"array","items":{"type":"object","required":["request_id","status"]}}},` +
	`"additionalProperties":{"type":"string"}}`)

func readRequestArgs(raw json.RawMessage, r reading) (args tools.RequestArgs, err error) {
	given, err := r.arguments(raw, map[string]any{
		"platform": &args.Platform, "table": &args.Table, "columns": &args.Columns, "reason": &args.Reason,
		"duration": &args.Duration, "answers": &args.Answers, "request_id": &args.RequestID, "cancel": &args.Cancel,
	})
	if err != nil {
		return tools.RequestArgs{}, err
	}
	if value, there := given["columns"]; there && !value &&
		args.Table != "" { // without columns, it asks for the whole table
		return tools.RequestArgs{}, errors.New(
			"the argument columns is null: name the columns, or leave it out to ask for the table",
		)
	}
	for name, empty := range map[string]bool{
		"table": args.Table == "", "reason": args.Reason == "",
		"duration": args.Duration == "", "request_id": args.RequestID == "",
		"columns": len(args.Columns) == 0 || slices.Contains(args.Columns, ""),
	} {
		if given[name] && empty { // not the same as left out: no column is not the whole table
			return tools.RequestArgs{}, fmt.Errorf("the argument %s is empty: give it a value or leave it out", name)
		}
	}
	return args, nil
}

// confirmation is what the human is asked before anything is asked for in their name: in words of ours, with what the
// model made up as the values that they can change. Nothing is asked about what cannot be asked for.
func confirmation(use Tools, ctx context.Context, call tools.Call, args tools.RequestArgs) *Form {
	p := use.Proposal(ctx, call, args)
	if p == nil {
		return nil
	}
	what := p.Table
	if len(p.Columns) > 0 {
		what = strings.Join(p.Columns, ", ") + " of " + p.Table + " in the clear"
	}
	form := &Form{
		Message: fmt.Sprintf(
			"Ask for access to %s in your name? People decide on it, and it is on the record.",
			answer.Escape(what),
		),
		Fields: []Field{
			{Name: "reason", Title: "What you need it for", Default: p.Reason, Required: true},
			{
				Name:        "duration",
				Title:       "For how long",
				Description: "Such as 4h or 30d",
				Default:     p.Duration,
				MaxLength:   20,
				Required:    true,
			},
		},
	}
	for _, a := range p.Answers {
		form.Fields = append(form.Fields, Field{Name: answerTo + a.Name, Title: a.Ask, Default: a.Said, Required: true})
	}
	return form
}

// answerTo stands before the name of a question in the form, where reason and duration have theirs.
const answerTo = "answer_"

// requestAccess asks with what the human confirmed; without a human who could be asked, with what the model wrote.
func requestAccess(
	use Tools,
	ctx context.Context,
	call tools.Call,
	args tools.RequestArgs,
	said Answer,
) (*tools.AccessRequest, error) {
	switch said.Action {
	case Accepted:
		args.Reason, args.Duration, args.Confirmed = said.Values["reason"], said.Values["duration"], true
		args.Answers = maps.Clone(args.Answers)
		for name := range args.Answers {
			args.Answers[name] = said.Values[answerTo+name]
		}
	case Declined, Dismissed:
		args.Declined = true
	}
	return use.RequestAccess(ctx, call, args)
}

func showRequest(r tools.AccessRequest) *mcp.CallToolResult {
	var text strings.Builder
	one := func(r tools.AccessRequest) {
		what := r.Table
		if len(r.Columns) > 0 {
			what = strings.Join(r.Columns, ", ") + " of " + r.Table
		}
		fmt.Fprintf(
			&text,
			"Request %s for %s: %s",
			answer.Escape(r.ID),
			answer.Escape(what),
			answer.Escape(string(r.Status)),
		)
		if r.ExpiresAt != nil {
			fmt.Fprintf(&text, ", until %s", r.ExpiresAt.UTC().Format("2006-01-02 15:04:05 MST"))
		}
		text.WriteString(".\n")
		for _, a := range r.Approvers {
			fmt.Fprintf(&text, "Waits for %s.\n", answer.Escape(a))
		}
		if r.NextStep != "" {
			fmt.Fprintf(&text, "Next: %s.\n", answer.Escape(r.NextStep))
		}
	}
	if r.ID != "" {
		one(r)
	} else {
		fmt.Fprintf(&text, "%s.\n", answer.Count(len(r.Requests), "open request"))
		for _, q := range r.Requests {
			one(q)
		}
		if r.NextStep != "" {
			fmt.Fprintf(&text, "Next: %s.\n", answer.Escape(r.NextStep))
		}
	}
	fmt.Fprintf(&text, "Audit id %s.", answer.Escape(r.AuditID))
	return mcp.NewToolResultStructured(r, text.String())
}
