package audit_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/checkpoint"
)

func TestCheckpointsAreSentOnUntilTheyArrive(t *testing.T) {
	attempts, arrived := 0, make(chan string, 10)
	keeper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if attempts++; attempts == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		text, _ := io.ReadAll(r.Body)
		arrived <- string(text)
	}))
	defer keeper.Close()
	m := written(t, "a", "b")
	log := openIn(t, m, audit.Config{})
	file := filepath.Join(t.TempDir(), "kept.txt")
	reports := make(chan error, 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() {
		defer close(ended)
		checkpoint.Publish(
			ctx,
			log,
			checkpoint.PublishConfig{
				File:    file,
				Webhook: keeper.URL + "/secret",
				Every:   time.Millisecond,
				Report:  func(err error) { reports <- err },
			},
		)
	}()
	if err := <-reports; !strings.Contains(err.Error(), "503") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a keeper that is down is reported as %v", err)
	}
	if got := <-arrived; got != log.Checkpoint().Note {
		t.Errorf("the keeper has %q", got)
	}
	if err := log.Append(t.Context(), record("c")); err != nil {
		t.Fatal(err)
	}
	if got := <-arrived; got != log.Checkpoint().Note {
		t.Errorf("the keeper has %q of a log that has gone on", got)
	}
	if err := log.Append(t.Context(), record("last")); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := key.Verifier().Checkpoints(string(text))
	if err != nil || len(kept) != 3 || kept[2] != log.Checkpoint() {
		t.Errorf("the file has %d checkpoints (%v): what came last is not in it", len(kept), err)
	}
	report, err := audit.Verify(audit.VerifyConfig{Path: base, Folder: m, Verifier: key.Verifier(), Checkpoints: kept})
	if err != nil || report.Problem != nil {
		t.Errorf("%v %+v", err, report)
	}
}

func TestNobodyButTheKeeperHearsItsURL(t *testing.T) {
	heard := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.Referer() }))
	defer other.Close()
	keeper := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer keeper.Close()
	log := openIn(t, written(t, "a"), audit.Config{})
	ctx, stop := context.WithCancel(t.Context())
	stop() // it is sent once, at the end
	var report error
	checkpoint.Publish(
		ctx,
		log,
		checkpoint.PublishConfig{Webhook: keeper.URL + "/secret", Report: func(err error) { report = err }},
	)
	select {
	case referer := <-heard:
		t.Errorf("the checkpoint goes on to another, who hears of %q", referer)
	default:
	}
	if report == nil {
		t.Error("a keeper that sends the checkpoint elsewhere is not reported")
	}
}
