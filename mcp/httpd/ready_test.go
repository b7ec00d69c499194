package httpd

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestHoweverManyAskForReadinessTheDatabasesAreAskedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		release := make(chan struct{})
		cfg := config(&fakeTools{})
		cfg.Ready = func(context.Context) error {
			asked.Add(1)
			<-release
			return nil
		}
		cfg, err := cfg.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		ready := newReadiness(cfg)
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				w := httptest.NewRecorder()
				if ready.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil)); w.Code != http.StatusOK {
					t.Errorf("one who asks is answered %d", w.Code)
				}
			})
		}
		synctest.Wait() // all of them wait
		close(release)
		wait.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("for 50 the databases are asked %d times", n)
		}
	})
}

func TestWhatStandsOpenIsOnlyRead(t *testing.T) {
	server := serve(t, config(&fakeTools{}))
	for _, path := range []string{"/healthz", "/readyz", metadataPath, metadataPath + endpoint} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, body := do(t, r)
			if response.StatusCode != want || method == "HEAD" && body != "" ||
				want == 405 && response.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf(
					"%s %s is answered %d %s, allowed is %q",
					method,
					path,
					response.StatusCode,
					body,
					response.Header.Get("Allow"),
				)
			}
		}
	}
	// No body is read, however long.
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	body := &zeros{}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/readyz", body))
	if body.read > 0 || !strings.Contains(w.Body.String(), "method_not_allowed") {
		t.Errorf("after %d bytes the answer is %s", body.read, w.Body)
	}
}
