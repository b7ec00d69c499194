package mcp

import (
	"context"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"deputy/internal/strictjson"
	"deputy/tools"
)

// What the tests outside the package look at, which speak over the transports.
const (
	StateSize    = stateSize
	Instructions = instructions
)

var (
	Told      = told
	Canonical = canonical
)

// Params are those of the message.
func (m Message) Params() []strictjson.Member { return m.params }

// Asking adds tools that ask their human before they run, as request_access does.
func (c Config) Asking(form func(sql string) *Form, told func(Answer)) Config {
	c.more = func(h *handlers) (all []server.ServerTool) {
		asks := func(_ Tools, _ context.Context, _ tools.Call, a tools.QueryArgs) *Form { return form(a.SQL) }
		run := func(t Tools, ctx context.Context, c tools.Call, a tools.QueryArgs, said Answer) (*tools.QueryResult, error) {
			told(said)
			return t.Query(ctx, c, a)
		}
		for _, name := range []string{"confirm", "confirm_other"} {
			all = append(all, server.ServerTool{
				Tool:    protocol.NewTool(name),
				Handler: handleAsking(h, name, readQueryArgs, asks, run, showRows),
			})
		}
		return all
	}
	return c
}
