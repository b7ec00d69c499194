package pgconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

// connector implements driver.Connector. It tries the hosts of a DSN by lib/pq's rules, each with a lib/pq of its own:
// whose certificate is good depends on the name of the host, which a dialer is not told.
type connector struct {
	config  Config
	library pq.Config
	shuffle func(n int, swap func(i, j int)) // puts hosts into any order, where the DSN spreads load
}

// Driver is lib/pq's: database/sql asks for it and uses it for nothing else.
func (c *connector) Driver() driver.Driver { return &pq.Driver{} }

// Connect ends at once when its context does: nothing has been asked for yet that would have to be cancelled.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	if err := conn.prepare(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// find connects to the first host that serves.
func (c *connector) find(ctx context.Context) (*Conn, error) {
	var failed []error
	for _, attributes := range sought(c.library.TargetSessionAttrs) {
		failed = nil
		for _, host := range hosts(c.library, c.shuffle) {
			host.TargetSessionAttrs = attributes
			conn, err := c.byMode(ctx, host)
			if err == nil {
				return conn, nil
			}
			failed = append(failed, fmt.Errorf("connecting to %s:%d: %w", host.Host, host.Port, err))
		}
	}
	if len(c.library.Multi) == 0 {
		return nil, errors.Unwrap(failed[0])
	}
	return nil, fmt.Errorf("could not connect to any of the hosts:\n%w", errors.Join(failed...))
}

// sought are the kinds of servers to look for, one after the other.
func sought(wanted pq.TargetSessionAttrs) []pq.TargetSessionAttrs {
	if wanted == pq.TargetSessionAttrsPreferStandby {
		return []pq.TargetSessionAttrs{pq.TargetSessionAttrsStandby, pq.TargetSessionAttrsAny}
	}
	return []pq.TargetSessionAttrs{wanted}
}

// byMode connects to one host, and once more where its sslmode has a second choice.
func (c *connector) byMode(ctx context.Context, host pq.Config) (*Conn, error) {
	conn, d, err := c.connect(ctx, host, host.SSLMode)
	var open unsecured
	switch {
	case err == nil:
	case host.SSLMode == pq.SSLModePrefer && errors.As(err, &open):
		conn, _, err = c.connect(ctx, host, pq.SSLModeDisable)
	case host.SSLMode == pq.SSLModeAllow && d.isTaken():
		conn, _, err = c.connect(ctx, host, pq.SSLModeRequire)
	}
	return conn, err
}

// connect tries one host in one mode. lib/pq hears of no TLS: the dialer speaks it.
func (c *connector) connect(ctx context.Context, host pq.Config, mode pq.SSLMode) (*Conn, *dialer, error) {
	d := &dialer{config: c.config, secrecy: func() (*secrecy, error) { return newSecrecy(host, mode) }}
	clear := host.Clone()
	clear.SSLMode, clear.SSLNegotiation = pq.SSLModeDisable, pq.SSLNegotiationPostgres
	library, err := pq.NewConnectorConfig(clear)
	if err != nil {
		return nil, d, ErrDSN
	}
	library.Dialer(d)
	stop := context.AfterFunc(ctx, func() { d.giveUp(ctx.Err()) })
	opened, err := library.Connect(ctx)
	stop()
	if err != nil {
		return nil, d, d.explain(err)
	}
	return &Conn{library: opened.(libraryConn), wire: d.established(), config: c.config}, d, nil
}
