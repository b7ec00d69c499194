package admin

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Client is how a command asks a Deputy server.
type Client struct {
	Timeout time.Duration // of one request
	// Certificate is a file with a certificate that is believed beside those of the system; empty: none is.
	Certificate string
	Name        string // that the server's certificate is for; empty: the host of the URL
	// Proxied says that a proxy in the environment may stand between. One could answer in the place of the server.
	Proxied bool
	// Redirected is the error of a server that sends elsewhere; nil: its own answer is the one. No redirect is
	// followed: another server's answer says nothing, and a token does not go there.
	Redirected error
}

// HTTP is the client itself. Its connections end with each answer.
func (c Client) HTTP() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Name},
		DisableKeepAlives: true}
	if c.Proxied {
		transport.Proxy = http.ProxyFromEnvironment
	}
	if text, err := os.ReadFile(c.Certificate); c.Certificate != "" && err == nil {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if pool.AppendCertsFromPEM(text) {
			transport.TLSClientConfig.RootCAs = pool
		}
	}
	return &http.Client{Timeout: c.Timeout, Transport: transport, CheckRedirect: func(*http.Request,
		[]*http.Request) error {
		if c.Redirected != nil {
			return c.Redirected
		}
		return http.ErrUseLastResponse
	}}
}

// Ask sends a request and reads the answer, of at most so many bytes.
func Ask(client *http.Client, request *http.Request, most int64) (status int, body []byte, err error) {
	response, err := client.Do(request) //nolint:gosec // G704: administrators name the servers that they ask
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, most))
	return response.StatusCode, body, err
}

// OnThisMachine reports whether a host is this machine's own: what is sent there leaves it not.
func OnThisMachine(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
