package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const callback = "/callback"

// loopback waits on this machine for the browser to come back from the issuer (RFC 8252). Anybody on the machine can
// call it, and every page in the browser can have it called: the state says who was sent, and only one answer with it
// is taken.
type loopback struct {
	state       string
	issuer      string
	namesItself bool // the issuer promised to say iss
	host        string
	server      *http.Server

	once   sync.Once
	answer chan codeAnswer // holds the one
}

type codeAnswer struct {
	code string
	err  error
}

func listen(ctx context.Context, port int, state, issuer string, namesItself bool) (*loopback, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("wait for the browser: %w", err)
	}
	l := &loopback{
		state:       state,
		issuer:      issuer,
		namesItself: namesItself,
		host:        listener.Addr().String(),
		answer:      make(chan codeAnswer, 1),
	}
	l.server = &http.Server{
		Handler:           http.HandlerFunc(l.serve),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      5 * time.Second,
		MaxHeaderBytes:    32 << 10,
	}
	go l.server.Serve(listener)
	return l, nil
}

func (l *loopback) redirectURL() string { return "http://" + l.host + callback }

// wait returns the code that the issuer sent the browser back with.
func (l *loopback) wait(ctx context.Context) (string, error) {
	select {
	case a := <-l.answer:
		return a.code, a.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", errors.New(
				"nobody signed in in time: run it again, and open the address in a browser on this machine; without one, use --device",
			)
		}
		return "", ctx.Err()
	}
}

// close lets the page be read that the browser is being shown.
func (l *loopback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		l.server.Close()
	}
}

func (l *loopback) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != callback || r.Method != http.MethodGet || r.Host != l.host { // another name for us is another site's
		page(w, http.StatusNotFound, "There is nothing here.")
		return
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || subtle.ConstantTimeCompare([]byte(one(q, "state")), []byte(l.state)) != 1 {
		page(w, http.StatusBadRequest, "This is not the answer that deputy login waits for. It still waits.")
		return
	}
	taken := false
	l.once.Do(func() {
		taken = true
		code, err := l.read(q)
		l.answer <- codeAnswer{code, err}
	})
	if !taken {
		page(w, http.StatusConflict, "There was an answer already. This page may be closed.")
		return
	}
	page(w, http.StatusOK, "Go back to the terminal: it says how it went. This page may be closed.")
}

// read is what an answer with our state says.
func (l *loopback) read(q url.Values) (string, error) {
	issuer := one(q, "iss")
	if q.Has("iss") && issuer != l.issuer || !q.Has("iss") && l.namesItself {
		return "", errors.New(
			"the browser came back from another issuer than it was sent to: nothing was sent to either (RFC 9207)",
		)
	}
	if q.Has("error") {
		return "", refusal(one(q, "error"))
	}
	code := one(q, "code")
	if code == "" {
		return "", errors.New("the browser came back without a code")
	}
	return code, nil
}

// one is the value of a parameter; empty when it is there twice, and nobody knows which is meant.
func one(q url.Values, name string) string {
	if len(q[name]) != 1 {
		return ""
	}
	return q[name][0]
}

// page shows one of a few fixed sentences. Nothing of a request is in it, and nothing runs in it.
func page(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the address has the code in it
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	// the browser may be gone
	_, _ = io.WriteString(
		w,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Deputy</title><p>"+text+"</p></html>\n",
	)
}
