package httpd

import "net/http"

// traced comes last: the trace begins when the first proof did, though its name and its parent stand in the body, which
// is read after that.
func (s *server) traced(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if len(c.proofs) == 0 {
			next(w, r, c)
			return
		}
		ctx, span := s.watch.Begin(r.Context(), c.Message, onlyHeader(r, "Traceparent"), c.proofs[0].Began)
		defer func() { span.End() }() // not deferred itself: it would write the text of a panic into the trace
		for _, p := range c.proofs {
			s.watch.Proved(ctx, p)
		}
		next(w, r.WithContext(ctx), c)
	}
}

// onlyHeader is a header that is there once.
func onlyHeader(r *http.Request, name string) string {
	if all := r.Header.Values(name); len(all) == 1 {
		return all[0]
	}
	return ""
}
