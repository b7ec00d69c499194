package config

import (
	"encoding/base64"
	"net/url"
	"strings"

	"deputy/entitlements/requests/notify"
	"deputy/internal/config/form"
	"deputy/internal/mistake"
)

// check leaves the rules to package entitlements.
func (r Requests) check(k *form.Document) {
	switch {
	case k.Wrote("requests.state.file") && r.State.File == "":
		k.Say("requests.state.file", "there is no value: leave the key out for deputy-state.db beside this file")
	case k.Wrote("requests.state.dsn") && r.State.DSN == "":
		k.Say("requests.state.dsn", "there is no value: leave the key out for a file beside this one")
	case k.Wrote("requests.state.file") && k.Wrote("requests.state.dsn"):
		k.Say("requests.state", "it says both file and dsn: choose one")
	}
	names := map[string]string{}
	for i, w := range r.Webhooks {
		key := mistake.At("requests.webhooks", i)
		w.check(k, key)
		if first, twice := names[w.Name]; twice && w.Name != "" {
			k.Say(key+".name", "%s has that name already: each webhook needs its own", first)
		}
		names[w.Name] = key
	}
}

func (w Webhook) check(k *form.Document, key string) {
	if u, err := url.Parse(string(w.URL)); err != nil || u.Hostname() == "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		k.Say(key+".url", "not the URL of a receiver: write https://hooks.example.com/deputy; http reaches this machine only")
	}
	secret, prefixed := strings.CutPrefix(string(w.Secret), "whsec_")
	if raw, err := base64.StdEncoding.DecodeString(secret); !prefixed || err != nil || len(raw) < 24 || len(raw) > 64 {
		k.Say(key+".secret", "missing or not a secret: write whsec_ and what openssl rand -base64 32 prints")
	}
	if k.Wrote(key+".events") && len(w.Events) == 0 {
		k.Say(key+".events", "the list is empty: name what it is told of, or leave the key out for all")
	}
	if err := notify.CheckBody(w.Body); err != nil {
		k.Say(key+".body", "%v", err)
	}
}
