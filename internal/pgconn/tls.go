package pgconn

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"

	"github.com/lib/pq"
)

// system as sslrootcert names the authorities that the operating system trusts.
const system = "system"

// secrecy is how a connection to one host speaks TLS. A nil secrecy speaks in the clear.
//
// lib/pq speaks TLS itself, but then the lengths of messages pass the meter encrypted. The rules here are lib/pq's
// (its ssl.go), which are libpq's.
type secrecy struct {
	config *tls.Config
	direct bool // TLS begins at once, without asking whether the server speaks it
	// checked is whether the server has to show a certificate of a known authority although sslmode leaves its name
	// open. sslmode=prefer goes on in the clear when it does not.
	checked bool
}

// newSecrecy reads the files that c names, as they are now. mode is the one to connect by, which differs from that of c
// where sslmode is allow or prefer.
func newSecrecy(c pq.Config, mode pq.SSLMode) (*secrecy, error) {
	if mode == pq.SSLModeDisable || mode == pq.SSLModeAllow {
		return nil, nil
	}
	home := configurationFolder()
	authorities := authoritiesOf(c, mode, home)
	s := &secrecy{
		config: &tls.Config{
			MinVersion: tlsVersions[c.SSLMinProtocolVersion],
			MaxVersion: tlsVersions[c.SSLMaxProtocolVersion],
			// Redshift asks for it, and cannot be told not to.
			Renegotiation: tls.RenegotiateFreelyAsClient,
		},
		direct: c.SSLNegotiation == pq.SSLNegotiationDirect,
	}
	if c.SSLSNI || mode == pq.SSLModeVerifyFull {
		s.config.ServerName = c.Host // crypto/tls sends no address as a name
	}
	if s.direct {
		s.config.NextProtos = []string{"postgresql"} // without it the server ends the connection
	}
	pems, err := trust(s.config, c, authorities)
	if err != nil {
		return nil, err
	}
	switch {
	case mode == pq.SSLModeVerifyFull:
	case mode == pq.SSLModeVerifyCA, authorities != "":
		s.checked = true
		s.config.InsecureSkipVerify = true // of the name, too, which VerifyConnection leaves open
		s.config.VerifyConnection = verifyAuthority(s.config.RootCAs)
	default:
		s.config.InsecureSkipVerify = true
	}
	return s, present(s.config, c, home, pems)
}

var tlsVersions = map[pq.SSLProtocolVersion]uint16{
	pq.SSLProtocolVersionTLS10: tls.VersionTLS10,
	pq.SSLProtocolVersionTLS11: tls.VersionTLS11,
	pq.SSLProtocolVersionTLS12: tls.VersionTLS12,
	pq.SSLProtocolVersionTLS13: tls.VersionTLS13,
}

// authoritiesOf is sslrootcert: what the DSN says, or root.crt in the user's folder where that is there. With a mode
// that only encrypts, a file that is not there counts for nothing.
func authoritiesOf(c pq.Config, mode pq.SSLMode, home string) string {
	if c.SSLInline {
		return c.SSLRootCert
	}
	file := c.SSLRootCert
	if file == "" && mode != "" && home != "" {
		file = filepath.Join(home, "root.crt")
		if _, err := os.Stat(file); err != nil {
			return ""
		}
	}
	if mode == pq.SSLModeVerifyCA || mode == pq.SSLModeVerifyFull || file == system {
		return file
	}
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// trust has t take the certificates of these authorities, and returns them. Without any, the system's are taken.
func trust(t *tls.Config, c pq.Config, authorities string) (pems []byte, err error) {
	if authorities == "" || authorities == system {
		return nil, nil
	}
	pems = []byte(authorities)
	if !c.SSLInline {
		if pems, err = os.ReadFile(authorities); err != nil {
			return nil, err
		}
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pems) {
		return nil, errors.New("couldn't parse pem from sslrootcert")
	}
	return pems, nil
}

// verifyAuthority is asked in each handshake, before the client shows its own certificate.
func verifyAuthority(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		if err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
		return nil
	}
}

// present has t show the client's certificate, where there is one, with the authorities between it and a root.
func present(t *tls.Config, c pq.Config, home string, authorities []byte) error {
	own, err := clientCertificate(c, home)
	if err != nil || own == nil {
		return err
	}
	own.Certificate = append(own.Certificate, intermediates(authorities)...)
	// Certificates would be shown only to a server that names their very authority, and not one above it.
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	return nil
}

// clientCertificate is that of sslcert and sslkey, or of the user's folder; nil where there is none.
func clientCertificate(c pq.Config, home string) (*tls.Certificate, error) {
	if c.SSLInline {
		own, err := tls.X509KeyPair([]byte(c.SSLCert), []byte(c.SSLKey))
		return &own, err
	}
	file, key := c.SSLCert, c.SSLKey
	if file == "" && home != "" {
		file = filepath.Join(home, "postgresql.crt")
	}
	if file == "" {
		return nil, nil
	}
	if _, err := os.Stat(file); isAbsent(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if key == "" && home != "" {
		key = filepath.Join(home, "postgresql.key")
	}
	if key != "" {
		if err := checkKeyFile(key); err != nil {
			return nil, err
		}
	}
	own, err := tls.LoadX509KeyPair(file, key)
	return &own, err
}

// intermediates are the authorities of a list that others have signed.
func intermediates(pems []byte) (found [][]byte) {
	for {
		var block *pem.Block
		if block, pems = pem.Decode(pems); block == nil {
			return found
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err == nil && c.IsCA && !bytes.Equal(c.RawIssuer, c.RawSubject) {
			found = append(found, block.Bytes)
		}
	}
}
