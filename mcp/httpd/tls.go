package httpd

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// lookEvery is how often the files of a certificate are looked at, at most.
const lookEvery = time.Second

// Certificate is a server's certificate that is read anew when its files have changed. While they do not fit together,
// as when only one of them has been written so far, the one before is shown.
type Certificate struct {
	config CertificateConfig

	mu     sync.Mutex
	shown  *tls.Certificate
	seen   [2]os.FileInfo // the files, as they were last read
	looked time.Time
}

// CertificateConfig is what a certificate needs. Both files are PEM; that of the certificate also has those above it.
type CertificateConfig struct {
	Certificate, Key string
	Logger           zerolog.Logger
	Now              func() time.Time // default time.Now
}

// LoadCertificate fails when the files are not a certificate and its key. Nothing of the key is in the error.
func LoadCertificate(cfg CertificateConfig) (*Certificate, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Certificate{config: cfg}
	c.seen, c.looked = c.look(), cfg.Now()
	var err error
	c.shown, err = c.load()
	return c, err
}

// Config is for a listener: TLS 1.2 or newer, with the cipher suites that Go thinks good.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

// Unfit says why clients would not accept the certificate now as that of the host, if they would not; who signed it is
// not looked at.
func (c *Certificate) Unfit(host string) error {
	leaf := c.current().Leaf
	if err := leaf.VerifyHostname(host); err != nil {
		return err
	}
	if now := c.config.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return fmt.Errorf(
			"the certificate is valid from %s to %s only",
			leaf.NotBefore.Format(time.DateTime),
			leaf.NotAfter.Format(time.DateTime),
		)
	}
	return nil
}

// current looks first whether there is another, if no other call has just looked.
func (c *Certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	if now.Sub(c.looked) < lookEvery {
		return c.shown
	}
	c.looked = now
	seen := c.look() // before they are read: what is written after that is seen the next time
	if sameFile(seen[0], c.seen[0]) && sameFile(seen[1], c.seen[1]) {
		return c.shown
	}
	c.seen = seen
	if another, err := c.load(); err != nil {
		c.config.Logger.Error().Err(err).Msg("the new certificate is refused: the one before goes on")
	} else {
		c.shown = another
		c.config.Logger.Info().Time("not_after", another.Leaf.NotAfter).Msg("the certificate is renewed")
	}
	return c.shown
}

func (c *Certificate) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.config.Certificate, c.config.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &pair, nil
}

// look follows links, so that a mounted secret, which is replaced by turning a link, is seen.
func (c *Certificate) look() (seen [2]os.FileInfo) {
	for i, file := range []string{c.config.Certificate, c.config.Key} {
		if info, err := os.Stat(file); err == nil {
			seen[i] = info
		}
	}
	return seen
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
