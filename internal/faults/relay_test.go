package faults

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// relay is a line between the server and a database. It can lose everything that goes over it without a word, as a
// firewall does that has forgotten a connection, or cut all connections.
type relay struct {
	listener net.Listener
	socket   string
	loses    atomic.Bool
	delay    atomic.Int64 // nanoseconds for each piece
	repeats  atomic.Int64 // of a hundred pieces so many are lost, and come when TCP sends them again

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func startRelay(socket string) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: listener, socket: socket, conns: map[net.Conn]bool{}}
	go r.accept()
	return r, nil
}

func (r *relay) port() string {
	_, port, _ := net.SplitHostPort(r.listener.Addr().String())
	return port
}

// turn leads connections from now on to another database.
func (r *relay) turn(socket string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.socket = socket
}

// aim leads all connections to another database: those that are open end.
func (r *relay) aim(socket string) {
	r.turn(socket)
	r.cut()
}

// cut ends every connection.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
	clear(r.conns)
}

func (r *relay) close() {
	r.listener.Close()
	r.cut()
}

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns[near] = true
		socket := r.socket
		r.mu.Unlock()
		far, err := net.Dial("unix", socket)
		if err != nil {
			near.Close()
			continue
		}
		go r.carry(near, far)
		go r.carry(far, near)
	}
}

func (r *relay) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	piece := make([]byte, 16<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		time.Sleep(time.Duration(r.delay.Load()))
		if rand.Int64N(100) < r.repeats.Load() {
			time.Sleep(200 * time.Millisecond << rand.IntN(4)) // the sender's timeout doubles with each loss
		}
		if r.loses.Load() {
			continue
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

// relayForever is the relay as a program of its own, for a network namespace.
func relayForever(address, socket string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	r := &relay{listener: listener, socket: socket, conns: map[net.Conn]bool{}}
	io.WriteString(output{}, "ready\n")
	r.accept()
}
