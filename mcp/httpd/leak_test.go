package httpd

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// mcp-go as its documentation sets it up keeps about 10 KB of each.
func TestTenThousandInitializesLeakNothing(t *testing.T) {
	const each, perInitialize = 2000, 64 // of each revision; bytes, for what the test itself and the runtime may keep
	server := serve(t, config(&fakeTools{}))
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	initialize := func(version string, n int) {
		var wait sync.WaitGroup
		for worker := range 8 {
			wait.Go(func() {
				for i := range n / 8 {
					r := request(
						t,
						server,
						greeting(version, worker*n+i),
						header("Mcp-Protocol-Version", version),
						header("Accept", "application/json, text/event-stream"),
					)
					if version == mcp.ProtocolVersion20260728 {
						r.Header.Set("Mcp-Method", "server/discover")
					}
					response, err := transport.RoundTrip(r)
					if err != nil {
						t.Error(err)
						return
					}
					body, _ := io.ReadAll(response.Body)
					response.Body.Close()
					if response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"result"`) ||
						!strings.Contains(string(body), version) {
						t.Errorf("%s is answered %d %s", version, response.StatusCode, body)
						return
					}
				}
			})
		}
		wait.Wait()
	}
	for _, version := range []string{
		mcp.ProtocolVersion20241105, mcp.ProtocolVersion20250326, mcp.ProtocolVersion20250618,
		mcp.ProtocolVersion20251125, mcp.ProtocolVersion20260728,
	} {
		initialize(version, 400) // pools and tables fill
		heap, goroutines := kept()
		initialize(version, each)
		heapAfter, goroutinesAfter := kept()
		for range 6000 { // a busy machine takes a while to end what has ended
			if int64(heapAfter)-int64(heap) <= each*perInitialize && goroutinesAfter <= goroutines+8 {
				break
			}
			time.Sleep(10 * time.Millisecond)
			heapAfter, goroutinesAfter = kept()
		}
		t.Logf(
			"%s: heap %d KiB before and %d KiB after %d, goroutines %d before and %d after",
			version,
			heap>>10,
			heapAfter>>10,
			each,
			goroutines,
			goroutinesAfter,
		)
		if grown := int64(heapAfter) - int64(heap); grown > each*perInitialize {
			t.Errorf("%s: %d bytes are kept of each", version, grown/each)
		}
		if goroutinesAfter > goroutines+8 {
			t.Errorf("%s: %d goroutines are kept", version, goroutinesAfter-goroutines)
		}
	}
}

// greeting is how a client of the revision begins.
func greeting(version string, id int) string {
	if version == mcp.ProtocolVersion20260728 {
		return fmt.Sprintf(
			`{"jsonrpc":"2.0","id":%d,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":%q,`+
				`"io.modelcontextprotocol/clientInfo":{"name":"client-%[1]d","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`,
			id,
			version,
		)
	}
	return fmt.Sprintf(
		`{"jsonrpc":"2.0","id":%d,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"client-%[1]d","version":"1"}}}`,
		id,
		version,
	)
}

func kept() (heap uint64, goroutines int) {
	runtime.GC()
	runtime.GC() // what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}
