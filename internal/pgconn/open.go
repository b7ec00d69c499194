// Package pgconn opens connections to PostgreSQL. Data, state and sinks all come through here.
//
// lib/pq goes on reading after the context of a statement has ended, and its connections have no deadline: a database
// that was frozen, or a host that vanished, would be waited for without limit. Here each step follows its context.
// When the context has ended, lib/pq asks the database to cancel; when the database does not answer within
// Config.Grace, the connection is cut and the step returns. [Silence] says so where the database sent nothing in that
// time.
//
// Every connection uses TCP keepalive and TCP_USER_TIMEOUT, has a limit for connecting, sends a query and its
// parameters in one flight (poolers in transaction mode need that), and is looked at before it is used again: one that
// the database has closed, or that a firewall has forgotten, is replaced before anything of the caller's has run.
//
// What arrives goes through a meter (meter.go) before lib/pq sees it. What looks at the length of each message, and
// ends an answer before lib/pq makes room for it, belongs there: meter.read gets every byte in the clear and in order,
// because TLS is spoken below it (tls.go, by lib/pq's rules) and lib/pq is told that there is none. A limit that
// differs from call to call is set with a method of [Conn], which sql.Conn.Raw gives.
package pgconn

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

// What Config's zero values mean.
const (
	defaultConnectTimeout = 5 * time.Second
	leastConnectTimeout   = 2 * time.Second // for each of several hosts
	defaultGrace          = 500 * time.Millisecond
	defaultAskAfter       = 10 * time.Second
	idleTime              = 5 * time.Minute // then a connection is given back to the database
	lifeTime              = time.Hour
)

// Immediately is a grace of no time: what does not answer when its context ends is cut at once.
const Immediately = time.Nanosecond

// ErrDSN stands for a DSN that cannot be read. It repeats nothing of it, because a password may be in it.
var ErrDSN = errors.New("the dsn cannot be read")

// Config says where a pool connects and what its connections are like.
type Config struct {
	// DSN is read by lib/pq, with the PG* variables of the environment. Its connect_timeout, when it has one, is kept.
	DSN string
	// MaxOpen is how many connections there may be at once. Zero means any number.
	MaxOpen int
	// MaxIdle is how many of them are kept while they are idle. Zero means MaxOpen (or 2), and below zero means none.
	MaxIdle int
	// Grace is how long the database may take to answer after the context of a step has ended; zero means 500 ms.
	Grace time.Duration
	// Patience is how long a step may take whose context has no deadline; zero means without limit.
	Patience time.Duration
	// AskAfter is how long a connection may have been idle and still be used without a ping; zero means 10 s.
	AskAfter time.Duration
	// MaxAnswer is how many bytes the database may send in answer to one request; zero means any number.
	MaxAnswer int
	// Settings, when it is set, is run on each new connection before anything else, in a message of its own, and again
	// when a timeout that the session has from its database or its role stops it.
	Settings string
	// Prepare, when it is set, is run once on each new connection.
	Prepare string
}

func (c Config) withDefaults() Config {
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.AskAfter == 0 {
		c.AskAfter = defaultAskAfter
	}
	if c.MaxIdle == 0 {
		c.MaxIdle = c.MaxOpen
	}
	return c
}

// Open makes a pool. It does not connect yet. The only error is ErrDSN.
func Open(c Config) (*sql.DB, error) {
	c = c.withDefaults()
	read, err := readDSN(c.DSN)
	if err != nil {
		return nil, ErrDSN
	}
	// lib/pq otherwise sends a query with parameters outside a transaction in two flights, and a pooler in transaction
	// mode may bring the second to another session.
	read.BinaryParameters = true
	if read.ConnectTimeout <= 0 {
		// Hosts are tried one after the other: one that is silent leaves time for the next.
		read.ConnectTimeout = max(defaultConnectTimeout/time.Duration(1+len(read.Multi)), leastConnectTimeout)
	}
	db := sql.OpenDB(&connector{config: c, library: read, shuffle: rand.Shuffle})
	db.SetMaxOpenConns(c.MaxOpen)
	if c.MaxIdle != 0 {
		db.SetMaxIdleConns(c.MaxIdle)
	}
	db.SetConnMaxIdleTime(idleTime)
	db.SetConnMaxLifetime(lifeTime)
	return db, nil
}
