package issuer

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
)

// serveDeviceAuthorization begins a sign-in on a device without a browser (RFC 8628).
func (i *Issuer) serveDeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request")
		return
	}
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	if !i.client(r) || r.PostForm.Get("client_id") == "" {
		refuse(w, "invalid_client")
		return
	}
	text := rand.Text()
	code, user := rand.Text(), text[:4]+"-"+text[4:8]
	i.sessions.devices[code] = &grant{
		client: r.PostForm.Get("client_id"), resource: named(r.PostForm), scope: r.PostForm.Get("scope"),
		userCode: user, expires: i.config.Now().Add(deviceLifetime),
	}
	writeJSON(w, map[string]any{
		"device_code": code, "user_code": user, "verification_uri": i.url + "/device",
		"verification_uri_complete": i.url + "/device?user_code=" + user,
		"expires_in":                int(deviceLifetime.Seconds()), "interval": int(deviceInterval.Seconds()),
	})
}

// serveDevice is where the human types the code, in a browser somewhere else.
func (i *Issuer) serveDevice(w http.ResponseWriter, r *http.Request) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	for _, g := range i.sessions.devices {
		if g.userCode != r.URL.Query().Get("user_code") || g.approved || g.denied {
			continue
		}
		if g.denied = i.sessions.human == nil; g.denied {
			fmt.Fprintln(w, "You said no.")
			return
		}
		g.approved, g.claims = true, *i.sessions.human
		fmt.Fprintln(w, "You are signed in on the other device.")
		return
	}
	http.Error(w, "there is no such code", http.StatusNotFound)
}

// UserCodes are the codes that devices show now, for a test that cannot look at their screens.
func (i *Issuer) UserCodes() (codes []string) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	for _, g := range i.sessions.devices {
		if !g.approved && !g.denied {
			codes = append(codes, g.userCode)
		}
	}
	return codes
}

func (i *Issuer) byDevice(form url.Values) (*grant, string) {
	code := form.Get("device_code")
	g := i.sessions.devices[code]
	switch {
	case g == nil || g.client != form.Get("client_id"):
		return nil, "invalid_grant"
	case i.config.Now().After(g.expires):
		return nil, "expired_token"
	case g.slowDowns > 0:
		g.slowDowns--
		return nil, "slow_down"
	case g.denied:
		return nil, "access_denied"
	case !g.approved:
		return nil, "authorization_pending"
	}
	delete(i.sessions.devices, code) // it can be used once
	return g, ""
}
