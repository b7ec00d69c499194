package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"deputy/entitlements/requests/notify"
	"deputy/internal/mistake"
)

// check leaves the rules to package entitlements.
func (r Requests) check(k *checker) {
	switch {
	case k.wrote("requests.state.file") && r.State.File == "":
		k.say("requests.state.file", "there is no value: leave the key out for deputy-state.db beside this file")
	case k.wrote("requests.state.dsn") && r.State.DSN == "":
		k.say("requests.state.dsn", "there is no value: leave the key out for a file beside this one")
	case k.wrote("requests.state.file") && k.wrote("requests.state.dsn"):
		k.say("requests.state", "it says both file and dsn: choose one")
	}
	if r.Pending <= 0 {
		k.say("requests.pending", "out of range: nobody could answer a request in no time")
	}
	names := map[string]string{}
	for i, w := range r.Webhooks {
		key := mistake.At("requests.webhooks", i)
		w.check(k, key)
		if first, twice := names[w.Name]; twice && w.Name != "" {
			k.say(key+".name", "%s has that name already: each webhook needs its own", first)
		}
		names[w.Name] = key
	}
}

// The events that a webhook can be told of.
var webhookEvents = []string{"created", "decided", "expiring", "expired", "revoked", "cancelled"}

func (w Webhook) check(k *checker, key string) {
	if strings.TrimSpace(w.Name) == "" {
		k.say(key+".name", "missing: what logs call it, and by which it is remembered what it has")
	}
	if u, err := url.Parse(string(w.URL)); err != nil || u.Hostname() == "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		k.say(key+".url", "not the URL of a receiver: write https://hooks.example.com/deputy; http reaches this machine only")
	}
	secret, prefixed := strings.CutPrefix(string(w.Secret), "whsec_")
	if raw, err := base64.StdEncoding.DecodeString(secret); !prefixed || err != nil || len(raw) < 24 || len(raw) > 64 {
		k.say(key+".secret", "missing or not a secret: write whsec_ and what openssl rand -base64 32 prints")
	}
	if k.wrote(key+".events") && len(w.Events) == 0 {
		k.say(key+".events", "the list is empty: name what it is told of, or leave the key out for all")
	}
	for i, e := range w.Events {
		if !slices.Contains(webhookEvents, e) {
			k.oneOf(mistake.At(key+".events", i), e, webhookEvents...)
		}
	}
	if err := notify.CheckBody(w.Body); err != nil {
		k.say(key+".body", "%v", err)
	}
}
