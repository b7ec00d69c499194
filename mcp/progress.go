package mcp

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// progressEvery is after how long a call says that it is still running, and how often.
const progressEvery = time.Second

type progressKey struct{}

// withProgress lets a call that is answered in the context tell its client, through send, that it is still running. A
// client that gave no token is told nothing.
func withProgress(ctx context.Context, m message, send func(any)) context.Context {
	token := m.progressToken()
	if token == nil {
		return ctx
	}
	return context.WithValue(ctx, progressKey{}, func(seconds int) {
		send(map[string]any{"jsonrpc": mcp.JSONRPC_VERSION, "method": "notifications/progress",
			"params": map[string]any{"progressToken": token, "progress": seconds, "message": "running"}})
	})
}

// running tells the client every second that its call is running, and nothing else of it, until stop is called. When
// stop has returned, nothing more is told, so that the answer comes last.
func (h *handlers) running(ctx context.Context) (stop func()) {
	tell, ok := ctx.Value(progressKey{}).(func(seconds int))
	if !ok {
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
			case <-ctx.Done(): // nobody is left to be told
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

// progressToken is what the client wants its progress to be called, as written; nil: it wants none, or what it sent can
// be no token.
func (m message) progressToken() json.RawMessage {
	meta, _ := find(m.params, "_meta")
	members, err := readObject(meta)
	if err != nil {
		return nil
	}
	if token, ok := find(members, "progressToken"); ok && validID(token) {
		return token
	}
	return nil
}
