package assembly_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deputy/internal/config"
	"deputy/internal/testkit/serving"
)

// The whole server, with a required sink that is not there at first, then is, then is gone again.
func TestWithoutARequiredSinkNothingIsAnsweredAndItRecoversByItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w := followText(
		t,
		config.SQLite,
		"  sql: redacted\n  sinks: [{type: syslog, address: 'unix://"+path+"', required: true, format: ocsf}]\n",
	)
	url := w.serve()
	ready := func() bool {
		status, _ := serving.Get(t, url+"/readyz")
		return status == http.StatusOK
	}
	await := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: never. The log: %s", what, w.log.String())
			}
		}
	}
	down := func() {
		t.Helper()
		if got := w.sees(); !strings.Contains(got, "the audit log cannot be written") {
			t.Errorf("without its sink, a call is answered %s", got)
		}
		if ready() || !strings.Contains(w.log.String(), "audit.sinks[0] (syslog)") {
			t.Errorf("readyz does not say so, or the log: %s", w.log.String())
		}
	}
	down()
	for range 2 {
		server, err := net.ListenPacket("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		received := make(chan string, 1000)
		go func() {
			for buffer := make([]byte, 1<<17); ; {
				n, _, err := server.ReadFrom(buffer)
				if err != nil {
					return
				}
				received <- string(buffer[:n])
			}
		}()
		await("ready with the sink", ready)
		if got := w.sees(); got != "REDACTED" {
			t.Errorf("with its sink, a call is answered %s", got)
		}
		last := w.records()[len(w.records())-1]
		await("the sink has the outcome", func() bool {
			text := <-received
			return strings.Contains(text, last.ID) && strings.Contains(text, `"type_uid":600504`) &&
				strings.Contains(text, `outcome="answered"`)
		})
		server.Close()
		os.Remove(path)
		await(
			"a sink that is gone is noticed",
			func() bool { return strings.Contains(w.sees(), "the audit log cannot be written") },
		)
		down()
	}
}
