package mcp

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/rs/zerolog"

	"deputy/internal/strictjson"
)

// What the transports need to know of the protocol's words stands here, so that they need not know mcp-go.
const (
	HeaderRevision = mcp.HeaderProtocolVersion
	// FirstRevision is the one of 2024-11-05, whose clients take no events as an answer.
	FirstRevision = mcp.ProtocolVersion20241105
	// MetadataPath is where RFC 9728 has a resource say where its tokens come from.
	MetadataPath = server.WellKnownProtectedResourcePath
	// MethodNotFound and InternalError are codes of Error.
	MethodNotFound = mcp.METHOD_NOT_FOUND
	InternalError  = mcp.INTERNAL_ERROR
	// Cancelled is the notification that cancels a request, in either direction.
	Cancelled = string(mcp.MethodNotificationCancelled)
	// Elicitation is the request that asks the human of the client.
	Elicitation = string(mcp.MethodElicitationCreate)
)

// Invalid is the error of a message that is not what the protocol wants. An empty id: it has none that can be read.
func Invalid(id json.RawMessage, text string) *Error { return &Error{id, mcp.INVALID_REQUEST, text} }

// Request is a request of ours to the client.
func Request(id json.RawMessage, method string, params any) any {
	return map[string]any{"jsonrpc": mcp.JSONRPC_VERSION, "id": id, "method": method, "params": params}
}

// Notification is a message of ours to the client that wants no answer.
func Notification(method string, params any) any {
	return map[string]any{"jsonrpc": mcp.JSONRPC_VERSION, "method": method, "params": params}
}

// newHTTP is mcp-go's own handler: without sessions, which it would keep for ever, and without the streams that belong
// to them. Its Host check is off because ours, which also knows the public name, has run.
func newHTTP(s *server.MCPServer, log zerolog.Logger) *server.StreamableHTTPServer {
	return server.NewStreamableHTTPServer(s,
		server.WithStateLess(true),
		server.WithDisableStreaming(true),
		server.WithDisableLocalhostProtection(true),
		server.WithStreamableHTTPLogger(slog.New(zerolog.NewSlogHandler(log))),
	)
}

// ServeHTTP answers a call whose message is read already: mcp-go is handed its bytes, and reads no body.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request, c *Call) {
	s.http.Handle(response{w, c}, &server.HTTPRequest{
		Method:  r.Method,
		URL:     r.URL,
		Header:  r.Header,
		Body:    c.Message.raw,
		Context: withCall(r.Context(), c),
	})
}

// response is what mcp-go writes to. Where the transport's writer cannot flush, mcp-go makes no stream.
type response struct {
	http.ResponseWriter
	call *Call
}

// Write is called once, with the whole of an answer.
func (r response) Write(p []byte) (int, error) {
	pieces, size := r.call.whole(p)
	if r.call.Sending != nil {
		r.call.Sending(size)
	}
	for _, piece := range pieces {
		if _, err := r.ResponseWriter.Write(piece); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Flush implements server.HTTPResponseWriter.
func (r response) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// CanStream implements server.HTTPResponseWriter.
func (r response) CanStream() bool {
	_, ok := r.ResponseWriter.(http.Flusher)
	return ok
}

// Unwrap is for http.ResponseController.
func (r response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Calls reports whether the message is a call of a tool, of whatever name.
func (m Message) Calls() bool { return m.Method == string(mcp.MethodToolsCall) }

// Tool is the name of the tool that the message calls; "": it calls none.
func (m Message) Tool() string { return m.tool }

// Cancels is the id, as written, of the request that the notification cancels; "": it cancels none.
func (m Message) Cancels() string {
	if m.Method != Cancelled {
		return ""
	}
	id, _ := find(m.params, "requestId")
	return string(id)
}

// Reply is what a client says to a request of ours.
type Reply struct {
	ID      string // as written
	Result  json.RawMessage
	Problem int // the code of its error; 0: there is a result
}

// ReadReply reads a response. It is not ok when the message is none.
func ReadReply(raw []byte) (r Reply, ok bool) {
	members, err := strictjson.Members(raw)
	if err != nil || !exactNames(members, messageNames) {
		return Reply{}, false
	}
	id, hasID := find(members, "id")
	_, asks := find(members, "method")
	result, answered := find(members, "result")
	problem, failed := find(members, "error")
	if version, _ := find(members, "jsonrpc"); string(version) != `"2.0"` || !hasID || asks || answered == failed {
		return Reply{}, false
	}
	r = Reply{ID: string(id), Result: result}
	if failed {
		var told struct{ Code int }
		if json.Unmarshal(problem, &told) != nil || told.Code == 0 {
			told.Code = InternalError
		}
		r.Problem = told.Code
	}
	return r, true
}
