package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"deputy/entitlements/requests/store"
)

// sendTo sends one receiver what it has not got, until there is nothing more or something fails. Another server that
// has the lease does it instead.
func (s *Sender) sendTo(ctx context.Context, r *receiver) error {
	box := s.config.Outbox
	lease, ours, err := box.Lease(ctx, r.Name, s.config.Server, s.config.Now(), term)
	if err != nil || !ours {
		return err
	}
	defer box.Release(context.WithoutCancel(ctx), lease) // one that cannot be released ends by itself
	for ctx.Err() == nil {
		event, tries, more, err := box.Next(ctx, lease, s.config.Now())
		if err != nil || !more {
			return err
		}
		if len(r.Events) == 0 || slices.Contains(r.Events, string(event.Kind)) {
			if wait, err := s.post(ctx, r, event); err != nil {
				if ctx.Err() != nil {
					return nil // the server ends; the next one sends it
				}
				again := s.config.Now().Add(max(wait, backoff(tries)))
				s.config.Log.Warn().
					Str("webhook", r.Name).
					Str("id", event.ID).
					Int("tries", tries+1).
					Time("again", again).
					Err(err).
					Msg("a webhook is not taken")
				return box.Failed(ctx, lease, event, again)
			}
		}
		if err := box.Done(ctx, lease, event); err != nil {
			return err
		}
	}
	return nil
}

// backoff is how long to wait after a failure, when there were so many before it.
func backoff(tries int) time.Duration {
	return min(firstWait<<min(tries, 20), longestWait)
}

// post sends one message. wait is how long the receiver wants to be left alone. The error holds nothing of the URL, in
// which there may be a secret, and nothing of the answer.
func (s *Sender) post(ctx context.Context, r *receiver, e store.Event) (wait time.Duration, _ error) {
	body, err := r.render(messageOf(e, s.config.PublicURL))
	if err != nil {
		return 0, err
	}
	now := s.config.Now()
	signature, err := r.signs.Sign(e.ID, now, body)
	if err != nil {
		return 0, fmt.Errorf("sign: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("the URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "deputy")
	request.Header.Set(standard.HeaderWebhookID, e.ID)
	request.Header.Set(standard.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standard.HeaderWebhookSignature, signature)
	response, err := s.config.Client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("the receiver cannot be reached")
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return retryAfter(response), fmt.Errorf("the receiver answers with status %d", response.StatusCode)
	}
	return 0, nil
}

func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, time.Hour)
}
