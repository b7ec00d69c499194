package assembly

import (
	"net/url"

	"github.com/rs/zerolog"

	"deputy/internal/config"
	"deputy/mcp/httpd"
)

// Certificate is what server.tls names; nil: nothing. Its error is a *config.Error. A certificate that clients would
// not accept is in the log: the one that replaces it may be on its way.
func Certificate(c *config.Config, log zerolog.Logger) (*httpd.Certificate, error) {
	files := c.Server.TLS
	if files.Certificate == "" {
		return nil, nil
	}
	certificate, err := httpd.LoadCertificate(
		httpd.CertificateConfig{Certificate: files.Certificate, Key: files.Key, Logger: log},
	)
	if err != nil {
		return nil, &config.Error{Problems: []config.Problem{c.Problem("server.tls", "%v", err)}}
	}
	if unfit := Unfit(c, certificate); unfit != nil {
		log.Warn().Msg(unfit.String())
	}
	return certificate, nil
}

// Unfit says why clients would not accept the certificate now, if they would not. Who signed it is theirs to judge.
func Unfit(c *config.Config, certificate *httpd.Certificate) *config.Problem {
	public, err := url.Parse(c.Server.PublicURL)
	if err == nil {
		err = certificate.Unfit(public.Hostname())
	}
	if err == nil {
		return nil
	}
	p := c.Problem("server.tls.certificate", "clients will not accept it: %v", err)
	return &p
}
