package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deputy/mcp"
	"deputy/tools"
)

const (
	// endTime is what running calls get to end when the server is stopped, unless Config says otherwise.
	endTime = 30 * time.Second
	// settleTime is what cancelled calls have to clean up in.
	settleTime = 10 * time.Second
)

// errStopping is why lines are not taken any more: the context of Serve has ended.
var errStopping = errors.New("the server is being stopped")

// serve takes lines until there are no more, and waits for the calls that came with them.
func (p *pipe) serve(ctx context.Context, lines <-chan inputLine) error {
	err := p.serveLines(ctx, lines)
	settled := make(chan struct{})
	go func() {
		p.running.Wait()
		close(settled)
	}()
	if errors.Is(err, errStopping) {
		p.end(ctx, lines, settled)
	} else {
		close(p.inputEnded)
		select {
		case <-settled:
		case <-ctx.Done(): // the client does not read
		case <-p.stopping: // the client has left, or has nothing more to say: who stops the process does not wait long
			p.cut(tools.ErrEnding)
		}
	}
	select {
	case <-settled:
	case <-time.After(settleTime):
		p.log.Warn().Msg("calls were cut off at shutdown")
	}
	return err
}

// serveLines takes lines until there are no more, or the server is stopped.
func (p *pipe) serveLines(ctx context.Context, lines <-chan inputLine) error {
	for {
		select {
		case <-p.stopping:
			return errStopping
		case <-ctx.Done():
			return context.Cause(ctx)
		case line := <-lines:
			switch {
			case line.tooLong:
				p.refuse(ctx, mcp.Invalid(nil, "the message is too long"))
			case len(line.text) > 0:
				p.take(ctx, line.text)
			}
			if errors.Is(line.err, io.EOF) {
				return nil
			}
			if line.err != nil {
				return fmt.Errorf("read: %w", line.err)
			}
		}
	}
}

// end gives running calls their time, and cancels what is left then, or as soon as the client goes away.
func (p *pipe) end(ctx context.Context, lines <-chan inputLine, settled <-chan struct{}) {
	defer close(p.inputEnded)
	patience := endTime
	if p.config.Ending != nil && p.config.Ending() > 0 {
		patience = p.config.Ending()
	}
	p.log.Info().Stringer("calls", patience).Msg("stopping: running calls may end")
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-settled:
			return
		case <-ctx.Done():
			return
		case <-late.C:
			p.log.Warn().Msg("calls were cut off at shutdown")
			p.cut(tools.ErrEnding)
			return
		case line := <-lines:
			p.takeLate(line.text)
			if line.err != nil {
				p.cut(tools.ErrEnding)
				return
			}
		}
	}
}

// takeLate takes what is about calls that run already, and says of a new one that it came too late.
func (p *pipe) takeLate(line []byte) {
	m, problem := mcp.ReadMessage(line)
	switch reply, ok := mcp.ReadReply(line); {
	case problem == nil && m.Notification():
		p.notify(m)
	case problem == nil:
		p.late(m)
	case ok:
		p.answered(reply)
	}
}

func (p *pipe) late(m mcp.Message) {
	p.write(
		&mcp.Error{
			ID:   m.ID,
			Code: mcp.InternalError,
			Text: "this server is being stopped: send the request again to the next one",
		},
	)
}
