package pgconn

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/lib/pq"
)

// readDSN is lib/pq's reading of a DSN. Where a list of hosts begins with a socket's folder, lib/pq forgets the sslmode
// of the others, and would send their passwords in the clear.
func readDSN(dsn string) (pq.Config, error) {
	read, err := pq.NewConfig(dsn)
	if err != nil || !isSocket(read) || len(read.Multi) == 0 {
		return read, err
	}
	addresses := strings.TrimSuffix(strings.Repeat("127.0.0.1,", 1+len(read.Multi)), ",")
	again, err := pq.NewConfig(withAddresses(dsn, addresses))
	if err != nil {
		return read, err
	}
	read.SSLMode = again.SSLMode
	return read, nil
}

// withAddresses is the DSN of the same hosts, none of which is a socket.
func withAddresses(dsn, addresses string) string {
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		values := u.Query()
		values.Set("hostaddr", addresses)
		u.RawQuery = values.Encode()
		return u.String()
	}
	return "hostaddr=" + addresses + " " + dsn
}

// isSocket tells the folder of a Unix socket from the name of a host. libpq speaks no TLS there.
func isSocket(c pq.Config) bool {
	return c.Hostaddr == netip.Addr{} && (filepath.IsAbs(c.Host) || strings.HasPrefix(c.Host, "@"))
}

// hosts are the configurations of the hosts to try, in order.
func hosts(c pq.Config, shuffle func(n int, swap func(i, j int))) []pq.Config {
	all := []pq.Config{c.Clone()}
	for _, m := range c.Multi {
		host := c.Clone()
		host.Host, host.Hostaddr, host.Port = m.Host, m.Hostaddr, m.Port
		all = append(all, host)
	}
	for i := range all {
		all[i].Multi = nil
		if isSocket(all[i]) {
			all[i].SSLMode = pq.SSLModeDisable
		}
	}
	if c.LoadBalanceHosts == pq.LoadBalanceHostsRandom {
		shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	return all
}
