// Package serving is what a test needs of a server that it starts: an address for it, its output, and its answers.
package serving

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// given are the ports that this process has handed out.
var given sync.Map

// FreeAddress is a loopback address for a server that another process will start. Its port is none that the system
// gives to connections and to listeners on port 0, so that no test that runs beside takes it before the server does;
// two callers never get the same one.
func FreeAddress() (string, error) {
	const first, last = 12_000, 32_000 // systems give out ports from 32768 on
	for range 1000 {
		port := first + rand.IntN(last-first)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no free port was found on the loopback interface")
}

// Address is FreeAddress for a test, which fails if there is none.
func Address(t testing.TB) string {
	t.Helper()
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
