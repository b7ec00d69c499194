package sink_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/ocsf"
	"deputy/audit/sink"
)

// syslogMessage is what a strict reader of RFC 5424 sees in a message.
type syslogMessage struct {
	priority                                 int
	time                                     time.Time
	host, app, process, id, structure, texts string
	params                                   map[string]string
}

var (
	syslogHeader = regexp.MustCompile(
		`^<([0-9]|[1-9][0-9]|1[0-8][0-9]|19[01])>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `,
	)
	syslogName = regexp.MustCompile(`^[!#-<>-\\^-~]{1,32}`)
)

// parseSyslog refuses whatever the grammar of RFC 5424, section 6, does not have.
func parseSyslog(text string) (m syslogMessage, err error) {
	head := syslogHeader.FindStringSubmatch(text)
	if head == nil {
		return m, fmt.Errorf("no header: %.120q", text)
	}
	m.priority, _ = strconv.Atoi(head[1])
	if m.time, err = time.Parse(time.RFC3339Nano, head[2]); err != nil {
		return m, err
	}
	m.host, m.app, m.process, m.id = head[3], head[4], head[5], head[6]
	rest, ok := strings.CutPrefix(text[len(head[0]):], "[")
	if !ok {
		return m, fmt.Errorf("no structured data")
	}
	m.structure = syslogName.FindString(rest)
	rest = rest[len(m.structure):]
	m.params = map[string]string{}
	for strings.HasPrefix(rest, " ") {
		name := syslogName.FindString(rest[1:])
		rest, ok = strings.CutPrefix(rest[1+len(name):], `="`)
		if !ok || name == "" {
			return m, fmt.Errorf("no parameter: %.40q", rest)
		}
		var value strings.Builder
		for closed := false; !closed; {
			if rest == "" {
				return m, fmt.Errorf("the value of %s has no end", name)
			}
			switch c := rest[0]; {
			case c == '"':
				closed = true
			case c == '\\' && len(rest) > 1 && strings.ContainsAny(rest[1:2], `"\]`):
				rest = rest[1:]
				value.WriteByte(rest[0])
			case c == ']' || c < 32:
				return m, fmt.Errorf("the value of %s holds %q", name, c)
			default:
				value.WriteByte(c)
			}
			rest = rest[1:]
		}
		m.params[name] = value.String()
	}
	if m.texts, ok = strings.CutPrefix(rest, "] "); !ok {
		return m, fmt.Errorf("the structured data has no end: %.40q", rest)
	}
	if i := strings.IndexFunc(m.texts, func(r rune) bool { return r < 32 || r == 127 }); i >= 0 {
		return m, fmt.Errorf("the message holds a control character: %q", m.texts[i])
	}
	return m, nil
}

// hostile is a record whose every text tries to end the message, or to begin another.
func hostile() audit.Record {
	evil := "x\"] \n<13>1 - - - - - -\r\x00\x1b[31m\u2028\\]"
	r := outcome(evil)
	r.Time, r.Tool, r.SQL, r.Client, r.Agent.ID = time.Date(
		2026,
		3,
		1,
		12,
		0,
		0,
		123456789,
		time.UTC,
	), evil, evil, evil, evil
	r.Outcome = audit.Denied
	return r
}

func checkSyslog(t *testing.T, text string) {
	t.Helper()
	m, err := parseSyslog(text)
	if err != nil {
		t.Fatalf("%v in %.300q", err, text)
	}
	var r audit.Record
	if err := json.Unmarshal([]byte(m.texts), &r); err != nil && !strings.Contains(m.texts, `"class_uid":6005`) {
		t.Fatal(err)
	}
	if m.app != "deputy" || m.structure != "deputy@32473" || m.priority/8 != 13 {
		t.Errorf("%+v", m)
	}
	if h := hostile(); r.Outcome == audit.Denied &&
		(r.SQL != h.SQL || m.priority != 13*8+5 || !m.time.Equal(h.Time.Truncate(time.Microsecond))) {
		t.Errorf("the record became %+v with priority %d at %s", r, m.priority, m.time)
	}
}

func TestSyslogOverTCPCountsOctetsAndRecovers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sink.NewSyslog("tcp://"+listener.Addr().String(), audit.Native)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	received := make(chan string, 100)
	conns := make(chan net.Conn, 10)
	accept := func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
			go readCounted(t, c, received)
		}
	}
	go accept(listener)
	large := outcome("large")
	large.SQL = strings.Repeat("é", 200_000)
	messages := []sink.Message{
		messageOf(t, audit.Native, hostile()),
		messageOf(t, ocsf.Encode, outcome("b")),
		messageOf(t, audit.Native, large),
	}
	if err := s.Deliver(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	for range messages {
		checkSyslog(t, <-received)
	}
	// The server goes away: the next delivery says so, and once it is back all is well.
	address := listener.Addr().String()
	listener.Close()
	(<-conns).Close()
	deadline := time.Now().Add(20 * time.Second)
	for s.Deliver(t.Context(), messages[:1]) == nil && time.Now().Before(deadline) {
	}
	if err := s.Deliver(t.Context(), messages[:1]); err == nil {
		t.Error("messages are delivered to nobody")
	}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go accept(listener)
	if err := s.Deliver(t.Context(), messages[:1]); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
	checkSyslog(t, <-received)
}

func readCounted(t *testing.T, c net.Conn, received chan<- string) {
	for in := bufio.NewReader(c); ; {
		count, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(count, " "))
		if err != nil || n <= 0 || count[0] == '0' {
			t.Errorf("a frame begins with %q", count)
			return
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		received <- string(text)
	}
}

func TestSyslogOverDatagramsShortensWhatDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for network, listen := range map[string]string{"unixgram": path, "udp": "127.0.0.1:0"} {
		t.Run(network, func(t *testing.T) {
			server, err := net.ListenPacket(network, listen)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			address := map[string]string{"unixgram": "unix://" + path, "udp": "udp://" + server.LocalAddr().String()}[network]
			s, err := sink.NewSyslog(address, audit.Native)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			large, wide := outcome("large"), outcome("wide")
			large.SQL = strings.Repeat("é", 100_000)
			for i := range 5000 {
				wide.Tables = append(wide.Tables, audit.Table{Name: fmt.Sprint("sales.table", i)})
			}
			for _, r := range []audit.Record{hostile(), large, wide} {
				if err := s.Deliver(t.Context(), []sink.Message{messageOf(t, audit.Native, r)}); err != nil {
					t.Fatal(err)
				}
				buffer := make([]byte, 1<<17)
				server.SetReadDeadline(time.Now().Add(20 * time.Second))
				n, _, err := server.ReadFrom(buffer)
				if err != nil {
					t.Fatal(err)
				}
				checkSyslog(t, string(buffer[:n]))
				if m, _ := parseSyslog(string(buffer[:n])); (m.params["shortened"] == "yes") != (r.Outcome == audit.Answered) {
					t.Errorf("%s: shortened is %q", r.ID, m.params["shortened"])
				}
			}
		})
	}
}

func TestASyslogAddressIsOneOfThree(t *testing.T) {
	for _, address := range []string{"", "/dev/log", "unix:///", "tcp://host", "http://host:1", "udp://:514", "tcp://host:1/path", "unix://host/dev/log", "tcp://\x00"} {
		if _, err := sink.NewSyslog(address, audit.Native); err == nil && address != "unix:///" {
			t.Errorf("%q is taken for an address", address)
		}
	}
}
