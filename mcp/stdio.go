package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/tools"
)

// maxPiped is how many requests of one client are served at once; the next ones wait in the pipe.
const maxPiped = 64

// settleTime is what cancelled calls have to clean up in.
const settleTime = 10 * time.Second

// ServeStdio serves one client, a message on each line, until the input ends and every request has its answer, or until
// the context ends. The credentials are asked for and verified with every tool call, since tokens expire and are
// revoked while the process lives. Without good ones, tools are refused and the reason is for the model to read.
//
// The loop is our own: mcp-go's ends the running calls when the input ends, reads lines of any length, and cancels by
// an id that it has not yet seen.
func ServeStdio(
	ctx context.Context,
	cfg Config,
	in io.Reader,
	out io.Writer,
	credentials func() (identity.Credentials, error),
) error {
	if err := cfg.complete(); err != nil {
		return err
	}
	watch, err := newWatch(cfg.Telemetry, "pipe")
	if err != nil {
		return err
	}
	limits, err := newLimiter(cfg)
	if err != nil {
		return err
	}
	cfg.admit = limits.admit
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	who := stdioCaller(cfg, credentials, watch)
	p := newPipe(cfg, newServer(cfg, who), who, watch, out, cancel)
	return p.serve(ctx, in, int(cfg.MaxMessage))
}

func newPipe(
	cfg Config,
	s *server.MCPServer,
	who caller,
	watch *watch,
	out io.Writer,
	cancel context.CancelCauseFunc,
) *pipe {
	return &pipe{
		server:     s,
		caller:     who,
		tools:      cfg.Tools,
		admit:      cfg.admit,
		watch:      watch,
		begin:      cfg.Begin,
		every:      cfg.Every,
		log:        cfg.Logger,
		out:        out,
		cancel:     cancel,
		calls:      map[string]context.CancelFunc{},
		questions:  map[string]chan reply{},
		inputEnded: make(chan struct{}),
		slots:      make(chan struct{}, maxPiped),
	}
}

func (p *pipe) serve(ctx context.Context, in io.Reader, longest int) error {
	err := p.serveLines(ctx, readLines(ctx, in, longest))
	close(p.inputEnded)
	p.settle(ctx)
	if broken := p.writeError(); broken != nil {
		return broken
	}
	return err
}

// stdioCaller verifies the credentials of the process, which may have changed since the last call.
func stdioCaller(cfg Config, credentials func() (identity.Credentials, error), watch *watch) caller {
	return func(ctx context.Context) (context.Context, tools.Call, error) {
		given, err := credentials()
		if err == nil {
			given.ClientAddress = "stdio"
			var principal identity.Principal
			if principal, err = watch.prove(ctx, cfg.Authenticator, given); err == nil {
				return ctx, tools.Call{Principal: principal, Client: "stdio"}, nil
			}
		}
		cfg.Logger.Warn().Err(err).Msg("caller refused")
		if why, ok := errors.AsType[*identity.AuthError](err); ok && why != nil {
			cfg.Tools.TurnAway(ctx, "stdio", why)
		}
		return nil, tools.Call{}, credentialRefusal(err)
	}
}

func credentialRefusal(err error) *tools.Refusal {
	r := &tools.Refusal{
		Code:    tools.NotPermitted,
		Message: "the credentials of this Deputy process cannot be read",
		Hint: "Nothing you can write helps. Ask the person who set this server up to set DEPUTY_AGENT_KEY and, to act for a human, " +
			"DEPUTY_USER_TOKEN or DEPUTY_USER_TOKEN_FILE, in the environment of \"deputy stdio\".",
	}
	if refusal, ok := errors.AsType[*identity.AuthError](err); ok && refusal != nil {
		r.Message = refusal.Message
		switch {
		case errors.Is(err, identity.ErrStopped):
			r.Hint = "Nothing you can write helps. Tell the human that an administrator of Deputy has stopped this."
		case errors.Is(err, identity.ErrSignIn):
			r.Hint = "Nothing you can write helps. Ask the human to do what the message says in a terminal on this machine, and then try again."
		case errors.Is(err, identity.ErrAnotherHuman):
			r.Hint = "Nothing you can write helps. Ask the human to restart this server in their application; what you have seen so far was another human's."
		}
		if refusal.Code == identity.Unavailable {
			r.Code = tools.Unavailable
			if !errors.Is(err, identity.ErrStopped) {
				r.Hint = "Try again later."
			}
		}
	}
	return r
}

// pipe is one client on the other end of two streams.
type pipe struct {
	server *server.MCPServer
	caller caller // says who it is; asked only for what needs a record
	tools  Tools
	admit  admission
	begin  func(context.Context) (context.Context, func())
	every  func(time.Duration) (<-chan time.Time, func())
	log    zerolog.Logger
	watch  *watch
	cancel context.CancelCauseFunc

	writing sync.Mutex
	out     io.Writer
	broken  error // the first error of writing; nothing is written after it

	mu      sync.Mutex
	calls   map[string]context.CancelFunc // running requests, by their id as written
	running sync.WaitGroup
	slots   chan struct{}

	elicits    bool                  // the client shows forms; under mu, and so are the next two
	asked      int                   // how many requests of ours there were
	questions  map[string]chan reply // those that wait for a reply, by their id as written
	inputEnded chan struct{}         // closed: no reply comes any more
}

