package conformance

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser does what somebody at the pages of the authorization server does: signs in, and agrees to everything.
type browser struct {
	t      *testing.T
	person string
	code   string // to type where a device's is asked for
	client *http.Client
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
	formInput  = regexp.MustCompile(`<input[^>]*name="([^"]+)"(?:[^>]*value="([^"]*)")?`)
)

func newBrowser(t *testing.T, person string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{
		t:      t,
		person: person,
		client: &http.Client{
			Jar:           jar,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// open goes from page to page, until one has no more form (and is returned), or sends the browser to another server:
// there it does not go, and returns the address.
func (b *browser) open(address string) *url.URL {
	b.t.Helper()
	home, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	request := b.request(http.MethodGet, home, nil)
	for range 20 {
		response, err := b.client.Do(request)
		if err != nil {
			b.t.Fatal(err)
		}
		page, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		at := request.URL
		if location, err := response.Location(); err == nil {
			if location.Host != home.Host {
				return location
			}
			request = b.request(http.MethodGet, location, nil)
			continue
		}
		if response.StatusCode != http.StatusOK {
			b.t.Fatalf("%s answers %d: %.300s", at.Path, response.StatusCode, page)
		}
		action := formAction.FindSubmatch(page)
		if action == nil {
			return at
		}
		target, err := at.Parse(html.UnescapeString(string(action[1])))
		if err != nil {
			b.t.Fatal(err)
		}
		filled := url.Values{}
		for _, input := range formInput.FindAllSubmatch(page, -1) {
			filled.Set(string(input[1]), html.UnescapeString(string(input[2])))
		}
		if filled.Has("login") {
			filled.Set("login", b.person)
			filled.Set("password", "any")
		}
		if filled.Has("user_code") && filled.Get("user_code") == "" {
			filled.Set("user_code", b.code)
		}
		request = b.request(http.MethodPost, target, filled)
	}
	b.t.Fatalf("%s leads nowhere", address)
	return nil
}

func (b *browser) request(method string, target *url.URL, form url.Values) *http.Request {
	request, err := http.NewRequestWithContext(b.t.Context(), method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request
}
