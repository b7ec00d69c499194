package throwaway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Secrecy is how a cluster speaks TLS on an address.
type Secrecy struct {
	Server  Pair
	Clients *Authority // signs the certificates that clients show
	Access  string     // lines of pg_hba.conf, behind those for the cluster's own socket
}

// StartAt is Start for a cluster that listens on a loopback address as well, where it speaks TLS.
func StartAt(ctx context.Context, address string, s Secrecy, settings ...string) (*Cluster, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	c, err := Start(ctx, append(settings, "listen_addresses="+host, portSetting+port)...)
	if err != nil {
		return nil, err
	}
	if err := c.Secure(ctx, address, s); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Secure gives a running cluster these certificates, and returns when it shows them on the address.
func (c *Cluster) Secure(ctx context.Context, address string, s Secrecy) error {
	files := map[string][]byte{
		"server.crt": s.Server.Certificate, "server.key": s.Server.Key, "root.crt": s.Clients.PEM,
		"pg_hba.conf": []byte("local all all trust\n" + s.Access),
	}
	for name, text := range files {
		if err := c.write(name, text); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`ALTER SYSTEM SET ssl_ca_file = 'root.crt'`, `ALTER SYSTEM SET ssl = on`, `SELECT pg_reload_conf()`,
	} {
		if err := c.Exec(Superuser, "postgres", statement); err != nil {
			return err
		}
	}
	block, _ := pem.Decode(s.Server.Certificate)
	want, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		shown, err := show(ctx, address)
		if err == nil && shown.Equal(want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf(
				"the cluster does not show its certificate: %w: %s",
				errors.Join(ctx.Err(), err),
				c.tail(),
			)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// write leaves a file to the server that only it may read.
func (c *Cluster) write(name string, text []byte) error {
	run, err := unprivileged()
	if err != nil {
		return err
	}
	path := filepath.Join(c.Dir, "data", name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return run.own(path)
}

// show asks for the certificate that the server shows to new connections.
func show(ctx context.Context, address string) (*x509.Certificate, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return nil, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil || answer[0] != 'S' {
		return nil, fmt.Errorf("the server answers %q: %w", answer, err)
	}
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // the caller compares the certificate
	if err := secured.Handshake(); err != nil {
		return nil, err
	}
	return secured.ConnectionState().PeerCertificates[0], nil
}
