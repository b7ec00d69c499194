package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"deputy/internal/mistake"
	"deputy/internal/webhook"
)

// check leaves the rules to package entitlements.
func (r Requests) check(k *checker) {
	if _, written := k.written["requests.state.file"]; written && r.State.DSN != "" {
		k.say("requests.state", "it says both file and dsn: choose one")
	}
	for _, age := range []struct {
		key string
		is  Age
	}{{"pending", r.Pending}, {"again", r.Again}, {"expiring", r.Expiring}} {
		if age.is <= 0 && age.key == "pending" {
			k.say("requests."+age.key, "out of range: it may be more than 0")
		}
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
	if u, err := url.Parse(string(w.URL)); err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		k.say(key+".url", "not a URL: write https://hooks.example.com/deputy")
	}
	secret, prefixed := strings.CutPrefix(string(w.Secret), "whsec_")
	if raw, err := base64.StdEncoding.DecodeString(secret); !prefixed || err != nil || len(raw) < 24 || len(raw) > 64 {
		k.say(key+".secret", "missing or not a secret: write whsec_ and what openssl rand -base64 32 prints")
	}
	for i, e := range w.Events {
		if !slices.Contains(webhookEvents, e) {
			k.oneOf(mistake.At(key+".events", i), e, webhookEvents...)
		}
	}
	if err := webhook.CheckBody(w.Body); err != nil {
		k.say(key+".body", "%v", err)
	}
}
