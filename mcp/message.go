package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/internal/strictjson"
)

// Message is one JSON-RPC message that every reader of its bytes understands in the same way.
type Message struct {
	ID     json.RawMessage // as written; empty: a notification, and its method begins with "notifications/"
	Method string
	params []strictjson.Member
	meta   []strictjson.Member // of the params
	tool   string              // the tool that it calls; "": it calls none, or what it names is no text
	raw    []byte

	standIn json.RawMessage // the id in raw, where mcp-go would not write the message's own as it came; nil: it does
}

// Notification reports whether the message wants no answer.
func (m Message) Notification() bool { return len(m.ID) == 0 }

// Error is an error of the protocol. Its text is ours, never that of a Go error.
type Error struct {
	ID   json.RawMessage
	Code int
	Text string
}

// MarshalJSON writes the error as the answer of JSON-RPC that it is.
func (e *Error) MarshalJSON() ([]byte, error) {
	id := e.ID
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	return json.Marshal(
		map[string]any{
			"jsonrpc": mcp.JSONRPC_VERSION,
			"id":      id,
			"error":   map[string]any{"code": e.Code, "message": e.Text},
		},
	)
}

var null = []byte("null") // written by some clients for what they leave out

// The names that mcp-go reads, which it finds without regard to case.
var (
	messageNames = []string{"jsonrpc", "id", "method", "params", "result", "error"}
	paramNames   = []string{
		"_meta",
		"name",
		"arguments",
		"task",
		"cursor",
		"uri",
		"level",
		"requestId",
		"inputResponses",
		"requestState",
		"protocolVersion",
		"clientInfo",
		"capabilities",
		"notifications",
	}
)

// ReadMessage refuses whatever mcp-go and we, or a proxy in between, could read differently: several messages in one,
// keys written twice or in other letters, ids that it would round, and parameters that do not decode. It checks the
// bytes once, and takes apart what is looked into once.
func ReadMessage(raw []byte) (Message, *Error) {
	m := Message{raw: raw}
	members, problem := readObject(raw)
	if problem == nil {
		problem = m.readHead(members)
	}
	if problem == nil {
		problem = m.readParams(members)
	}
	if problem != nil {
		problem.ID = m.ID
		return Message{}, problem
	}
	return m, nil
}

// readObject takes apart a message that is one object.
func readObject(raw []byte) ([]strictjson.Member, *Error) {
	if bytes.HasPrefix(raw, []byte("\ufeff")) {
		return nil, &Error{
			Code: mcp.PARSE_ERROR,
			Text: "the message begins with a byte order mark: send UTF-8 without one",
		}
	}
	if bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("[")) {
		return nil, Invalid(nil, "batches are not taken: send one message at a time")
	}
	if !json.Valid(raw) {
		return nil, &Error{Code: mcp.PARSE_ERROR, Text: "the message is not JSON"}
	}
	members, err := strictjson.Below(raw)
	if err != nil {
		return nil, Invalid(nil, "the message is not one JSON object with each key once")
	}
	if !exactNames(members, messageNames) {
		return nil, Invalid(nil, "keys of a message are written in lower case")
	}
	return members, nil
}

// readHead reads everything but the parameters.
func (m *Message) readHead(members []strictjson.Member) *Error {
	if id, ok := find(members, "id"); ok {
		if !validID(id) {
			return Invalid(nil, "an id is a string or a number of at most 200 bytes")
		}
		m.ID = id
		if m.standIn = standIn(id); m.standIn != nil {
			m.raw = withID(members, m.standIn)
		}
	}
	if version, _ := find(members, "jsonrpc"); string(version) != `"2.0"` {
		return Invalid(nil, `jsonrpc must be "2.0"`)
	}
	method, ok := find(members, "method")
	if !ok || json.Unmarshal(method, &m.Method) != nil || m.Method == "" {
		return Invalid(nil, "the message names no method; this server asks nothing of clients and takes no responses")
	}
	if strings.HasPrefix(m.Method, "notifications/") != m.Notification() {
		return Invalid(nil, "requests have an id and notifications have none")
	}
	return nil
}

// readParams reads the parameters, as far as they are looked into.
func (m *Message) readParams(members []strictjson.Member) *Error {
	var err error
	if params, ok := find(members, "params"); ok && !bytes.Equal(params, null) {
		if m.params, err = strictjson.Below(params); err != nil || !exactNames(m.params, paramNames) {
			return Invalid(nil, "params is not one object with each key once, in its own letters")
		}
	}
	wrong := func(text string) *Error { return &Error{Code: mcp.INVALID_PARAMS, Text: text} }
	if meta, ok := find(m.params, "_meta"); ok && !bytes.Equal(meta, null) {
		if m.meta, err = strictjson.Below(meta); err != nil {
			return wrong("_meta is not one object with each key once")
		}
	}
	if cursor, ok := find(m.params, "cursor"); ok && !bytes.Equal(cursor, null) && string(cursor) != `""` {
		return wrong("lists have one page here: leave the cursor out")
	}
	if target := parameters(m.Method); target != nil && json.Unmarshal(m.raw, target) != nil {
		return wrong("the parameters are not those of the method")
	}
	if name, ok := find(m.params, "name"); ok && m.Calls() {
		_ = json.Unmarshal(name, &m.tool) // what is no text names no tool
	}
	return nil
}

// parameters gives what mcp-go decodes a request into. Decoding it here first keeps the text of its errors, which names
// Go types, from the client. Methods that are missing are answered with "not found" before anything is decoded.
func parameters(method string) any {
	switch mcp.MCPMethod(method) {
	case mcp.MethodInitialize:
		return &mcp.InitializeRequest{}
	case mcp.MethodServerDiscover:
		return &mcp.DiscoverRequest{}
	case mcp.MethodPing:
		return &mcp.PingRequest{}
	case mcp.MethodToolsList:
		return &mcp.ListToolsRequest{}
	case mcp.MethodToolsCall:
		return &mcp.CallToolRequest{}
	case mcp.MethodSubscriptionsListen:
		return &mcp.SubscriptionsListenRequest{}
	case mcp.MethodResourcesList:
		return &mcp.ListResourcesRequest{}
	case mcp.MethodResourcesTemplatesList:
		return &mcp.ListResourceTemplatesRequest{}
	case mcp.MethodResourcesRead:
		return &mcp.ReadResourceRequest{}
	case mcp.MethodResourcesSubscribe:
		return &mcp.SubscribeRequest{}
	case mcp.MethodResourcesUnsubscribe:
		return &mcp.UnsubscribeRequest{}
	case mcp.MethodPromptsList:
		return &mcp.ListPromptsRequest{}
	case mcp.MethodPromptsGet:
		return &mcp.GetPromptRequest{}
	}
	return nil
}

func find(members []strictjson.Member, name string) (json.RawMessage, bool) {
	return strictjson.Find(members, name)
}

// exactNames is false when a key is one of the names but for the case of its letters.
func exactNames(members []strictjson.Member, names []string) bool {
	return !slices.ContainsFunc(members, func(m strictjson.Member) bool {
		return slices.ContainsFunc(
			names,
			func(name string) bool { return m.Name != name && strings.EqualFold(m.Name, name) },
		)
	})
}

// asWords says what is wrong with an object, in words for the one who wrote it.
func asWords(err error) error {
	if twice, ok := errors.AsType[*strictjson.DuplicateError](err); ok {
		return fmt.Errorf("it has the key %q twice", Clip(twice.Name))
	}
	if errors.Is(err, strictjson.ErrTooMany) {
		return errors.New("it has too many keys")
	}
	return errors.New("it is no object")
}
