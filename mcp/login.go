package mcp

import (
	"bytes"
	"encoding/json"
	"net/http"

	"deputy/identity"
)

// withLogin adds to the metadata how the server's people sign in with deputy login. RFC 9728 lets servers have members
// of their own, and has clients pass over those that they do not know.
func withLogin(metadata http.Handler, offers []identity.Offer) http.Handler {
	if len(offers) == 0 {
		return metadata
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made := &buffered{header: w.Header(), status: http.StatusOK}
		metadata.ServeHTTP(made, r)
		body := made.body.Bytes()
		var document map[string]json.RawMessage
		if json.Unmarshal(body, &document) == nil && made.status == http.StatusOK {
			if says, err := json.Marshal(offers); err == nil {
				document["deputy_login"] = says
			}
			if whole, err := json.Marshal(document); err == nil {
				body = whole
			}
			w.Header().Del("Content-Length")
		}
		w.WriteHeader(made.status)
		_, _ = w.Write(body) // the client has gone; there is nobody to tell
	})
}

// buffered is an answer that is not sent yet.
type buffered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header         { return b.header }
func (b *buffered) WriteHeader(status int)      { b.status = status }
func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }
