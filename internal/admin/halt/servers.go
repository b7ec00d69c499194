// Package halt puts agents and users on the list of stops, and asks the servers whether they have it.
package halt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"deputy/identity/stops"
	"deputy/internal/admin"
	"deputy/internal/config"
)

// Address is where one server can be asked.
type Address struct {
	URL  string // without a path
	Name string // that its certificate is for; empty: the host of the URL
	// Own says that it is the address of this configuration, because none is configured. It need not have a server:
	// agents on this machine may be served over standard input and output alone.
	Own bool
}

// Addresses are those of the servers that run on a configuration: server.replicas, or else where it listens. None: it
// listens on a port that it is told when it starts.
func Addresses(s config.Server) (out []Address) {
	for _, text := range s.Replicas {
		out = append(out, Address{URL: strings.TrimRight(text, "/")})
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if len(out) > 0 || err != nil || port == "0" {
		return out
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	own := Address{URL: "http://" + net.JoinHostPort(host, port), Own: true}
	if s.TLS.Certificate != "" {
		own.URL = "https://" + net.JoinHostPort(host, port)
		if public, err := url.Parse(s.PublicURL); err == nil {
			own.Name = public.Hostname()
		}
	}
	return []Address{own}
}

// Standing is what one server says of the list of stops that it has.
type Standing string

// What a server can say of the list, or not say.
const (
	Has        Standing = "has_it"     // the list is in force there
	HasAnother Standing = "other_list" // another one is, or none
	CannotRead Standing = "unreadable" // it refuses every call, because it cannot read its list
	NoAnswer   Standing = "no_answer"  // it is not known what is in force there
	NotRunning Standing = "not_running"
)

// Server is one server, and how it stands with a list of stops.
type Server struct {
	URL      string   `json:"url"`
	Standing Standing `json:"standing"`
	Detail   string   `json:"detail,omitempty"` // for people: what the server or the network says
}

// InForce reports whether no call can begin there that the list stops: the server has it, or refuses everything, or
// there is none.
func (s Server) InForce() bool { return s.Standing == Has || s.Standing == NotRunning }

const (
	askTime   = 6 * time.Second // of one server: it may look at its databases before it answers
	askAgain  = 200 * time.Millisecond
	maxAnswer = 64 << 10
)

// Lists are the lists of stops that a server is asked for, by their hashes.
type Lists struct {
	File   string
	Shared string // In the state that the servers share; empty: they share none, or it is not known.
	Both   bool   // A server must have both, as where a party is let in again. Else one of them stops the party.
}

// has reports whether what a server says is what is wanted. A server on another machine may have no file.
func (w Lists) has(file, shared string) bool {
	inFile, inShared := file == w.File, w.Shared != "" && shared == w.Shared
	switch {
	case w.Shared == "":
		return inFile
	case w.Both:
		return inShared && (inFile || file == "none")
	}
	return inFile || inShared
}

// Ask asks all servers for the lists that they have, until each has the wanted ones or wait is over; at least once.
// wanted is asked every time anew, because another command may have changed the list meanwhile.
func Ask(ctx context.Context, s config.Server, addresses []Address, wanted func() (Lists, error),
	wait time.Duration) ([]Server, error) {
	until := time.Now().Add(wait)
	out := make([]Server, len(addresses))
	clients := make([]*http.Client, len(addresses))
	for i, a := range addresses {
		clients[i] = admin.Client{Timeout: askTime, Certificate: s.TLS.Certificate, Name: a.Name}.HTTP()
	}
	for {
		lists, err := wanted()
		if err != nil {
			return out, err
		}
		var all sync.WaitGroup
		waits := false
		for i, a := range addresses {
			all.Go(func() { out[i] = ask(ctx, clients[i], a, lists) })
		}
		all.Wait()
		for _, server := range out {
			waits = waits || !server.InForce()
		}
		if !waits || time.Now().Add(askAgain).After(until) {
			return out, nil
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
}

func ask(ctx context.Context, c *http.Client, a Address, wanted Lists) Server {
	out := Server{URL: a.URL, Standing: NoAnswer}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/readyz", nil)
	if err != nil {
		out.Detail = "it cannot be asked: " + err.Error()
		return out
	}
	status, body, err := admin.Ask(c, request, maxAnswer)
	if err != nil && status == 0 {
		if a.Own && errors.Is(err, syscall.ECONNREFUSED) {
			out.Standing = NotRunning
			return out
		}
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err
		}
		out.Detail = err.Error()
		return out
	}
	var says struct {
		Message string  `json:"message"`
		Stops   *string `json:"stops"`
		Shared  string  `json:"shared_stops"`
	}
	if err != nil || json.Unmarshal(body, &says) != nil || says.Stops == nil {
		out.Detail = fmt.Sprintf("what answers there (status %d) does not say which list of stops it has: "+
			"is it a Deputy of this version?", status)
		return out
	}
	switch {
	case *says.Stops == stops.Unreadable, says.Shared == stops.Closed:
		out.Standing, out.Detail = CannotRead, says.Message
	case wanted.has(*says.Stops, says.Shared):
		out.Standing = Has
	default:
		out.Standing = HasAnother
	}
	return out
}
