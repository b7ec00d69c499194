package httpd

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"deputy/mcp"
)

// fromHost stops DNS rebinding: a page whose name was pointed at 127.0.0.1 reaches a server there, but under its own
// name. The public name is fine on loopback, since a proxy on the same machine may keep it.
func (s *server) fromHost(w http.ResponseWriter, r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	host := hostname(r.Host)
	if local == nil || isLoopback(host) || strings.EqualFold(host, s.public.Hostname()) ||
		!isLoopback(hostname(local.String())) {
		return true
	}
	Refuse(w, http.StatusForbidden, "wrong_host", "this server does not go by that name")
	return false
}

func hostname(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return strings.Trim(address, "[]")
	}
	return host
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// fromOrigin takes a browser's requests from our own origin only, whatever else the request says of itself.
func (s *server) fromOrigin(w http.ResponseWriter, r *http.Request) bool {
	for _, given := range r.Header.Values("Origin") {
		if given == s.origin {
			continue
		}
		if u, err := url.Parse(given); err != nil || u.Host == "" || u.Host != r.Host {
			refuseOtherSite(w)
			return false
		}
	}
	return true
}

// sameOrigin asks the standard library the same, which also knows what browsers say in Sec-Fetch-Site.
func (s *server) sameOrigin(w http.ResponseWriter, r *http.Request) bool {
	if s.crossOrigin.Check(r) != nil {
		refuseOtherSite(w)
		return false
	}
	return true
}

func refuseOtherSite(w http.ResponseWriter) {
	Refuse(w, http.StatusForbidden, "cross_origin", "requests from other sites are not taken")
}

// oneMessage takes nothing but POST with one JSON body and an address without a query, where credentials end up in
// logs.
func oneMessage(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		Refuse(w, http.StatusMethodNotAllowed, "method_not_allowed",
			"messages are sent with POST; there are no sessions and no streams")
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		Refuse(w, http.StatusBadRequest, "query_not_allowed",
			"the address takes no query; a credential belongs in the Authorization header")
	default:
		return PlainJSON(w, r)
	}
	return false
}

// PlainJSON reports whether the body is said to be JSON in UTF-8 that is sent as it is, and answers where it is not. A
// body that is compressed would be read as what it is not by us, and as what it is by a proxy in between.
func PlainJSON(w http.ResponseWriter, r *http.Request) bool {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, said := parameters["charset"]
	switch {
	case !sentAsItIs(r):
		w.Header().Set("Accept-Encoding", "identity")
		Refuse(
			w,
			http.StatusUnsupportedMediaType,
			"unsupported_media_type",
			"the body must not be compressed: send it without Content-Encoding",
		)
	case err != nil || media != "application/json" || len(r.Header.Values("Content-Type")) != 1:
		Refuse(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "the Content-Type must be application/json")
	case said && !strings.EqualFold(charset, "utf-8"):
		Refuse(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "JSON is sent in UTF-8: leave the charset out")
	default:
		return true
	}
	return false
}

// sentAsItIs reports whether the request says nothing of how its body is encoded, or that it is not.
func sentAsItIs(r *http.Request) bool {
	for _, list := range r.Header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(list, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return false
			}
		}
	}
	return true
}

// body reads the whole body, up to the limit, before anything else looks at it. It may be given up until it has
// arrived.
func (s *server) body(next handler) handler {
	most := s.config.MaxMessage
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if r.ContentLength > most {
			c.Misread("it is too large")
			tooLarge(w)
			return
		}
		arrived := s.limits.Reading(c.counted().Principal, func() {
			_ = http.NewResponseController(w).SetReadDeadline(past)
		})
		body, err := readBody(http.MaxBytesReader(w, r.Body, most), r.ContentLength)
		inTime := arrived()
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			c.Misread("it is too large")
			tooLarge(w)
			return
		}
		if !inTime || errors.Is(err, os.ErrDeadlineExceeded) {
			w.Header().Set("Connection", "close")
			Refuse(w, http.StatusRequestTimeout, "timeout", "the request took too long to arrive")
			return
		}
		if err != nil {
			Refuse(w, http.StatusBadRequest, "bad_request", "the request could not be read")
			return
		}
		c.body = body
		next(w, r, c)
	}
}

// readBody reads to the end. A length that the client names is believed for a few kilobytes only: memory comes with the
// bytes.
func readBody(body io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(length, 0), 8<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}

func tooLarge(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	Refuse(w, http.StatusRequestEntityTooLarge, "too_large", "the message is too large")
}

// message passes on requests that can be read in one way only. Notifications end here: mcp-go has no use for any of
// them but notifications/cancelled, which it would take from any client for any other's call.
func (s *server) message(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		m, problem := mcp.ReadMessage(c.body)
		switch {
		case problem != nil:
			c.Misread(problem.Text)
			Answer(w, http.StatusBadRequest, problem)
		case m.Notification():
			w.WriteHeader(http.StatusAccepted)
		default:
			c.Message, c.Reads = m, mcp.Copies(r.Header.Get(mcp.HeaderAnswers))
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			next(w, r, c)
		}
	}
}

// recovery answers a panic with nothing but the fact.
func recovery(log zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares the value itself
					panic(p)
				}
				mcp.LogPanic(log, r.Method+" "+r.URL.Path, p)
				refuseFault(w)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// writeDeadline gives up on a client that does not read its answer, counting from when there was something to read: a
// statement may take longer than that, and has a limit of its own.
func writeDeadline(timeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := &deadlineWriter{ResponseWriter: w, timeout: timeout}
		if r.ProtoMajor == 1 { // "100 Continue" is written by net/http itself, to a client that may have stopped reading
			d.begin()
		}
		next.ServeHTTP(d, r)
	})
}

type deadlineWriter struct {
	http.ResponseWriter
	timeout time.Duration
}

func (w *deadlineWriter) begin() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.timeout))
}

func (w *deadlineWriter) WriteHeader(status int) {
	w.begin()
	w.ResponseWriter.WriteHeader(status)
}

func (w *deadlineWriter) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

func (w *deadlineWriter) Flush() {
	w.begin()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *deadlineWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
