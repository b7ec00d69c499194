// Package stdio serves one client of the protocol over standard input and output, a message on each line.
//
// The loop is our own: mcp-go's ends the running calls when the input ends, reads lines of any length, and cancels by
// an id that it has not yet seen.
package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/internal/budget"
	"deputy/mcp"
	"deputy/mcp/limit"
	"deputy/tools"
)

// maxPiped is how many requests of one client are served at once; the next ones wait in the pipe.
const maxPiped = 64

// Config is what a server over standard input and output needs beside the protocol.
type Config struct {
	mcp.Config
	// Limits bound what the caller may do, with numbers that may change from call to call. Nil: the defaults.
	Limits func() limit.Limits
	// Credentials are those of the process. They are asked for and verified with every tool call, since tokens expire
	// and are revoked while the process lives. They are needed.
	Credentials func() (identity.Credentials, error)
	// Authenticator is asked instead of the one of the call's generation; nil: that one is.
	Authenticator func(mcp.Generation) mcp.Authenticator
	// Ending is how long running calls get when the context has ended. Nil or 0: 30 seconds.
	Ending func() time.Duration
}

// Serve serves one client until the input ends and every request has its answer, or until the context ends. Then it
// takes no more calls, and those that run get the time of Ending, unless the input ends meanwhile: they are cancelled
// then, and answered with that. Without good credentials, tools are refused and the reason is for the model to read.
func Serve(ctx context.Context, cfg Config, in io.Reader, out io.Writer) error {
	var err error
	if cfg.Config, err = cfg.Config.WithDefaults(); err != nil {
		return err
	}
	if cfg.Credentials == nil {
		return errors.New("stdio: Credentials are needed")
	}
	if cfg.Authenticator == nil {
		cfg.Authenticator = mcp.Generation.Authenticator
	}
	watch, err := mcp.NewWatch(cfg.Telemetry, "pipe")
	if err != nil {
		return err
	}
	limits, err := limit.New(limit.Config{Limits: cfg.Limits, Now: cfg.Now, Telemetry: cfg.Telemetry})
	if err != nil {
		return err
	}
	calls, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	p := &pipe{
		config:     cfg,
		server:     mcp.NewServer(cfg.Config),
		limits:     limits,
		watch:      watch,
		log:        cfg.Logger,
		out:        out,
		stopping:   ctx.Done(),
		cut:        cut,
		calls:      map[string]context.CancelFunc{},
		questions:  map[string]chan mcp.Reply{},
		inputEnded: make(chan struct{}),
		slots:      make(chan struct{}, maxPiped),
	}
	err = p.serve(calls, readLines(calls, in, int(cfg.MaxMessage)))
	if broken := p.writeError(); broken != nil {
		return broken
	}
	if errors.Is(err, errStopping) {
		return context.Cause(ctx)
	}
	return err
}

// pipe is one client on the other end of two streams.
type pipe struct {
	config Config
	server *mcp.Server
	limits *limit.Limiter
	watch  *mcp.Watch
	log    zerolog.Logger

	stopping <-chan struct{}         // closed: no call begins any more
	cut      context.CancelCauseFunc // ends the calls

	writing sync.Mutex
	out     io.Writer
	broken  error // the first error of writing; nothing is written after it

	mu      sync.Mutex
	calls   map[string]context.CancelFunc // running requests, by their id as written
	running sync.WaitGroup
	slots   chan struct{}

	elicits    bool                      // the client shows forms; under mu, and so are the next two
	asked      int                       // how many requests of ours there were
	questions  map[string]chan mcp.Reply // those that wait for a reply, by their id as written
	inputEnded chan struct{}             // closed: no reply comes any more
}

// take starts a request and returns. Its id is known before the next line is read, so that a cancellation finds it.
func (p *pipe) take(ctx context.Context, line []byte) {
	m, problem := mcp.ReadMessage(line)
	if problem != nil {
		if r, ok := mcp.ReadReply(line); ok {
			p.answered(r)
			return
		}
		p.refuse(ctx, problem)
		return
	}
	p.learn(m)
	if m.Notification() {
		p.notify(m)
		return
	}
	select {
	case p.slots <- struct{}{}:
	case <-p.stopping:
		p.late(m)
		return
	case <-ctx.Done():
		return
	}
	id := string(m.ID)
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
		p.write(mcp.Invalid(m.ID, "a request with this id is still running"))
		return
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		account := p.config.Budget.Account(clientName)
		defer account.Close()
		response := p.handle(budget.With(ctx, account), m)
		p.mu.Lock()
		delete(p.calls, id)
		p.mu.Unlock()
		if ctx.Err() == nil || errors.Is(context.Cause(ctx), tools.ErrEnding) { // what a client cancels has no answer
			p.write(response)
		}
		cancel()
	})
}

// refuse answers a message that cannot be read, once it is on the record.
func (p *pipe) refuse(ctx context.Context, problem *mcp.Error) {
	select {
	case p.slots <- struct{}{}:
	case <-p.stopping:
		return
	case <-ctx.Done():
		return
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		g, end := p.config.Generations.Begin(ctx)
		defer end()
		c := &mcp.Call{Generation: g}
		c.Misread(problem.Text)
		p.record(ctx, c)
		p.write(problem)
	})
}

// handle answers one request.
func (p *pipe) handle(ctx context.Context, m mcp.Message) (response any) {
	defer func() {
		if v := recover(); v != nil {
			mcp.LogPanic(p.log, m.Method, v)
			response = &mcp.Error{ID: m.ID, Code: mcp.InternalError, Text: mcp.Fault}
		}
	}()
	g, end := p.config.Generations.Begin(ctx)
	defer end()
	ctx, span := p.watch.Begin(ctx, m, "", time.Now())
	defer func() { span.End() }() // not deferred itself: it would write the text of a panic into the trace
	c := &mcp.Call{
		Generation: g,
		Message:    m,
		Caller: func(ctx context.Context) (context.Context, tools.Call, error) {
			return p.caller(ctx, g)
		},
		Admit: p.admit,
		Send:  p.write,
	}
	p.mu.Lock()
	if p.elicits {
		c.Ask = p.ask
	}
	p.mu.Unlock()
	response = p.server.Answer(ctx, c)
	p.record(ctx, c)
	return response
}

// notify cancels a running request; this server has no use for any other notification.
func (p *pipe) notify(m mcp.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cancel, ok := p.calls[m.Cancels()]; ok {
		cancel()
	}
}

func (p *pipe) write(message any) {
	encoded, err := mcp.Encode(message)
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
		p.cut(p.broken)
	}
}

func (p *pipe) writeError() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.broken
}
