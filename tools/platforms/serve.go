package platforms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/vending"
)

const (
	openTime   = time.Minute            // for one attempt to open a platform, its rehearsal included
	firstProbe = 300 * time.Millisecond // after which it is asked whether a platform that opens is there at all
)

// Reason says why nothing of a platform is served.
type Reason string

// What Reason can be.
const (
	OutOfReach Reason = "out_of_reach" // It cannot be connected to, or fails when it is asked.
	Silent     Reason = "silent"       // It can be connected to, and answers nothing.
	NotSetUp   Reason = "not_set_up"   // It answers, and no role can be vended.
	Misfit     Reason = "does_not_fit" // The file names what was never there.
)

// ClosedError says that nothing of a platform is served, and why. Tend tries it again.
type ClosedError struct {
	Platform string
	Reason   Reason
	Findings []vending.Finding // Of a platform that is not set up.
	Err      error             // Of any other: what the engine said, or a *PolicyError.
}

func (e *ClosedError) Error() string {
	text := fmt.Sprintf("platform %s is closed (%s)", e.Platform, e.Reason)
	for _, f := range e.Findings {
		text += "\n" + f.Text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unreached says that the platform could not be asked: nothing is known of what it would have answered.
func (e *ClosedError) Unreached() bool { return e.Reason == OutOfReach || e.Reason == Silent }

// Unwrap has words for the caller, and what the engine said for the log. A trouble of the platform is told as a call
// would be told of it that meets it.
func (e *ClosedError) Unwrap() error {
	said := &vending.Error{
		Code: vending.Unavailable, Message: "the data platform cannot be asked now: try again later", Cause: e.Err,
	}
	if met, ok := errors.AsType[*vending.Error](e.Err); ok && slices.Contains(troubles, met.Code) {
		said.Code, said.Message = met.Code, met.Message
	} else if e.Reason == Silent {
		said.Code, said.Message = vending.Silent, "the data platform is silent: it does not answer"
	}
	return said
}

// troubles are the codes of what befalls a platform, which no caller and no statement causes.
var troubles = []vending.Code{vending.Silent, vending.NoConnection, vending.DiskFull}

var (
	errOpening = errors.New("it is being opened")
	errSilent  = errors.New("it does not answer")
)

// serveState is what a platform that is served has beside its catalog.
type serveState struct {
	opening sync.Mutex // Held by the one attempt to open the platform, or to open its tables.

	// What follows is guarded by the platform's mu.

	closed *ClosedError           // Nil: it is open.
	down   *ClosedError           // Why an open platform could not be asked when it was last looked at; nil: it could.
	shut   []entitlements.Problem // Of tables whose rules the database does not understand.

	// What follows is guarded by opening.

	rehearsed *entitlements.Catalog             // All of it was rehearsed.
	passed    map[entitlements.TableName]string // The columns of a table when the database understood its rules.
	tries     int                               // To open the platform, that failed in a row.
	due       time.Time                         // When Tend does something again.
	looked    time.Time                         // When the last look for closed tables ended.
}

// Start is Serve, or Open when no silence is granted.
func Start(
	ctx context.Context,
	configs []Config,
	purposes []string,
	log zerolog.Logger,
	silence time.Duration,
) ([]*Platform, error) {
	if silence > 0 {
		return Serve(ctx, configs, purposes, log, silence)
	}
	return Open(ctx, configs, purposes, log)
}

// Serve makes the platforms of a server. What can be served is; a platform that cannot, and a table whose rules do not
// fit, are closed until they can: see Tend. It returns when each platform is open or known to be closed, and waits for
// no platform that leaves a simple question unanswered for as long as silence.
func Serve(
	ctx context.Context,
	configs []Config,
	purposes []string,
	log zerolog.Logger,
	silence time.Duration,
) ([]*Platform, error) {
	all, err := newPlatforms(configs, purposes, log)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		p.serving = true
		p.serve.closed = &ClosedError{Platform: p.Name, Reason: OutOfReach, Err: errOpening}
	}
	// Each catalog is there, as far as it can be had, before policies are held against any.
	for _, step := range []func(*Platform, context.Context) (func(), error){(*Platform).reach, (*Platform).fit} {
		var each sync.WaitGroup
		for _, p := range all {
			if errors.Is(p.Closed().Err, errOpening) { // else the step before has failed
				each.Go(func() { p.attempt(ctx, step, silence) })
			}
		}
		each.Wait()
	}
	return all, ctx.Err()
}

// attempt does a step of opening the platform, and gives up when the platform is silent. A step that was given up ends
// with its context and opens nothing. Until it has ended, Tend does not begin.
func (p *Platform) attempt(
	ctx context.Context,
	step func(*Platform, context.Context) (func(), error),
	silence time.Duration,
) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	type outcome struct {
		keep func()
		err  error
	}
	done, silent := make(chan outcome, 1), make(chan struct{})
	go func() {
		p.serve.opening.Lock()
		defer p.serve.opening.Unlock()
		keep, err := step(p, ctx)
		done <- outcome{keep, err}
	}()
	go func() {
		defer close(silent)
		for p.answers(ctx, silence) == nil {
			select {
			case <-ctx.Done():
			case <-time.After(firstProbe):
			}
		}
	}()
	var o outcome
	select {
	case o = <-done:
	case <-silent:
		select {
		case o = <-done: // what the step says of it is more than that it is silent
		case <-time.After(firstProbe):
			o.err = errSilent
		}
	}
	if o.err == nil {
		o.keep()
	} else {
		p.close(o.err)
	}
}

