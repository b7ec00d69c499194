package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/rs/zerolog"

	"deputy/tools"
)

const (
	toolQuery    = "query"
	toolDescribe = "describe_table"
	toolRequest  = "request_access"
)

// caller says who is calling, and in which context the tool is to run. Transports differ in both. An error that is a
// *tools.Refusal is shown to the caller.
type caller func(context.Context) (context.Context, tools.Call, error)

type handlers struct {
	tools  Tools
	caller caller
	seal   seal
	every  func(time.Duration) (<-chan time.Time, func())
	admit  admission
	stops  Stops
	log    zerolog.Logger
}

// admission lets a call begin, or refuses it, where that was not decided before. An error is as that of caller.
type admission func(context.Context, tools.Call) (leave func(), _ error)

// newServer makes the protocol server that both transports share. It keeps nothing of what clients say of themselves.
func newServer(cfg Config, who caller, options ...server.ServerOption) *server.MCPServer {
	h := newHandlers(cfg, who)
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(func(ctx context.Context, _ any, _ *mcp.ListToolsRequest, list *mcp.ListToolsResult) {
		h.choices(ctx).describe(list.Tools)
	})
	s := server.NewMCPServer("deputy", cfg.Version, append([]server.ServerOption{
		server.WithTitle("Deputy"),
		server.WithIcons(icon(markShield)),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		// Empty, so that hosts which list these unasked are given a list and not an error.
		server.WithResourceCapabilities(false, false),
		server.WithPromptCapabilities(false),
		server.WithHooks(hooks),
	}, options...)...)
	all := []server.ServerTool{
		{Tool: queryTool(choices{}), Handler: handle(h, toolQuery, readQueryArgs, cfg.Tools.Query, showRows)},
		{
			Tool:    describeTool(choices{}),
			Handler: handle(h, toolDescribe, readDescribeArgs, cfg.Tools.DescribeTable, showDescription),
		},
		{
			Tool:    requestTool(choices{}),
			Handler: handleAsking(h, toolRequest, readRequestArgs, h.confirmation, h.requestAccess, showRequest),
		},
	}
	if cfg.more != nil {
		all = append(all, cfg.more(h)...)
	}
	s.AddTools(all...)
	return s
}

func newHandlers(cfg Config, who caller) *handlers {
	h := &handlers{
		tools:  cfg.Tools,
		caller: who,
		admit:  cfg.admit,
		seal:   seal{cfg.StateKey, cfg.Now},
		every:  cfg.Every,
		stops:  orNoStops(cfg.Stops),
		log:    cfg.Logger,
	}
	if h.admit == nil {
		h.admit = func(context.Context, tools.Call) (func(), error) { return func() {}, nil }
	}
	return h
}

// handle is the way of a tool call about which its human is not asked.
func handle[A, R any](
	h *handlers, tool string,
	read func(raw json.RawMessage, purposes bool) (A, error),
	run func(context.Context, tools.Call, A) (*R, error),
	show func(R) *mcp.CallToolResult,
) server.ToolHandlerFunc {
	nothing := func(context.Context, tools.Call, A) *Form { return nil }
	return handleAsking(
		h,
		tool,
		read,
		nothing,
		func(ctx context.Context, call tools.Call, args A, _ Answer) (*R, error) { return run(ctx, call, args) },
		show,
	)
}

// handleAsking is the way of every tool call: who, what, ask, run, show. What is asked of the human, if anything,
// depends on the arguments; run gets what they said, which is Unsupported where no human can be reached and the zero
// Answer where nothing was asked.
//
// It never returns an error, because mcp-go gives the text of an error to the client, and that of a panic too.
func handleAsking[A, R any](
	h *handlers, tool string,
	read func(raw json.RawMessage, purposes bool) (A, error),
	form func(context.Context, tools.Call, A) *Form,
	run func(context.Context, tools.Call, A, Answer) (*R, error),
	show func(R) *mcp.CallToolResult,
) server.ToolHandlerFunc {
	return func(protocol context.Context, request mcp.CallToolRequest) (result *mcp.CallToolResult, _ error) {
		defer func() {
			if p := recover(); p != nil {
				logPanic(h.log, tool, p)
				result = showRefusal(unavailable())
			}
		}()
		taken(protocol)
		defer toolEnded(protocol)
		// What the protocol knows of the request is in the one context; tools run in the other, which ends when they have to.
		ctx, call, err := h.caller(protocol)
		if err != nil {
			return h.refuse(tool, err), nil
		}
		leave, err := h.admit(ctx, call)
		if err != nil {
			return h.refuse(tool, err), nil
		}
		defer leave()
		ctx, ended := h.stops.Running(ctx, call.Principal)
		defer ended()
		args, err := read(request.Params.RawArguments, len(h.tools.Purposes()) > 0)
		if err != nil {
			return h.refuse(tool, asError(h.tools.Refuse(ctx, call, tool, err.Error()))), nil
		}
		var said Answer
		if f := form(ctx, call, args); f != nil {
			var question *mcp.CallToolResult
			if said, question = h.ask(protocol, ctx, call, request, *f); question != nil {
				return question, nil
			}
		}
		defer h.running(protocol)()
		answer, err := run(ctx, call, args, said)
		if err != nil {
			return h.refuse(tool, err), nil
		}
		if answer == nil {
			return h.refuse(tool, errors.New("the tool gave neither answer nor refusal")), nil
		}
		return show(*answer), nil
	}
}

// refuse shows a refusal, and of any other error nothing at all.
func (h *handlers) refuse(tool string, err error) *mcp.CallToolResult {
	if refusal, ok := errors.AsType[*tools.Refusal](err); ok && refusal != nil {
		return showRefusal(*refusal)
	}
	h.log.Error().Err(err).Str("tool", tool).Msg("tool failed")
	return showRefusal(unavailable())
}

func unavailable() tools.Refusal {
	return tools.Refusal{
		Code:    tools.Unavailable,
		Message: "the call could not be completed, because of a fault on the server",
		Hint:    "Try again later; if it stays like this, tell whoever runs this Deputy server. Changing the statement will not help.",
	}
}

// asError keeps a nil refusal from becoming an error that is not nil.
func asError(r *tools.Refusal) error {
	if r == nil {
		return errors.New("a call was refused without a refusal")
	}
	return r
}

// logPanic writes where it happened and of which type the panic value was. Its text only when the runtime wrote it:
// other panics may carry anything, rows too.
func logPanic(log zerolog.Logger, where string, p any) {
	what := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	log.Error().Str("in", where).Str("panic", what).Str("stack", string(debug.Stack())).Msg("panic")
}
