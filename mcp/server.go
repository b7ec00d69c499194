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
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/tools"
)

const (
	toolQuery    = "query"
	toolDescribe = "describe_table"
	toolRequest  = "request_access"
)

// Server speaks the protocol. Both transports share it; it keeps nothing of what clients say of themselves, and nothing
// between calls.
type Server struct {
	mcp  *server.MCPServer
	http *server.StreamableHTTPServer
}

type handlers struct {
	seal  seal
	every func(time.Duration) (<-chan time.Time, func())
	stops Stops
	log   zerolog.Logger

	copies  Copies
	ignore  []string
	ignored metric.Int64Counter
}

// NewServer makes the server of the tools. The configuration must be WithDefaults.
func NewServer(cfg Config) *Server {
	h := newHandlers(cfg)
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(func(ctx context.Context, _ any, _ *mcp.ListToolsRequest, list *mcp.ListToolsResult) {
		choicesOf(ctx).describe(list.Tools)
		if c := callOf(ctx); c != nil && c.copies(cfg.Answers) == OnlyText {
			withoutOutput(list.Tools)
		}
	})
	s := server.NewMCPServer("deputy", cfg.Version,
		server.WithTitle("Deputy"),
		server.WithIcons(icon(markShield)),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		// Empty, so that hosts which list these unasked are given a list and not an error.
		server.WithResourceCapabilities(false, false),
		server.WithPromptCapabilities(false),
		server.WithHooks(hooks),
	)
	all := []server.ServerTool{
		{Tool: queryTool(choices{}), Handler: handle(h, toolQuery, readQueryArgs, Tools.Query, showRows)},
		{
			Tool:    describeTool(choices{}),
			Handler: handle(h, toolDescribe, readDescribeArgs, Tools.DescribeTable, showDescription),
		},
		{
			Tool:    requestTool(choices{}),
			Handler: handleAsking(h, toolRequest, readRequestArgs, confirmation, requestAccess, showRequest),
		},
	}
	if cfg.more != nil {
		all = append(all, cfg.more(h)...)
	}
	s.AddTools(all...)
	return &Server{mcp: s, http: newHTTP(s, cfg.Logger)}
}

func newHandlers(cfg Config) *handlers {
	return &handlers{
		seal: seal{cfg.StateKey, cfg.Now}, every: cfg.Every, stops: cfg.Stops, log: cfg.Logger,
		ignore: cfg.IgnoredArguments, ignored: cfg.ignored, copies: cfg.Answers,
	}
}

// Answer answers a call that came by a transport of ours. Encode encodes what it returns; nil: there is nothing to say.
func (s *Server) Answer(ctx context.Context, c *Call) (response any) {
	response = s.mcp.HandleMessage(withCall(ctx, c), json.RawMessage(c.Message.raw))
	if response == nil || c.Message.standIn == nil && c.aside.Load() == nil {
		return response
	}
	return answered{c, response}
}

// Fault is what a caller is told of a fault on the server.
const Fault = "the call could not be completed, because of a fault on the server"

// handle is the way of a tool call about which its human is not asked.
func handle[A, R any](
	h *handlers, tool string,
	read func(json.RawMessage, reading) (A, error),
	run func(Tools, context.Context, tools.Call, A) (*R, error),
	show func(R) *mcp.CallToolResult,
) server.ToolHandlerFunc {
	nothing := func(Tools, context.Context, tools.Call, A) *Form { return nil }
	asked := func(t Tools, ctx context.Context, call tools.Call, args A, _ Answer) (*R, error) {
		return run(t, ctx, call, args)
	}
	return handleAsking(h, tool, read, nothing, asked, show)
}

// handleAsking is the way of every tool call: who, what, ask, run, show. What is asked of the human, if anything,
// depends on the arguments; run gets what they said, which is Unsupported where no human can be reached and the zero
// Answer where nothing was asked.
//
// It never returns an error, because mcp-go gives the text of an error to the client, and that of a panic too.
func handleAsking[A, R any](
	h *handlers, tool string,
	read func(json.RawMessage, reading) (A, error),
	form func(Tools, context.Context, tools.Call, A) *Form,
	run func(Tools, context.Context, tools.Call, A, Answer) (*R, error),
	show func(R) *mcp.CallToolResult,
) server.ToolHandlerFunc {
	return func(protocol context.Context, request mcp.CallToolRequest) (result *mcp.CallToolResult, _ error) {
		defer func() {
			if p := recover(); p != nil {
				LogPanic(h.log, tool, p)
				result = showRefusal(Unavailable())
			}
		}()
		c := callOf(protocol)
		if c == nil {
			return h.refuse(tool, errors.New("a request got past authentication")), nil
		}
		c.Taken()
		if c.Ended != nil {
			defer c.Ended()
		}
		// What the protocol knows of the request is in the one context; tools run in the other, which ends when they have to.
		ctx, call, leave, err := c.begin(protocol)
		if err != nil {
			return h.refuse(tool, err), nil
		}
		defer leave()
		ctx, ended := h.stops.Running(ctx, call.Principal)
		defer ended()
		use := c.Generation.Tools()
		args, err := read(request.Params.RawArguments, h.reading(ctx, use))
		if err != nil {
			return h.refuse(tool, asError(use.Refuse(ctx, call, tool, err.Error()))), nil
		}
		var said Answer
		if f := form(use, ctx, call, args); f != nil {
			var question *mcp.CallToolResult
			if said, question = h.ask(protocol, ctx, call, request, *f); question != nil {
				return question, nil
			}
		}
		defer h.running(protocol, c)()
		answer, err := run(use, ctx, call, args, said)
		if err != nil {
			return h.refuse(tool, err), nil
		}
		if answer == nil {
			return h.refuse(tool, errors.New("the tool gave neither answer nor refusal")), nil
		}
		result = show(*answer)
		c.copies(h.copies).keep(result)
		c.setAside(result)
		return result, nil
	}
}

// reading is how the arguments of a call are read.
func (h *handlers) reading(ctx context.Context, use Tools) reading {
	return reading{
		purposes: len(use.Purposes()) > 0,
		queries:  use.HasQueries(),
		ignore:   h.ignore,
		ignored: func(name string) {
			h.ignored.Add(ctx, 1, metric.WithAttributes(attribute.String("argument", name)))
		},
	}
}

// begin says who is calling, and lets the call begin.
func (c *Call) begin(protocol context.Context) (_ context.Context, _ tools.Call, leave func(), _ error) {
	ctx, call, err := c.Caller(protocol)
	if err != nil || c.Admit == nil {
		return ctx, call, func() {}, err
	}
	leave, err = c.Admit(ctx, call)
	return ctx, call, leave, err
}

// refuse shows a refusal, and of any other error nothing at all.
func (h *handlers) refuse(tool string, err error) *mcp.CallToolResult {
	if refusal, ok := errors.AsType[*tools.Refusal](err); ok && refusal != nil {
		return showRefusal(*refusal)
	}
	h.log.Error().Err(err).Str("tool", tool).Msg("tool failed")
	return showRefusal(Unavailable())
}

// Unavailable is what a caller is told of a fault.
func Unavailable() tools.Refusal {
	return tools.Refusal{
		Code:    tools.Unavailable,
		Message: Fault,
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

// LogPanic writes where it happened and of which type the panic value was. Its text only when the runtime wrote it:
// other panics may carry anything, rows too.
func LogPanic(log zerolog.Logger, where string, p any) {
	what := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	log.Error().Str("in", where).Str("panic", what).Str("stack", string(debug.Stack())).Msg("panic")
}
