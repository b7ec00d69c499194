package faults

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// networkFaults befall the line to one of the platforms.
func networkFaults() []fault {
	return []fault{
		{
			name: "packets are lost", holds: 30 * time.Second, hits: shopAlone,
			begin: func(s *scene) error { s.line.loses.Store(true); return nil },
			end:   func(s *scene) error { s.line.loses.Store(false); return nil },
		},
		{
			name: "some packets are lost", long: true, holds: 15 * time.Second, hits: shopAlone,
			begin: func(s *scene) error { s.line.repeats.Store(5); return nil },
			end:   func(s *scene) error { s.line.repeats.Store(0); return nil },
		},
		{
			name: "a slow line", long: true, holds: 15 * time.Second, hits: shopAlone,
			begin: func(s *scene) error { s.line.delay.Store(int64(100 * time.Millisecond)); return nil },
			end:   func(s *scene) error { s.line.delay.Store(0); return nil },
		},
		{
			name: "all connections cut", long: true, hits: shopAlone,
			begin: func(s *scene) error { s.line.cut(); return nil },
		},
		{
			name: "a host vanishes", long: true, holds: 30 * time.Second, hits: shopAlone,
			begin: vanish, end: appear,
		},
	}
}

// The far host is a network namespace with a link of its own: 10.213.0.2 there, 10.213.0.1 here.
const (
	namespace = "deputyfaults"
	far       = "10.213.0.2:15432"
)

func command(line string) error {
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}

// vanish moves the platform to a host of its own, and takes that host's link down when calls go over it.
func vanish(s *scene) error {
	command("ip netns del " + namespace)
	for _, line := range []string{
		"ip netns add " + namespace,
		"ip link add deputy0 type veth peer name deputy1 netns " + namespace,
		"ip addr add 10.213.0.1/30 dev deputy0",
		"ip link set deputy0 up",
		"ip -n " + namespace + " addr add 10.213.0.2/30 dev deputy1",
		"ip -n " + namespace + " link set deputy1 up",
	} {
		if err := command(line); err != nil {
			command("ip netns del " + namespace)
			return fmt.Errorf("%w: no network namespace: %v", errNotHere, err)
		}
	}
	s.Cleanup(func() { command("ip netns del " + namespace) })
	relay := exec.Command("ip", "netns", "exec", namespace, os.Args[0])
	relay.Env = append(os.Environ(), "DEPUTY_FAULTS_RELAY="+far,
		"DEPUTY_FAULTS_SOCKET="+s.shop.Socket())
	said, err := relay.StdoutPipe()
	if err != nil {
		return err
	}
	if err := relay.Start(); err != nil {
		return err
	}
	s.Cleanup(func() { relay.Process.Kill(); relay.Wait() })
	bufio.NewReader(said).ReadString('\n')
	host, port, _ := strings.Cut(far, ":")
	s.write(strings.Replace(s.text, "host=127.0.0.1 port="+s.line.port(), "host="+host+" port="+port, 1))
	restarted(s)
	s.from = time.Now()
	return command("ip link set deputy0 down")
}

// appear brings the host back, and the platform to where it was once that has been good.
func appear(s *scene) error {
	s.after = append(s.after, func() {
		s.write(s.text)
		restarted(s)
	})
	return command("ip link set deputy0 up")
}

// restarted starts the server again, in peace: a dsn is read at the start alone.
func restarted(s *scene) {
	s.traffic.stop()
	s.stop(sigterm)
	s.serve()
	s.traffic = s.traffic.again()
	if _, err := s.traffic.good(patience); err != nil {
		s.Error(err)
	}
}
