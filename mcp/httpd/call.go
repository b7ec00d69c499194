package httpd

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"deputy/identity"
	"deputy/mcp"
	"deputy/tools"
)

// call is a request on its way through the guards: what they have found out of it so far.
type call struct {
	mcp.Call
	request     context.Context // of the HTTP request: see callContext
	client      clientAddress
	credentials identity.Credentials
	proved      bool                // the credentials are accepted
	principal   identity.Principal  // that they prove; zero when there is only an agent
	only        *identity.AgentOnly // an agent without its human, which may be told what there is to call
	proofs      []mcp.Proof
	known       func() // gives back the place among those of whom it is not known yet who calls
	body        []byte
}

// handler answers a request, or lets the next handler do so.
type handler func(http.ResponseWriter, *http.Request, *call)

// guard lets a request pass to the next handler, or answers it.
type guard func(next handler) handler

// chain lets a request pass the guards in the order in which they are written. A nil one is none.
func chain(last handler, guards ...guard) handler {
	for i := len(guards) - 1; i >= 0; i-- {
		if guards[i] != nil {
			last = guards[i](last)
		}
	}
	return last
}

// takes is a guard that only looks at the request, and answers what it does not take.
func takes(looks func(http.ResponseWriter, *http.Request) bool) guard {
	return func(next handler) handler {
		return func(w http.ResponseWriter, r *http.Request, c *call) {
			if looks(w, r) {
				next(w, r, c)
			}
		}
	}
}

// counted is the call as it counts against its caller: an agent without its human counts as itself.
func (c *call) counted() tools.Call {
	if c.only != nil {
		return tools.Call{Principal: identity.Principal{Agent: c.only.Agent}, Client: c.client.text}
	}
	return tools.Call{Principal: c.principal, Client: c.client.text}
}

// caller runs tools in the context of the HTTP request itself, not in mcp-go's: that one is cancelled by any client
// that names the request's id, this one only when the request's own client goes away, or the server ends. The span is
// that of the request.
func (c *call) caller(ctx context.Context) (context.Context, tools.Call, error) {
	if !c.proved {
		return nil, tools.Call{}, errors.New("an HTTP request got past authentication")
	}
	if c.only != nil {
		return nil, tools.Call{}, errors.New("a tool was called without a principal")
	}
	return trace.ContextWithSpan(c.request, trace.SpanFromContext(ctx)), c.counted(), nil
}

// past is a deadline that is over.
var past = time.Unix(1, 0)
