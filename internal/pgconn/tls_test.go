package pgconn_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"deputy/internal/pgconn"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
)

// secured is a cluster that speaks TLS, and what clients of it may have in their files.
type secured struct {
	*throwaway.Cluster
	address, dir string
	authority    *throwaway.Authority
}

const access = `hostssl all "tls_only" 127.0.0.1/32 trust
hostnossl all "clear_only" 127.0.0.1/32 trust
hostssl all "holder" 127.0.0.1/32 cert
hostssl all "secret" 127.0.0.1/32 scram-sha-256
host all "either" 127.0.0.1/32 trust
`

// startSecured is called once for all tests: they only read it.
var startSecured = sync.OnceValues(func() (*secured, error) {
	dir, err := os.MkdirTemp("", "deputy-tls-")
	if err != nil {
		return nil, err
	}
	authority, err := throwaway.NewAuthority("authority")
	if err != nil {
		return nil, err
	}
	address, err := serving.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &secured{address: address, dir: dir, authority: authority}
	pair, err := authority.Issue("db.test", time.Now().Add(time.Hour), "db.test")
	if err != nil {
		return nil, err
	}
	secrecy := throwaway.Secrecy{Server: pair, Clients: authority, Access: access}
	if s.Cluster, err = throwaway.StartAt(context.Background(), address, secrecy); err != nil {
		return nil, err
	}
	for _, role := range []string{"tls_only", "clear_only", "holder", "either", "secret PASSWORD 'pa55 word'"} {
		if err := s.Exec(throwaway.Superuser, "postgres", "CREATE ROLE "+role+" LOGIN"); err != nil {
			return nil, err
		}
	}
	return s, s.lay()
})

// lay writes the files of clients: good ones, and some for each way to be wrong.
func (s *secured) lay() error {
	other, err := throwaway.NewAuthority("authority") // of the same name, and not the same
	if err != nil {
		return err
	}
	below, err := s.authority.Below("below")
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.pem": s.authority.PEM, "other.pem": other.PEM, "none.pem": []byte("nothing\n"),
		"chain.pem": append(append([]byte{}, s.authority.PEM...), below.PEM...)}
	for name, of := range map[string]*throwaway.Authority{"holder": s.authority, "forged": other, "lower": below} {
		pair, err := of.Issue("holder", time.Now().Add(time.Hour))
		if err != nil {
			return err
		}
		files[name+".crt"], files[name+".key"] = pair.Certificate, pair.Key
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
			return err
		}
	}
	key := filepath.Join(s.dir, "open.key")
	if err := os.WriteFile(key, files["holder.key"], 0o600); err != nil {
		return err
	}
	return os.Chmod(key, 0o644)
}

