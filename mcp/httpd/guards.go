package httpd

import (
	"net/http"
	"strings"
)

// part is what a request is for: the protocol, or a Route.
type part struct {
	Route
	protocol bool                       // it speaks MCP
	proves   func(*http.Request) string // the address that a proof of a key is made for
}

// guards is the order that every request passes. The order is the security: what costs least and knows least of the
// caller comes first, so that a caller who is not proved can cause no work but the first few checks, and no body is
// read for them.
func (s *server) guards(p *part) []guard {
	only := func(g guard) guard { // the others have no messages
		if !p.protocol {
			return nil
		}
		return g
	}
	return []guard{
		// Of the head of the request alone, without memory. Each costs less than a microsecond and knows nothing of the
		// caller.
		takes(s.fromHost),   // Host: against DNS rebinding
		takes(s.fromOrigin), // Origin: against pages of other sites
		takes(s.sameOrigin), // Sec-Fetch-Site: the same, where a browser does not send Origin
		takes(p.Takes),      // method, query, type and coding of the body: what mcp-go or a proxy could read otherwise

		// Of the network address. It costs a look into two tables under a lock. What follows may verify signatures.
		s.byAddress, // how often the address comes, and how many of its requests are not proved yet

		// Who calls. It costs signatures, now and then a request to an issuer; the caller is known from here on.
		s.begins,     // holds the call to one configuration; it may wait for a changed file to be read
		s.proving(p), // the credentials: a caller without any is challenged here

		// Of the proved caller. It costs a look into two tables; the address's place is free again.
		s.byCaller,      // how often the caller and its agent come
		only(s.records), // what none of the following takes is on the record when it ends

		// The body. It costs memory up to the limit, and time, for a caller whose share of both is bounded.
		s.body,          // reads it once; the slowest of too many is given up
		only(s.message), // reads the message strictly, once; notifications end here

		// Of the caller and the message. What was true when the body began may not be now.
		s.latest(p),     // a newer configuration proves the caller anew; no more than a glance at the files otherwise
		only(s.listing), // an agent without its human is told what there is, and no more
		s.byPlace,       // takes a place among the calls that run, until the tool has ended
		only(s.scope),   // what the credential was given for; it may write a record

		// Nothing is refused any more.
		only(s.traced), // begins the trace with the proofs and the message
		only(s.stream), // lets the answer become events
	}
}

// protocolPart is the endpoint of the protocol.
func (s *server) protocolPart() *part {
	return &part{
		Route: Route{
			Takes:    oneMessage,
			Prove:    proveAgent,
			TurnAway: turnAwayAgent,
		},
		protocol: true,
		// by the public name, whatever a request says of its host
		// A proof is made for the address that was called, with its slash.
		proves: func(r *http.Request) string { return s.resource + strings.TrimPrefix(r.URL.Path, endpoint) },
	}
}

// endpoint is the whole way of a request of the protocol.
func (s *server) endpoint() http.Handler {
	return s.entrance(chain(s.toProtocol, s.guards(s.protocolPart())...))
}

// toProtocol hands a call to mcp-go.
func (s *server) toProtocol(w http.ResponseWriter, r *http.Request, c *call) {
	c.Caller = c.caller
	s.mcp.ServeHTTP(w, r, &c.Call)
}

// route is the whole way of a request of a route. What its caller does ends when they are stopped; for the protocol,
// the tools see to that.
func (s *server) route(route Route) http.Handler {
	p := &part{Route: route, proves: func(r *http.Request) string { return s.origin + r.URL.EscapedPath() }}
	return s.entrance(chain(s.running(route.Serve), s.guards(p)...))
}

func (s *server) running(serve func(http.ResponseWriter, *Request)) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		ctx, ended := s.config.Stops.Running(c.request, c.principal)
		defer ended()
		serve(w, &Request{
			Request:    r.WithContext(ctx),
			Generation: c.Generation,
			Principal:  c.principal,
			Client:     c.client.text,
			Body:       c.body,
		})
	}
}

// entrance is where a call begins: it comes from an address.
func (s *server) entrance(first handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, end := callContext(r.Context())
		defer end()
		first(w, r, &call{request: request, client: s.config.Proxies.client(r)})
	})
}
