// Package notify tells others what happens to access requests: a POST for each event, signed as Standard Webhooks
// describes it, in the order of the events, again and again until the receiver has taken it.
//
// What is to be sent stands in the state database, beside the steps that it tells of, so that nothing is lost and
// nothing is made up when a server dies. A receiver may get a message twice, when it took one and the server died
// before it could write that down: the header webhook-id tells. It never gets the second before the first.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"deputy/entitlements/requests/store"
)

const (
	firstWait   = 5 * time.Second // after the first failure; it doubles with each
	longestWait = 15 * time.Minute
	timeout     = 15 * time.Second // of one POST
	term        = time.Minute      // for how long a server keeps a receiver to itself
	often       = time.Second      // how often a server looks for something to send
	cleaned     = time.Hour        // how often what everybody has is thrown away
)

// Receiver is one that is told.
type Receiver struct {
	Name   string
	URL    string
	Secret string   // whsec_ and base64
	Events []string // kinds; none: all
	Body   string   // json, slack, or a template; empty: json
}

// Config configures a Sender. Client, Now and Log may be left out.
type Config struct {
	Receivers []Receiver
	Outbox    store.Outbox
	Server    string // which one this is, for people who look who sends
	PublicURL string // of this Deputy, for links
	Client    *http.Client
	Now       func() time.Time
	Log       zerolog.Logger
}

// Sender sends events to receivers.
type Sender struct {
	config    Config
	receivers []*receiver
}

type receiver struct {
	Receiver
	signs  *standard.Webhook
	render renderer
}

// New checks the receivers. Its errors hold no secret and no URL.
func New(c Config) (*Sender, error) {
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.Timeout = timeout
	// a message goes where the file says
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Client = &client
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Sender{config: c}
	for _, r := range c.Receivers {
		signs, err := standard.NewWebhook(r.Secret)
		if err != nil {
			return nil, fmt.Errorf("webhook %s: the secret cannot be used", r.Name)
		}
		render, err := newRenderer(r.Body)
		if err != nil {
			return nil, fmt.Errorf("webhook %s: %w", r.Name, err)
		}
		s.receivers = append(s.receivers, &receiver{r, signs, render})
	}
	return s, nil
}

// Introduce makes the receivers known, so that they are told of everything that happens from now on.
func (s *Sender) Introduce(ctx context.Context) error {
	var wrong []error
	for _, r := range s.receivers {
		lease, ours, err := s.config.Outbox.Lease(ctx, r.Name, s.config.Server, s.config.Now(), term)
		if err == nil && ours {
			err = s.config.Outbox.Release(ctx, lease)
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// Run sends until the context ends.
func (s *Sender) Run(ctx context.Context) {
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	var clean time.Time
	for {
		s.Send(ctx)
		if now := s.config.Now(); now.After(clean) {
			clean = now.Add(cleaned)
			if _, err := s.config.Outbox.Prune(ctx, s.names(), now); err != nil && ctx.Err() == nil {
				s.config.Log.Warn().Err(err).Msg("old events stay")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Send sends to every receiver what is due now. Slow ones do not hold up the others.
func (s *Sender) Send(ctx context.Context) {
	due, err := s.config.Outbox.Due(ctx, s.names(), s.config.Now())
	if err != nil && ctx.Err() == nil {
		s.config.Log.Warn().Err(err).Msg("webhooks wait: the state cannot be read")
	}
	var all sync.WaitGroup
	for _, r := range s.receivers {
		if !slices.Contains(due, r.Name) {
			continue
		}
		all.Go(func() {
			if err := s.sendTo(ctx, r); err != nil && ctx.Err() == nil {
				s.config.Log.Warn().Str("webhook", r.Name).Err(err).Msg("a webhook waits")
			}
		})
	}
	all.Wait()
}

func (s *Sender) names() (out []string) {
	for _, r := range s.receivers {
		out = append(out, r.Name)
	}
	return out
}
