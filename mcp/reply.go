package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mark3labs/mcp-go/mcp"
)

// reply is what a client says to a request of ours.
type reply struct {
	id      string // as written
	result  json.RawMessage
	problem int // the code of its error; 0: there is a result
}

// readReply reads a response. It is not ok when the message is none.
func readReply(raw []byte) (r reply, ok bool) {
	members, err := readObject(raw)
	if err != nil || !exactNames(members, messageNames) {
		return reply{}, false
	}
	id, hasID := find(members, "id")
	_, asks := find(members, "method")
	result, answered := find(members, "result")
	problem, failed := find(members, "error")
	if version, _ := find(members, "jsonrpc"); string(version) != `"2.0"` || !hasID || asks || answered == failed {
		return reply{}, false
	}
	r = reply{id: string(id), result: result}
	if failed {
		var told struct{ Code int }
		if json.Unmarshal(problem, &told) != nil || told.Code == 0 {
			told.Code = mcp.INTERNAL_ERROR
		}
		r.problem = told.Code
	}
	return r, true
}

var (
	errNoReply = errors.New("the client went away without an answer")
	errRefused = errors.New("the client answered with an error")
)

// learn notes whether the client of an older revision shows forms, which it says once, in initialize. A pipe has one
// client, so this is no session: nobody else can be meant.
func (p *pipe) learn(m message) {
	if m.method != string(mcp.MethodInitialize) {
		return
	}
	version, _ := find(m.params, "protocolVersion")
	declared, _ := find(m.params, "capabilities")
	var revision string
	var capabilities mcp.ClientCapabilities
	knows := json.Unmarshal(version, &revision) == nil &&
		slices.Contains([]string{mcp.ProtocolVersion20250618, mcp.ProtocolVersion20251125}, revision)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.elicits = knows && json.Unmarshal(declared, &capabilities) == nil && elicits(&capabilities)
}

// ask sends the client a request of ours and waits for the reply, which only this pipe can bring.
func (p *pipe) ask(ctx context.Context, params any) (json.RawMessage, error) {
	p.mu.Lock()
	p.asked++
	id := fmt.Sprintf(`"deputy-%d"`, p.asked)
	answer := make(chan reply, 1)
	p.questions[id] = answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.questions, id)
		p.mu.Unlock()
	}()
	p.write(
		map[string]any{
			"jsonrpc": mcp.JSONRPC_VERSION,
			"id":      json.RawMessage(id),
			"method":  mcp.MethodElicitationCreate,
			"params":  params,
		},
	)
	// while its human decides, the call takes no place: else as many questions as places would keep their replies from
	// being read
	<-p.slots
	defer func() { p.slots <- struct{}{} }()
	late, stop := p.every(questionLife)
	defer stop()
	select {
	case r := <-answer:
		switch r.problem {
		case 0:
			return r.result, nil
		case mcp.METHOD_NOT_FOUND:
			return nil, errNotAsked
		}
		return nil, errRefused
	case <-p.inputEnded:
		return nil, errNoReply
	case <-late:
	case <-ctx.Done():
	}
	p.write(
		map[string]any{
			"jsonrpc": mcp.JSONRPC_VERSION,
			"method":  mcp.MethodNotificationCancelled,
			"params":  map[string]any{"requestId": json.RawMessage(id)},
		},
	)
	return nil, errNoReply
}

// answered hands on a reply to whoever waits for it. One that nobody waits for is dropped: it came too late, or twice,
// or is to nothing that we asked, and a response has no answer.
func (p *pipe) answered(r reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if waiting, ok := p.questions[r.id]; ok {
		delete(p.questions, r.id)
		waiting <- r
	}
}
