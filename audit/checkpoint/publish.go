package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// PublishConfig says where checkpoints go, so that they are kept where whoever can rewrite the log cannot rewrite them.
type PublishConfig struct {
	File    string        // appended to; empty: none
	Webhook string        // each is sent there with POST, as text; empty: nowhere
	Every   time.Duration // how often, if there is a new one; 0: a minute
	Report  func(error)   // hears of what did not work: it is tried again the next time
}

// Log is where checkpoints come from: its latest is sent on.
type Log interface{ Checkpoint() Checkpoint }

// Publish sends the log's latest checkpoint on, again and again until the context ends, and once more then. It never
// holds up a call.
func Publish(ctx context.Context, l Log, c PublishConfig) {
	if c.Every <= 0 {
		c.Every = time.Minute
	}
	ticker := time.NewTicker(c.Every)
	defer ticker.Stop()
	var inFile, sent Checkpoint
	for done := false; !done; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			done = true
		}
		now := l.Checkpoint()
		if c.File != "" && now != inFile {
			if err := appendCheckpoint(c.File, now); err != nil {
				c.Report(fmt.Errorf("writing a checkpoint to %s: %w", c.File, err))
			} else {
				inFile = now
			}
		}
		if c.Webhook != "" && now != sent {
			if err := post(c.Webhook, now); err != nil {
				c.Report(fmt.Errorf("sending a checkpoint: %w", err))
			} else {
				sent = now
			}
		}
	}
}

func appendCheckpoint(path string, c Checkpoint) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(c.Note + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// webhooks follows no redirect: it would tell the URL, which may hold a secret, to somebody else.
var webhooks = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends a checkpoint. The URL may hold a secret, so no error names more of it than its host.
func post(url string, c Checkpoint) error {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(c.Note))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := webhooks.Do(request)
	if err != nil {
		return fmt.Errorf("%s does not answer", request.URL.Host)
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", request.URL.Host, response.Status)
	}
	return nil
}
