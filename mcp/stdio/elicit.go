package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"deputy/mcp"
)

var (
	errNoReply = errors.New("the client went away without an answer")
	errRefused = errors.New("the client answered with an error")
)

// learn notes whether the client of an older revision shows forms, which it says once, in initialize. A pipe has one
// client, so this is no session: no other can be meant.
func (p *pipe) learn(m mcp.Message) {
	if yes, ok := m.Elicits(); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.elicits = yes
	}
}

// ask sends the client a request of ours and waits for the reply, which only this pipe can bring.
func (p *pipe) ask(ctx context.Context, params any) (json.RawMessage, error) {
	p.mu.Lock()
	p.asked++
	id := fmt.Sprintf(`"deputy-%d"`, p.asked)
	answer := make(chan mcp.Reply, 1)
	p.questions[id] = answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.questions, id)
		p.mu.Unlock()
	}()
	p.write(mcp.Request(json.RawMessage(id), mcp.Elicitation, params))
	// while its human decides, the call takes no place: else as many questions as places would keep their replies from
	// being read
	<-p.slots
	defer func() { p.slots <- struct{}{} }()
	late, stop := p.config.Every(mcp.QuestionLife)
	defer stop()
	select {
	case r := <-answer:
		switch r.Problem {
		case 0:
			return r.Result, nil
		case mcp.MethodNotFound:
			return nil, mcp.ErrNotAsked
		}
		return nil, errRefused
	case <-p.inputEnded:
		return nil, errNoReply
	case <-late:
	case <-ctx.Done():
	}
	p.write(mcp.Notification(mcp.Cancelled, map[string]any{"requestId": json.RawMessage(id)}))
	return nil, errNoReply
}

// answered hands on a reply to the call that waits for it. One that no call waits for is dropped: it came too late, or
// twice, or is to nothing that we asked, and a response has no answer.
func (p *pipe) answered(r mcp.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if waiting, ok := p.questions[r.ID]; ok {
		delete(p.questions, r.ID)
		waiting <- r
	}
}