// answers asks the platform a simple question. The error says that it was not answered in time.
func (p *Platform) answers(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := p.Engine.Standing(ctx)
		answered <- err
	}()
	select {
	case err := <-answered:
		return err
	case <-ctx.Done(): // whatever a library goes on waiting for
		return errSilent
	}
}

// reach asks the engine whether the platform is set up, and for its catalog.
func (p *Platform) reach(ctx context.Context) (keep func(), _ error) {
	findings, err := p.Engine.Check(ctx)
	if err != nil {
		return nil, err
	}
	closing := &ClosedError{Platform: p.Name, Reason: NotSetUp}
	for _, f := range findings {
		switch {
		case f.Table != entitlements.TableName{}: // it is in the catalog as such
		case f.Warning:
			p.log.Warn().Msg(f.Text)
		case f.Part && p.Known:
			p.log.Error().Msg(f.Text)
		default:
			closing.Findings = append(closing.Findings, f)
		}
	}
	if closing.Findings != nil {
		return nil, closing
	}
	catalog, err := p.Engine.Catalog(ctx)
	return func() { p.saw(catalog) }, err
}

// fit holds the policies against the catalog, and has the database try their SQL. To keep it opens the platform, but
// for the tables whose rules it does not understand.
func (p *Platform) fit(ctx context.Context) (keep func(), _ error) {
	if _, err := p.fitting(); err != nil || len(p.shutTables()) > 0 {
		if err := p.lookAfresh(ctx); err != nil { // the catalog may be an old one
			return nil, err
		}
		if _, err := p.fitting(); err != nil {
			return nil, err
		}
	}
	catalog := p.Catalog()
	shut, passed, err := p.rehearseNew(ctx, catalog)
	return func() { p.opened(catalog, shut, passed) }, err
}

// shutTables are closed, as of the last look at the catalog.
func (p *Platform) shutTables() []entitlements.Problem {
	return slices.DeleteFunc(
		p.Troubles(),
		func(t entitlements.Problem) bool { return t.Table == entitlements.TableName{} },
	)
}

// rehearseNew rehearses each table of the catalog that was not rehearsed as it is, and each that did not pass.
func (p *Platform) rehearseNew(
	ctx context.Context,
	catalog *entitlements.Catalog,
) (shut []entitlements.Problem, passed map[entitlements.TableName]string, _ error) {
	policies, err := p.unshut()
	if err != nil {
		return nil, nil, err
	}
	columns := map[entitlements.TableName]string{}
	for _, t := range catalog.Tables {
		columns[t.TableName] = fmt.Sprint(t.Columns)
	}
	passed = map[entitlements.TableName]string{}
	var due []entitlements.Rehearsal
	for _, r := range policies.Rehearse() {
		name := r.Access.Table
		passed[name] = columns[name]
		if before, known := p.serve.passed[name]; !known || before != columns[name] {
			due = append(due, r)
		}
	}
	shut, err = p.rehearseThese(ctx, due)
	for _, problem := range shut {
		delete(passed, problem.Table)
	}
	return shut, passed, err
}

// opened has calls be answered from the platform. The caller holds opening, or is the only one who knows the platform.
func (p *Platform) opened(
	catalog *entitlements.Catalog,
	shut []entitlements.Problem,
	passed map[entitlements.TableName]string,
) {
	p.serve.rehearsed, p.serve.passed, p.serve.tries = catalog, passed, 0
	p.mu.Lock()
	if !slices.Equal(p.serve.shut, shut) {
		p.serve.shut, p.compiled, p.problems = shut, nil, nil
	}
	p.serve.closed = nil
	p.mu.Unlock()
	p.fitting() // what is closed is said at once
}

// close has no call be answered from the platform. The same reason is said once.
func (p *Platform) close(err error) {
	closing, told := errors.AsType[*ClosedError](err)
	if !told {
		closing = &ClosedError{Platform: p.Name, Reason: reason(err), Err: err}
	}
	p.mu.Lock()
	before := p.serve.closed
	p.serve.closed = closing
	p.mu.Unlock()
	if before == nil || before.Error() != closing.Error() {
		p.log.Error().Str("reason", string(closing.Reason)).Str("error", closing.Error()).
			Msg("the platform is closed until that is over: the others are served")
	}
}

// reason sorts what keeps a platform from being served.
func reason(err error) Reason {
	if _, misfit := errors.AsType[*PolicyError](err); misfit {
		return Misfit
	}
	met, ok := errors.AsType[*vending.Error](err)
	if errors.Is(err, errSilent) || ok && met.Code == vending.Silent {
		return Silent
	}
	return OutOfReach
}

// Closed says why nothing of the platform is served; nil: it is open.
func (p *Platform) Closed() *ClosedError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.serve.closed
}

func (p *Platform) closed() error {
	if c := p.Closed(); c != nil {
		return c
	}
	return nil
}
