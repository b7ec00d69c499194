package signin

import (
	"errors"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/oauth2"
)

const (
	longestShown = 512
	maxInterval  = 60 // seconds between two polls; longer ones are a way to make somebody wait for ever
)

// showable refuses a code or an address that would look like something else in a terminal.
func showable(d *oauth2.DeviceAuthResponse) error {
	for _, text := range []string{d.UserCode, d.VerificationURI} {
		if text == "" || len(text) > longestShown ||
			strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r > unicode.MaxASCII }) {
			return errors.New("the issuer's answer cannot be shown")
		}
	}
	u, err := url.Parse(d.VerificationURI)
	if err != nil || u.Hostname() == "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost")) {
		return errors.New("the issuer's answer names no https address to open")
	}
	if d.DeviceCode == "" || d.Interval < 0 || d.Interval > maxInterval {
		return errors.New("the issuer's answer cannot be understood")
	}
	return nil
}