func securedCluster(t *testing.T) *secured {
	t.Helper()
	s, err := startSecured()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dsn puts the folder of the files for {}.
func (s *secured) dsn(user, rest string) string {
	host, port, _ := net.SplitHostPort(s.address)
	start := fmt.Sprintf("hostaddr=%s port=%s dbname=postgres user=%s connect_timeout=30 ", host, port, user)
	return start + strings.ReplaceAll(rest, "{}", s.dir)
}

// outcome is what a client gets: "clear", "tls", "tls as" the name in its certificate, or "refused".
func outcome(t *testing.T, db *sql.DB) (string, error) {
	t.Helper()
	defer db.Close()
	var spoken bool
	var name sql.NullString
	err := db.QueryRowContext(t.Context(), `SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).
		Scan(&spoken, &name)
	switch {
	case err != nil:
		return "refused", err
	case !spoken:
		return "clear", nil
	case name.String != "":
		return "tls as " + name.String, nil
	}
	return "tls", nil
}

// In each mode, with each kind of file, a connection is what libpq's documentation says, and what lib/pq makes of it
// when it speaks TLS itself.
func TestModes(t *testing.T) {
	s := securedCluster(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, test := range []struct{ user, dsn, want string }{
		{"either", "sslmode=disable", "clear"},
		{"tls_only", "sslmode=disable", "refused"},
		{"either", "sslmode=allow", "clear"},
		{"tls_only", "sslmode=allow", "tls"},
		{"either", "sslmode=prefer", "tls"},
		{"clear_only", "sslmode=prefer", "refused"},
		{"either", "sslmode=prefer sslrootcert={}/other.pem", "clear"},
		{"tls_only", "sslmode=prefer sslrootcert={}/other.pem", "refused"},
		{"either", "sslmode=prefer ssl_max_protocol_version=TLSv1.1", "refused"},
		{"either", "sslmode=require", "tls"},
		{"either", "", "tls"},
		{"clear_only", "sslmode=require", "refused"},
		{"either", "sslmode=require sslrootcert={}/ca.pem", "tls"},
		{"either", "sslmode=require sslrootcert={}/other.pem", "refused"},
		{"either", "sslmode=require sslrootcert={}/absent.pem", "tls"},
		{"either", "sslmode=require sslrootcert={}/none.pem", "refused"},
		{"either", "sslmode=verify-ca sslrootcert={}/ca.pem", "tls"},
		{"either", "sslmode=verify-ca sslrootcert={}/ca.pem host=other.test", "tls"},
		{"either", "sslmode=verify-ca sslrootcert={}/other.pem", "refused"},
		{"either", "sslmode=verify-ca sslrootcert={}/absent.pem", "refused"},
		{"either", "sslmode=verify-ca", "refused"},
		{"either", "sslmode=verify-full sslrootcert={}/ca.pem host=db.test", "tls"},
		{"either", "sslmode=verify-full sslrootcert={}/ca.pem host=db.test sslsni=0", "tls"},
		{"either", "sslmode=verify-full sslrootcert={}/ca.pem host=other.test", "refused"},
		{"either", "sslmode=verify-full sslrootcert={}/ca.pem", "refused"},
		{"either", "sslmode=verify-full sslrootcert={}/other.pem host=db.test", "refused"},
		{"either", "sslmode=verify-full host=db.test", "refused"},
		{"either", "sslrootcert=system host=db.test", "refused"},
		{"holder", "sslmode=require", "refused"},
		{"holder", "sslmode=require sslcert={}/absent.crt sslkey={}/holder.key", "refused"},
		{"holder", "sslmode=require sslcert={}/holder.crt sslkey={}/holder.key", "tls as /CN=holder"},
		{"holder", "sslmode=require sslcert={}/holder.crt sslkey={}/open.key", "refused"},
		{"holder", "sslmode=require sslcert={}/holder.crt sslkey={}/absent.key", "refused"},
		{"holder", "sslmode=require sslcert={}/holder.crt sslkey={}/forged.key", "refused"},
		{"holder", "sslmode=require sslcert={}/forged.crt sslkey={}/forged.key", "refused"},
		{"either", "sslmode=prefer sslcert={}/holder.crt sslkey={}/open.key", "clear"},
		{"holder", "sslmode=require sslcert={}/lower.crt sslkey={}/lower.key", "refused"},
		{"holder", "sslmode=verify-ca sslrootcert={}/chain.pem sslcert={}/lower.crt sslkey={}/lower.key",
			"tls as /CN=holder"},
		{"secret", "sslmode=require password='pa55 word'", "tls"},
		{"secret", "sslmode=require password=wrong", "refused"},
		{"either", "sslmode=require ssl_min_protocol_version=TLSv1.3", "tls"},
		{"either", "sslmode=require ssl_max_protocol_version=TLSv1.2", "tls"},
		{"either", "sslmode=require ssl_max_protocol_version=TLSv1.1", "refused"},
	} {
		s.compare(t, test.user, test.dsn, test.want)
	}
	folder := filepath.Join(home, ".postgresql")
	if err := os.CopyFS(folder, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"other.pem": "root.crt", "holder.crt": "postgresql.crt", "holder.key": "postgresql.key",
	} {
		if err := os.Rename(filepath.Join(folder, from), filepath.Join(folder, to)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(folder, to), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ user, dsn, want string }{
		{"holder", "sslmode=require", "refused"},
		{"holder", "sslmode=require sslrootcert={}/ca.pem", "tls as /CN=holder"},
		{"either", "sslmode=prefer", "clear"},
		{"holder", "", "tls as /CN=holder"},
	} {
		s.compare(t, test.user, test.dsn, test.want)
	}
}

func (s *secured) compare(t *testing.T, user, dsn, want string) {
	t.Helper()
	dsn = s.dsn(user, dsn)
	library, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := pgconn.Open(pgconn.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	got, why := outcome(t, ours)
	theirs, whyTheirs := outcome(t, library)
	if got != want || theirs != want {
		t.Errorf("%s: %s (%v), lib/pq %s (%v), want %s", dsn, got, why, theirs, whyTheirs, want)
	}
	if why == nil || whyTheirs == nil {
		return
	}
	words, _, _ := strings.Cut(strings.TrimPrefix(whyTheirs.Error(), "pq: "), ": current time")
	if !strings.Contains(why.Error(), words) && !cut(why) && !cut(whyTheirs) {
		t.Errorf("%s: the words are %q, of lib/pq %q", dsn, why, whyTheirs)
	}
}

// cut reports whether a server closed the connection before its last words were read: who writes on finds it reset, as
// the moment has it.
func cut(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		strings.Contains(err.Error(), "connection reset by peer") || strings.Contains(err.Error(), "broken pipe")
}

// Inline certificates, and a server whose certificate is over.
func TestExpiredServer(t *testing.T) {
	authority, err := throwaway.NewAuthority("authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue("db.test", time.Now().Add(-time.Hour), "db.test")
	if err != nil {
		t.Fatal(err)
	}
	s := &secured{address: serving.Address(t), dir: t.TempDir()}
	secrecy := throwaway.Secrecy{Server: pair, Clients: authority, Access: "hostssl all all 127.0.0.1/32 cert\n"}
	if s.Cluster, err = throwaway.StartAt(t.Context(), s.address, secrecy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	own, err := authority.Issue(throwaway.Superuser, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	inline := fmt.Sprintf("sslinline=true sslcert='%s' sslkey='%s' ", own.Certificate, own.Key)
	for rest, want := range map[string]string{
		"sslmode=require": "tls as /CN=postgres",
		fmt.Sprintf("sslmode=verify-ca sslrootcert='%s'", authority.PEM):                "refused",
		fmt.Sprintf("sslmode=verify-full host=db.test sslrootcert='%s'", authority.PEM): "refused",
	} {
		s.compare(t, throwaway.Superuser, inline+rest, want)
	}
	fresh, err := authority.Issue("db.test", time.Now().Add(time.Hour), "db.test")
	if err != nil {
		t.Fatal(err)
	}
	secrecy.Server = fresh
	if err := s.Secure(t.Context(), s.address, secrecy); err != nil {
		t.Fatal(err)
	}
	full := fmt.Sprintf("sslmode=verify-full host=db.test sslrootcert='%s'", authority.PEM)
	s.compare(t, throwaway.Superuser, inline+full, "tls as /CN=postgres")
}

// PostgreSQL 17 and later take TLS without being asked, where the client names the protocol. lib/pq does not name it.
func TestDirect(t *testing.T) {
	s := securedCluster(t)
	var version int
	admin, err := s.Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.QueryRow(`SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	want := "tls"
	if version < 170000 {
		want = "refused"
	}
	db, err := pgconn.Open(pgconn.Config{DSN: s.dsn("either", "sslmode=require sslnegotiation=direct")})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := outcome(t, db); got != want {
		t.Errorf("%s: %v", got, err)
	}
	weak := s.dsn("either", "sslmode=prefer sslnegotiation=direct")
	if _, err := pgconn.Open(pgconn.Config{DSN: weak}); err == nil {
		t.Error("a mode that takes no TLS as well is not refused")
	}
}
