package sink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"deputy/audit"
)

// A datagram holds no more than this: what UDP can carry, less the header. A record that is larger is shortened, and
// says so.
const maxDatagram = 60_000

// Syslog sends each record to a syslog server, as a message of RFC 5424.
type Syslog struct {
	network, address string
	format           Format
	host             string
	conn             net.Conn
	gone             chan struct{} // closed when the other end of conn has hung up
}

// NewSyslog takes an address such as unix:///dev/log (datagrams), tcp://host:601 or udp://host:514. It does not connect
// yet.
func NewSyslog(address string, format Format) (*Syslog, error) {
	network, where, err := SyslogAddress(address)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	return &Syslog{network: network, address: where, format: format, host: host}, nil
}

// SyslogAddress reads an address.
func SyslogAddress(address string) (network, where string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", errSyslogAddress
	}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return "unixgram", u.Path, nil
	case (u.Scheme == "tcp" || u.Scheme == "udp") && u.Hostname() != "" && u.Port() != "" && u.Path == "":
		return u.Scheme, u.Host, nil
	}
	return "", "", errSyslogAddress
}

var errSyslogAddress = errors.New("not an address: write unix:///dev/log, tcp://host:601 or udp://host:514")

// Deliver implements Sink. Syslog never says that it has a message: what is returned is that the other end was there.
func (s *Syslog) Deliver(ctx context.Context, messages []Message) error {
	err := s.send(ctx, messages)
	if err != nil {
		s.hangUp()
		if ctx.Err() != nil {
			return fmt.Errorf("it has not answered in time: %w", ctx.Err())
		}
	}
	return err
}

func (s *Syslog) send(ctx context.Context, messages []Message) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	for _, m := range messages {
		text := s.message(m)
		if s.network == "tcp" { // octet counting: RFC 6587, section 3.4.1
			text = append(strconv.AppendInt(nil, int64(len(text)), 10), append([]byte{' '}, text...)...)
		}
		if _, err := s.conn.Write(text); err != nil {
			return err
		}
	}
	return nil
}

func (s *Syslog) connect(ctx context.Context) error {
	if s.conn != nil {
		select {
		case <-s.gone:
			s.hangUp()
		default:
			return nil
		}
	}
	conn, err := new(net.Dialer).DialContext(ctx, s.network, s.address)
	if err != nil {
		return err
	}
	s.conn, s.gone = conn, make(chan struct{})
	if s.network == "tcp" { // a write to a server that is gone succeeds once: so somebody listens whether it goes
		go func(gone chan struct{}) {
			defer close(gone)
			for one := make([]byte, 64); ; {
				if _, err := conn.Read(one); err != nil {
					return
				}
			}
		}(s.gone)
	}
	return nil
}

func (s *Syslog) hangUp() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// Close implements Sink.
func (s *Syslog) Close() error { s.hangUp(); return nil }

// message is the record in the form of RFC 5424. Facility 13 is the log of audits. The enterprise number is the one
// that is kept for examples: Deputy has none of its own.
func (s *Syslog) message(m Message) []byte {
	r, short := m.Record, ""
	text := m.Text
	for s.network != "tcp" && len(text) > maxDatagram-2048 {
		switch short = "yes"; {
		case len(r.SQL) > 1024:
			r.SQL = strings.ToValidUTF8(r.SQL[:len(r.SQL)/2], "") + "…"
		case r.Tables != nil:
			r.Tables = nil
		default:
			r = audit.Record{
				ID:      r.ID,
				Phase:   r.Phase,
				Time:    r.Time,
				Outcome: r.Outcome,
				Agent:   audit.Party{ID: clip(r.Agent.ID, 256)},
			}
		}
		var err error
		if text, err = s.format(r); err != nil {
			break
		}
	}
	data := fmt.Sprintf(
		"[deputy@32473 id=%s phase=%s outcome=%s",
		param(r.ID),
		param(string(r.Phase)),
		param(string(r.Outcome)),
	)
	if short != "" {
		data += " shortened=" + param(short)
	}
	header := fmt.Sprintf(
		"<%d>1 %s %s deputy %d %s %s] ",
		13*8+severity(m.Record),
		m.Record.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
		word(s.host, 255),
		os.Getpid(),
		word(m.Record.Tool, 32),
		data,
	)
	return append([]byte(header), text...)
}

// severity is informational for an answer, notice for a denial, warning for a failure.
func severity(r audit.Record) int {
	switch r.Outcome {
	case audit.Denied:
		return 5
	case audit.Failed, audit.Unknown:
		return 4
	}
	return 6
}

// word is a field of the header: printable ASCII without spaces.
func word(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < 33 || r > 126 {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return clip(s, most)
}

func clip(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }

// param is the value of a parameter, with what could end it early escaped.
func param(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 32 || r == 127 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(clip(s, 256), ""))
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(s) + `"`
}
