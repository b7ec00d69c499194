package mcp

import (
	"bytes"
	"context"
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
)

// hostGuard stops DNS rebinding: a page whose name was pointed at 127.0.0.1 reaches a server there, but under its own
// name. The public name is fine on loopback, since a proxy on the same machine may keep it.
func hostGuard(public string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		host := hostname(r.Host)
		if local != nil && isLoopback(hostname(local.String())) && !isLoopback(host) && !strings.EqualFold(host, public) {
			answer(w, http.StatusForbidden, "wrong_host", "this server does not go by that name")
			return
		}
		next.ServeHTTP(w, r)
	})
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

// originGuard takes a browser's requests from our own origin only, whatever else the request says of itself.
func originGuard(public *url.URL, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, given := range r.Header.Values("Origin") {
			u, err := url.Parse(given)
			if given != origin(public) && (err != nil || u.Host == "" || u.Host != r.Host) {
				answer(w, http.StatusForbidden, "cross_origin", "requests from other sites are not taken")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// requestGuard takes nothing but POST with one JSON body and an address without a query, where credentials end up in
// logs.
func requestGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			answer(
				w,
				http.StatusMethodNotAllowed,
				"method_not_allowed",
				"messages are sent with POST; there are no sessions and no streams",
			)
		case r.URL.RawQuery != "" || r.URL.ForceQuery:
			answer(
				w,
				http.StatusBadRequest,
				"query_not_allowed",
				"the address takes no query; a credential belongs in the Authorization header",
			)
		case !plainJSON(w, r):
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// plainJSON reports whether the body is said to be JSON in UTF-8 that is sent as it is, and answers where it is not. A
// body that is compressed would be read as what it is not by us, and as what it is by a proxy in between.
func plainJSON(w http.ResponseWriter, r *http.Request) bool {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, said := parameters["charset"]
	switch {
	case !sentAsItIs(r):
		w.Header().Set("Accept-Encoding", "identity")
		answer(
			w,
			http.StatusUnsupportedMediaType,
			"unsupported_media_type",
			"the body must not be compressed: send it without Content-Encoding",
		)
	case err != nil || media != "application/json" || len(r.Header.Values("Content-Type")) != 1:
		answer(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "the Content-Type must be application/json")
	case said && !strings.EqualFold(charset, "utf-8"):
		answer(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "JSON is sent in UTF-8: leave the charset out")
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

// bodyGuard reads the whole body, up to the limit, before anything else looks at it.
func bodyGuard(limit int64, reading func(*http.Request, func()) (arrived func() bool), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > limit {
			misread(r.Context(), "it is too large")
			tooLarge(w)
			return
		}
		arrived := reading(r, func() { _ = http.NewResponseController(w).SetReadDeadline(past) })
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		inTime := arrived()
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			misread(r.Context(), "it is too large")
			tooLarge(w)
			return
		}
		if !inTime || errors.Is(err, os.ErrDeadlineExceeded) {
			w.Header().Set("Connection", "close")
			answer(w, http.StatusRequestTimeout, "timeout", "the request took too long to arrive")
			return
		}
		if err != nil {
			answer(w, http.StatusBadRequest, "bad_request", "the request could not be read")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func tooLarge(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	answer(w, http.StatusRequestEntityTooLarge, "too_large", "the message is too large")
}

type messageKey struct{}

// messageGuard passes on requests that can be read in one way only. Notifications end here: mcp-go has no use for any
// of them but notifications/cancelled, which it would let anybody send for anybody's call.
func messageGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			answer(w, http.StatusBadRequest, "bad_request", "the request could not be read")
			return
		}
		m, problem := readMessage(body)
		switch {
		case problem != nil:
			misread(r.Context(), problem.text)
			answerJSON(w, http.StatusBadRequest, problem)
		case m.notification():
			w.WriteHeader(http.StatusAccepted)
		default:
			carries(r.Context(), m)
			r = r.WithContext(context.WithValue(r.Context(), messageKey{}, m))
			r.Body = io.NopCloser(bytes.NewReader(body))
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			next.ServeHTTP(w, r)
		}
	})
}

// recovery answers a panic with nothing but the fact.
func recovery(log zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				logPanic(log, r.Method+" "+r.URL.Path, p)
				answer(
					w,
					http.StatusInternalServerError,
					"internal",
					"the call could not be completed, because of a fault on the server",
				)
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
		if r.ProtoMajor == 1 { // "100 Continue" is written where nobody sees it, to a client that may have stopped reading
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
