package mcp

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"deputy/tools"
)

// Call is one request of a client on its way to its tool: which generation answers it, who sends it, and what it says.
// A transport makes it and gives it to Server with the message. mcp-go hands on nothing but a context, so the Call
// travels in that one, under the one key of this package.
type Call struct {
	Generation Generation
	Message    Message

	// Caller says who is calling, and in which context the tool is to run: the one that it is given may end when another
	// client says so. An error that is a *tools.Refusal is shown to the caller.
	Caller func(context.Context) (context.Context, tools.Call, error)
	// Admit lets a call begin, or refuses it, where that was not decided before; nil: it was. Its error is as Caller's.
	Admit func(context.Context, tools.Call) (leave func(), _ error)
	// Ask sends the client a request of ours and waits for what it says; nil: the transport cannot.
	Ask func(ctx context.Context, params any) (json.RawMessage, error)
	// Send sends the client a notification; nil: it takes none.
	Send func(message any)
	// Sending is called with the size of the answer in bytes when all of it is encoded; nil: it does not matter.
	Sending func(bytes int)
	// Ended is called when the tool has ended, before its answer is sent; nil: it does not matter.
	Ended func()

	// Reads are the copies of answers that the client says it reads; empty: it says nothing, or says so in the message.
	Reads Copies

	aside   atomic.Pointer[[]aside] // copies of the answer that mcp-go does not encode; nil: it encodes all
	taken   atomic.Bool             // it is on the record, or needs no record
	misread string                  // why the message could not be read
}

// callKey is the one context key of this package.
type callKey struct{}

func withCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf is the call in the context; nil: there is none.
func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}
