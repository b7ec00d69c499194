package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"testing"
)

func TestTheClientIsWhoTheTrustedProxiesSawLast(t *testing.T) {
	trusted := Proxies{
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("192.0.2.7/32"),
		netip.MustParsePrefix("fd00::/8"),
	}
	for _, tt := range []struct {
		name      string
		from      string
		forwarded []string // header lines
		want      string
		network   string // empty: as want
	}{
		{"nobody in between", "203.0.113.9:4711", nil, "203.0.113.9", ""},
		{"one proxy", "10.0.0.1:80", []string{"203.0.113.9"}, "203.0.113.9", ""},
		{"a proxy by its single address", "192.0.2.7:80", []string{"203.0.113.9"}, "203.0.113.9", ""},
		{"two proxies", "10.0.0.1:80", []string{"203.0.113.9, 10.2.0.1"}, "203.0.113.9", ""},
		{"two proxies, a line each", "10.0.0.1:80", []string{"203.0.113.9", "10.2.0.1"}, "203.0.113.9", ""},
		{"who is not trusted says so", "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9", ""},
		{"who is not trusted names a proxy", "203.0.113.9:4711", []string{"10.0.0.1"}, "203.0.113.9", ""},
		{"the client begins the list", "10.0.0.1:80", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9", ""},
		{"the client begins the list with a line of its own", "10.0.0.1:80", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9", ""},
		{"the client begins the list with a proxy", "10.0.0.1:80", []string{"10.9.9.9, 203.0.113.9"}, "203.0.113.9", ""},
		{"the client begins the list with rubbish", "10.0.0.1:80", []string{"<script>, ,;, 203.0.113.9"}, "203.0.113.9", ""},
		{"the proxy says nothing", "10.0.0.1:80", nil, "10.0.0.1", ""},
		{"the proxy says an empty thing", "10.0.0.1:80", []string{""}, "10.0.0.1", ""},
		{"the proxy does not know", "10.0.0.1:80", []string{"unknown"}, "10.0.0.1", ""},
		{"rubbish behind a proxy", "10.0.0.1:80", []string{"203.0.113.9, nonsense, 10.2.0.1"}, "10.0.0.1", ""},
		{"a line break", "10.0.0.1:80", []string{"203.0.113.9\nadmin"}, "10.0.0.1", ""},
		{"all of them proxies", "10.0.0.1:80", []string{"10.3.0.1, 10.2.0.1"}, "10.3.0.1", ""},
		{"with a port", "10.0.0.1:80", []string{"203.0.113.9:4711"}, "203.0.113.9", ""},
		{"version 6", "[fd00::1]:80", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"version 6 with a port", "[fd00::1]:80", []string{"[2001:db8::5]:4711"}, "2001:db8::5", "2001:db8::/64"},
		{"version 6 in brackets", "[fd00::1]:80", []string{"[2001:db8::5]"}, "2001:db8::5", "2001:db8::/64"},
		{"version 6 with a zone, which is anybody's to make up", "[fd00::1]:80", []string{"fe80::5%a"}, "fe80::5", "fe80::/64"},
		{"version 4 in version 6, on the connection", "[::ffff:10.0.0.1]:80", []string{"203.0.113.9"}, "203.0.113.9", ""},
		{"version 4 in version 6, in the header", "10.0.0.1:80", []string{"::ffff:203.0.113.9"}, "203.0.113.9", ""},
		{"a proxy as version 4 in version 6", "10.0.0.1:80", []string{"203.0.113.9, ::ffff:10.2.0.1"}, "203.0.113.9", ""},
		{"a connection like none", "pipe", []string{"203.0.113.9"}, "pipe", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, endpoint, nil)
			r.RemoteAddr = tt.from
			r.Header["X-Forwarded-For"] = tt.forwarded
			// what a proxy hands on as the client wrote it
			for _, other := range []string{"Forwarded", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip"} {
				r.Header.Set(other, "for=6.6.6.6")
			}
			got := trusted.client(r)
			if network := map[bool]string{true: tt.want, false: tt.network}[tt.network == ""]; got.text != tt.want ||
				got.network() != network {
				t.Errorf("it comes from %s of %s, want %s of %s", got.text, got.network(), tt.want, network)
			}
		})
	}
}

func TestTheClientsAddressIsOnTheRecordAndDecidesNothingElse(t *testing.T) {
	for _, tt := range []struct {
		proxies Proxies
		want    string
	}{
		{nil, "127.0.0.1"},
		{Proxies{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.9"},
	} {
		fake := &fakeTools{}
		cfg := config(fake)
		cfg.Proxies = tt.proxies
		server := serve(t, cfg)
		from := header("X-Forwarded-For", "203.0.113.9")
		do(t, request(t, server, queryBody, from))
		do(t, request(t, server, queryBody, from, func(r *http.Request) { r.Header.Set("Authorization", "Bearer nonsense") }))
		if got := fake.Calls[0].Client; got != tt.want {
			t.Errorf("with %v trusted, the call is recorded from %s", tt.proxies, got)
		}
		if got := fake.TurnedAway(); !reflect.DeepEqual(got, []string{tt.want + ": invalid_token"}) {
			t.Errorf("with %v trusted, refused is %v", tt.proxies, got)
		}
	}
}
