package httpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// pair makes a certificate of the name and its key, in PEM.
func pair(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{name},
		NotBefore:             time.Unix(1_800_000_000-3600, 0),
		NotAfter:              time.Unix(1_800_000_000+3600, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(
			&pem.Block{Type: "CERTIFICATE", Bytes: der},
		), pem.EncodeToMemory(
			&pem.Block{Type: "PRIVATE KEY", Bytes: encoded},
		)
}

// onDisk is a certificate in two files, and a clock that stands still.
type onDisk struct {
	t                *testing.T
	certificate, key string
	time             clock
	log              syncBuffer
}

func (d *onDisk) write(file string, content []byte) {
	d.t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func newOnDisk(t *testing.T, name string) (*onDisk, *Certificate) {
	t.Helper()
	d := &onDisk{
		t:           t,
		certificate: filepath.Join(t.TempDir(), "deputy.pem"),
		key:         filepath.Join(t.TempDir(), "deputy.key"),
	}
	certificate, key := pair(t, name)
	d.write(d.certificate, certificate)
	d.write(d.key, key)
	c, err := LoadCertificate(
		CertificateConfig{Certificate: d.certificate, Key: d.key, Logger: logTo(&d.log), Now: d.time.now},
	)
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

// handshake says for which name the certificate is that is shown, and what is spoken.
func handshake(t *testing.T, url string, change func(*tls.Config)) (tls.ConnectionState, error) {
	t.Helper()
	cfg := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
	change(cfg)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "http://"), cfg)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

func TestOverTLS(t *testing.T) {
	_, certificate := newOnDisk(t, "deputy.example.com")
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), TLS: certificate.Config()})
	defer stop()
	spoken, err := handshake(t, url, func(*tls.Config) {})
	if err != nil || spoken.Version != tls.VersionTLS13 || spoken.NegotiatedProtocol != "h2" ||
		spoken.PeerCertificates[0].DNSNames[0] != "deputy.example.com" {
		t.Errorf("a client of today speaks %x with %q, %v", spoken.Version, spoken.NegotiatedProtocol, err)
	}
	if spoken, err := handshake(t, url, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil ||
		spoken.Version != tls.VersionTLS12 {
		t.Errorf("a client of yesterday speaks %x, %v", spoken.Version, err)
	}
	old := func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	if _, err := handshake(t, url, old); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
			ForceAttemptHTTP2: protocol == "HTTP/2.0",
		}
		defer transport.CloseIdleConnections()
		r := post(t, url)
		r.URL.Scheme = "https"
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.Proto != protocol || response.StatusCode != http.StatusOK ||
			response.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
			t.Errorf("over %s the answer is %s %d, %v", protocol, response.Proto, response.StatusCode, response.Header)
		}
		for _, banner := range []string{"Server", "X-Powered-By", "Via"} {
			if response.Header.Get(banner) != "" {
				t.Errorf("over %s the server says that it is %q", protocol, response.Header.Get(banner))
			}
		}
	}
	plain, _ := do(t, request(t, serve(t, config(&fakeTools{})), queryBody))
	if plain.Header.Get("Strict-Transport-Security") != "" {
		t.Error("without TLS, browsers are told to keep to it")
	}
}

func TestANewCertificateIsShownWithoutARestart(t *testing.T) {
	d, certificate := newOnDisk(t, "old.example.com")
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), TLS: certificate.Config()})
	defer stop()
	shown := func() string {
		t.Helper()
		spoken, err := handshake(t, url, func(*tls.Config) {})
		if err != nil {
			t.Fatal(err)
		}
		return spoken.PeerCertificates[0].DNSNames[0]
	}
	another, key := pair(t, "newer.example.com")
	d.write(d.certificate, another)
	d.write(d.key, key)
	if got := shown(); got != "old.example.com" {
		t.Errorf("within a second the files are looked at again: %s is shown", got)
	}
	d.time.Add(1)
	if got := shown(); got != "newer.example.com" {
		t.Errorf("a second later %s is shown", got)
	}
	another, key = pair(t, "new.example.com")
	d.write(d.certificate, another)
	d.time.Add(1)
	for range 3 {
		if got := shown(); got != "newer.example.com" {
			t.Errorf("with only one file written, %s is shown", got)
		}
		d.time.Add(1)
	}
	if log := d.log.String(); strings.Count(log, "the new certificate is refused") != 1 {
		t.Errorf("the log says %s", log)
	}
	d.write(d.key, key[:len(key)/2])
	d.time.Add(1)
	if got := shown(); got != "newer.example.com" {
		t.Errorf("with half a key written, %s is shown", got)
	}
	d.write(d.key, key)
	d.time.Add(1)
	if got := shown(); got != "new.example.com" {
		t.Errorf("with both files written, %s is shown", got)
	}
	if err := os.Remove(d.key); err != nil {
		t.Fatal(err)
	}
	d.time.Add(1)
	if got := shown(); got != "new.example.com" {
		t.Errorf("without a key file, %s is shown", got)
	}
	if log := d.log.String(); !strings.Contains(log, "the certificate is renewed") || strings.Contains(log, "PRIVATE") {
		t.Errorf("the log says %s", log)
	}
}

func TestFilesThatAreNoCertificateAreRefused(t *testing.T) {
	d, _ := newOnDisk(t, "deputy.example.com")
	_, other := pair(t, "deputy.example.com")
	key, _ := os.ReadFile(d.key)
	for name, content := range map[string][]byte{"nothing": nil, "no PEM": []byte("hunter2"), "another's key": other, "half of it": key[:len(key)/2]} {
		d.write(d.key, content)
		if _, err := LoadCertificate(CertificateConfig{Certificate: d.certificate, Key: d.key}); err == nil ||
			strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadCertificate(CertificateConfig{Certificate: d.certificate, Key: d.key + "x"}); err == nil {
		t.Error("a file that is not there is no mistake")
	}
}

func TestACertificateThatClientsWouldRefuseIsUnfit(t *testing.T) {
	d, c := newOnDisk(t, "deputy.example.com")
	if err := c.Unfit("deputy.example.com"); err != nil {
		t.Error(err)
	}
	if err := c.Unfit("elsewhere.example.com"); err == nil {
		t.Error("it is good for another name")
	}
	for _, later := range []int64{2 * 3600, -4 * 3600} {
		d.time.Add(later)
		if err := c.Unfit("deputy.example.com"); err == nil {
			t.Errorf("it is good at %v", d.time.now())
		}
	}
}
