package mcp

import (
	"context"
	"encoding/json"
	"time"
)

// progressEvery is after how long a call says that it is still running, and how often.
const progressEvery = time.Second

// tell returns how to tell the client of the call that it is still running; nil: it wants to hear nothing, since it
// gave no token, or cannot.
func (c *Call) tell() func(seconds int) {
	token := c.Message.ProgressToken()
	if token == nil || c.Send == nil {
		return nil
	}
	return func(seconds int) {
		c.Send(Notification("notifications/progress",
			map[string]any{"progressToken": token, "progress": seconds, "message": "running"}))
	}
}

// running tells the client every second that its call is running, and nothing else of it, until stop is called. When
// stop has returned, nothing more is told, so that the answer comes last.
func (h *handlers) running(ctx context.Context, c *Call) (stop func()) {
	tell := c.tell()
	if tell == nil {
		return func() {}
	}
	ticks, end := h.every(progressEvery)
	quit, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for seconds := 1; ; seconds++ {
			select {
			case <-ticks:
				tell(seconds)
			case <-ctx.Done(): // the client has gone
				return
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-stopped
		end()
	}
}

// ProgressToken is what the client wants its progress to be called, as written; nil: it wants none, or what it sent can
// be no token.
func (m Message) ProgressToken() json.RawMessage {
	if token, ok := find(m.meta, "progressToken"); ok && validID(token) {
		return token
	}
	return nil
}
