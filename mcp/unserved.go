package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
)

// attempt is one message of a proved caller. A tool that takes it writes the record, and so does a limit or a scope
// that refuses it; what is not taken, such as the call of a tool that is not there or a message that cannot be read, is
// recorded at its end. It does not rest on mcp-go's hooks: they do not run for what mcp-go itself refuses.
type attempt struct {
	taken   atomic.Bool // it is on the record, or needs no record
	message message     // zero: it could not be read
	misread string      // why it could not be read
}

type attemptKey struct{}

// taken says that the message in the context needs no further record.
func taken(ctx context.Context) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.taken.Store(true)
	}
}

// misread says why the message in the context could not be read.
func misread(ctx context.Context, why string) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.misread = why
	}
}

// carries says which message it is.
func carries(ctx context.Context, m message) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.message = m
	}
}

// served are the methods that are answered without a record: they say what there is, or wait.
var served = append(slices.Clone(told), string(mcp.MethodSubscriptionsListen))

// unserved is what the record says of a message that was not taken: the tool that it named, if any, and why. An empty
// reason: there is nothing to record.
func (a *attempt) unserved() (tool, why string) {
	method, tool := a.message.known()
	switch {
	case a.taken.Load():
		return "", ""
	case a.misread != "":
		return "", "the message cannot be read: " + a.misread
	case a.message.method == "" || slices.Contains(served, a.message.method):
		return "", ""
	case method != string(mcp.MethodToolsCall):
		return "", fmt.Sprintf("there is no method %q here", showable(a.message.method))
	case tool != otherName:
		return tool, "the call does not fit the protocol, so no tool took it"
	}
	var name string
	value, _ := find(a.message.params, "name")
	_ = json.Unmarshal(value, &name) // what is no text names no tool
	return showable(name), "there is no such tool"
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./:-]{0,63}$`)

// showable is a name that a caller made up, as the record may have it: short, of plain letters, and nothing like a key
// or a token.
func showable(name string) string {
	if !plainName.MatchString(name) || strings.Contains(name, "deputy_ak_") || strings.Contains(name, "eyJ") {
		return "(no plain name)"
	}
	return name
}

// recording comes when the caller is proved and before the body is read.
func (a *authentication) recording(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := &attempt{}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), attemptKey{}, one)))
		if tool, why := one.unserved(); why != "" {
			came, _ := r.Context().Value(callKey{}).(httpCall)
			a.tools.Refuse(context.WithoutCancel(r.Context()), came.counted(), tool, why)
		}
	})
}

// record is the same for a pipe, where a caller is proved only when it is needed.
func (p *pipe) record(ctx context.Context, one *attempt) {
	tool, why := one.unserved()
	if why == "" {
		return
	}
	ctx, call, err := p.caller(context.WithoutCancel(ctx)) // who cancels it in time is on the record too
	if err != nil {
		return // the caller is on the record as one who was turned away
	}
	leave, err := p.admit(ctx, call)
	if err != nil {
		return // and so is one who comes too often
	}
	defer leave()
	p.tools.Refuse(ctx, call, tool, why)
}
