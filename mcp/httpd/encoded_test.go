package httpd

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf16"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wide(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b.WriteString(string([]byte{byte(unit >> 8), byte(unit)}))
	}
	return b.String()
}

// A body is UTF-8 as it stands, or it is refused with a sentence that says so.
func TestEncodedBodiesRefused(t *testing.T) {
	coded := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Content-Encoding"] = values }
	}
	typed := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", value) }
	}
	for _, tt := range []struct {
		name, body string
		change     func(*http.Request)
		status     int
		says       string
	}{
		{"gzip", zipped(t, queryBody), coded("gzip"), 415, "without Content-Encoding"},
		{"said to be gzip, and plain", queryBody, coded("gzip"), 415, "without Content-Encoding"},
		{"in capitals", queryBody, coded("GZIP"), 415, "without Content-Encoding"},
		{"deflate", queryBody, coded("deflate"), 415, "without Content-Encoding"},
		{"br", queryBody, coded("br"), 415, "without Content-Encoding"},
		{"zstd", queryBody, coded("zstd"), 415, "without Content-Encoding"},
		{"made up", queryBody, coded("x-none"), 415, "without Content-Encoding"},
		{"second of a list", queryBody, coded("identity, gzip"), 415, "without Content-Encoding"},
		{"second header", queryBody, coded("identity", "gzip"), 415, "without Content-Encoding"},
		{"identity", queryBody, coded("identity"), 200, "audit_id"},
		{"empty", queryBody, coded(""), 200, "audit_id"},
		{"gzip that is not said", zipped(t, queryBody), typed("application/json"), 400, "not JSON"},
		{"utf-8", queryBody, typed("application/json; charset=UTF-8"), 200, "audit_id"},
		{"utf-16", wide(queryBody), typed("application/json; charset=utf-16"), 415, "leave the charset out"},
		{"latin-1", queryBody, typed("application/json; charset=iso-8859-1"), 415, "leave the charset out"},
		{"utf-7", queryBody, typed(`application/json; charset="utf-7"`), 415, "leave the charset out"},
		{"empty charset", queryBody, typed(`application/json; charset=""`), 415, "leave the charset out"},
		{"two charsets", queryBody, typed("application/json; charset=utf-8; charset=utf-16"), 415, "application/json"},
		{"utf-16 that is not said", wide(queryBody), typed("application/json"), 400, "not JSON"},
		{"byte order mark", "\ufeff" + queryBody, typed("application/json"), 400, "byte order mark"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := &fakeTools{}
			response, body := do(t, request(t, serve(t, config(fake)), tt.body, tt.change))
			if response.StatusCode != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("answer %d %s, want %d and %q", response.StatusCode, body, tt.status, tt.says)
			}
			if strings.Contains(body, "Content-Encoding") && response.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("Accept-Encoding is %q", response.Header.Get("Accept-Encoding"))
			}
			if ran := len(fake.Callers()) > len(fake.Refusals()); ran != (tt.status == 200) {
				t.Errorf("the tool was called: %v", ran)
			}
			decision := httptest.NewRequest(http.MethodPost, "/api/requests/req_1/approve", strings.NewReader(tt.body))
			decision.Header.Set("Content-Type", "application/json")
			tt.change(decision)
			w := httptest.NewRecorder()
			if taken := PlainJSON(w, decision); taken != (w.Code == 200) || (w.Code == 415) != (tt.status == 415) {
				t.Errorf("a decision so encoded is answered %d %s", w.Code, w.Body)
			}
		})
	}
}

// Of a body whose length is said in two ways, or in a way that a proxy could understand otherwise, nothing is read.
func TestTransferCodingsRefused(t *testing.T) {
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(queryBody), queryBody)
	for _, tt := range []struct {
		head, body string
		taken      bool
	}{
		{"Transfer-Encoding: chunked", chunk, true},
		{"Transfer-Encoding: gzip, chunked", chunk, false},
		{"Transfer-Encoding: chunked, chunked", chunk, false},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunk, false},
		{"Transfer-Encoding: identity", queryBody, false},
		{"Transfer-Encoding: xchunked", chunk, false},
		{"Transfer-Encoding: \x0bchunked", chunk, false},
		{fmt.Sprintf("Content-Length: %d\r\nContent-Length: 5", len(queryBody)), queryBody, false},
		{fmt.Sprintf("Content-Length: +%d", len(queryBody)), queryBody, false},
		{"Content-Length : 5", queryBody, false},
	} {
		fake := &fakeTools{}
		web := serve(t, config(fake))
		conn, err := net.Dial("tcp", web.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(
			conn,
			"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-taylor\r\nContent-Type: application/json\r\nConnection: close\r\n%s\r\n\r\n%s",
			tt.head,
			tt.body,
		)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: %v", tt.head, err)
		}
		response.Body.Close()
		conn.Close()
		if ran := len(fake.Callers()) > 0; ran != tt.taken || (response.StatusCode == 200) != tt.taken {
			t.Errorf("%q: answered %d, the tool was called: %v", tt.head, response.StatusCode, ran)
		}
	}
}