// serveLines takes lines until there are no more, or the context ends.
func (p *pipe) serveLines(ctx context.Context, lines <-chan inputLine) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case line := <-lines:
			switch {
			case line.tooLong:
				p.refuse(ctx, &rpcError{code: mcp.INVALID_REQUEST, text: "the message is too long"})
			case len(line.text) > 0:
				p.take(ctx, line.text)
			}
			if line.err == io.EOF {
				return nil
			}
			if line.err != nil {
				return fmt.Errorf("read: %w", line.err)
			}
		}
	}
}

// settle waits for the running requests: for ever when they may finish, and not for ever for one whose client has
// stopped reading when they may not.
func (p *pipe) settle(ctx context.Context) {
	settled := make(chan struct{})
	go func() {
		p.running.Wait()
		close(settled)
	}()
	select {
	case <-settled:
		return
	case <-ctx.Done():
	}
	select {
	case <-settled:
	case <-time.After(settleTime):
		p.log.Warn().Msg("calls were cut off at shutdown")
	}
}

// take starts a request and returns. Its id is known before the next line is read, so that a cancellation finds it.
func (p *pipe) take(ctx context.Context, line []byte) {
	m, problem := readMessage(line)
	if problem != nil {
		if r, ok := readReply(line); ok {
			p.answered(r)
			return
		}
		p.refuse(ctx, problem)
		return
	}
	p.learn(m)
	if m.notification() {
		p.notify(m)
		return
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	id := string(m.id)
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	_, taken := p.calls[id]
	if !taken {
		p.calls[id] = cancel
	}
	p.mu.Unlock()
	if taken {
		cancel()
		<-p.slots
		p.write(&rpcError{m.id, mcp.INVALID_REQUEST, "a request with this id is still running"})
		return
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		response := p.handle(ctx, m, line)
		p.mu.Lock()
		delete(p.calls, id)
		p.mu.Unlock()
		if ctx.Err() == nil { // a cancelled request has no answer
			p.write(response)
		}
		cancel()
	})
}

// refuse answers a message that cannot be read, once it is on the record.
func (p *pipe) refuse(ctx context.Context, problem *rpcError) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		p.record(ctx, &attempt{misread: problem.text})
		p.write(problem)
	})
}

func (p *pipe) handle(ctx context.Context, m message, line []byte) (response any) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(p.log, m.method, v)
			response = &rpcError{m.id, mcp.INTERNAL_ERROR, "the call could not be completed, because of a fault on the server"}
		}
	}()
	ctx, end := p.begin(ctx)
	defer end()
	ctx, span := p.watch.begin(ctx, m, "", time.Now())
	defer func() { span.End() }() // not deferred itself: it would write the text of a panic into the trace
	p.mu.Lock()
	elicits := p.elicits
	p.mu.Unlock()
	if elicits {
		ctx = context.WithValue(ctx, askKey{}, p.ask)
	}
	one := &attempt{message: m}
	response = p.server.HandleMessage(
		withProgress(context.WithValue(ctx, attemptKey{}, one), m, p.write),
		json.RawMessage(line),
	)
	p.record(ctx, one)
	return response
}

// notify cancels a running request; this server has no use for any other notification.
func (p *pipe) notify(m message) {
	if m.method != string(mcp.MethodNotificationCancelled) {
		return
	}
	id, _ := find(m.params, "requestId")
	p.mu.Lock()
	defer p.mu.Unlock()
	if cancel, ok := p.calls[string(id)]; ok {
		cancel()
	}
}

func (p *pipe) write(message any) {
	encoded, err := json.Marshal(message)
	if err != nil {
		p.log.Error().Err(err).Msg("answer cannot be written")
		return
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.broken != nil {
		return
	}
	if _, err := p.out.Write(append(encoded, '\n')); err != nil {
		p.broken = fmt.Errorf("write: %w", err)
		p.cancel(p.broken)
	}
}

func (p *pipe) writeError() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.broken
}

// inputLine is one line of input, without its end. The last one has an error, io.EOF as a rule.
type inputLine struct {
	text    []byte
	tooLong bool
	err     error
}

// readLines hands on line after line, and reads no further than one line ahead.
func readLines(ctx context.Context, in io.Reader, longest int) <-chan inputLine {
	lines := make(chan inputLine)
	go func() { // a blocked read cannot be interrupted: then this ends with the process
		for reader := bufio.NewReader(in); ; {
			line := readLine(reader, longest)
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
			if line.err != nil {
				return
			}
		}
	}()
	return lines
}

// readLine reads a line to its end, and keeps none of it when it is too long.
func readLine(in *bufio.Reader, longest int) (line inputLine) {
	for {
		part, err := in.ReadSlice('\n')
		if line.tooLong = line.tooLong || len(line.text)+len(part) > longest; line.tooLong {
			line.text = nil
		} else {
			line.text = append(line.text, part...)
		}
		if err != bufio.ErrBufferFull {
			line.text, line.err = bytes.TrimRight(line.text, "\r\n"), err
			return line
		}
	}
}
