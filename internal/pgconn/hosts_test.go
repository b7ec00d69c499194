package pgconn

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/lib/pq"
)

// Each host has the mode that the DSN says, but a socket, whatever its place in the list.
func TestModeByHost(t *testing.T) {
	t.Setenv("PGSSLMODE", "require")
	const full, off = pq.SSLModeVerifyFull, pq.SSLModeDisable
	for dsn, want := range map[string][]pq.SSLMode{
		"host=/tmp,db.example user=u sslmode=verify-full":               {off, full},
		"postgres:///d?host=/tmp,db.example&user=u&sslmode=verify-full": {off, full},
		"host=db.example,/tmp,@abstract user=u sslmode=verify-full":     {full, off, off},
		"host=/tmp,db.example user=u sslmode=disable":                   {off, off},
		"host=/tmp user=u sslmode=verify-full":                          {off},
		"host=/tmp,db.example user=u":                                   {off, pq.SSLModeRequire},
	} {
		read, err := readDSN(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		var got []pq.SSLMode
		for _, h := range hosts(read, nil) {
			got = append(got, h.SSLMode)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", dsn, got, want)
		}
	}
}

// Hosts are tried in the order of the DSN, or in any, and the errors of all are told.
func TestHostsInTurn(t *testing.T) {
	read, err := readDSN("host=a,b,c user=u load_balance_hosts=random")
	if err != nil {
		t.Fatal(err)
	}
	all := hosts(read, func(n int, swap func(i, j int)) { swap(0, n-1) })
	if all[0].Host != "c" || all[2].Host != "a" {
		t.Errorf("the order is %s, %s, %s", all[0].Host, all[1].Host, all[2].Host)
	}
	for dsn, passes := range map[string]int{
		"host=127.0.0.1,127.0.0.2 port=1,1 user=u":                                     1,
		"host=127.0.0.1,127.0.0.2 port=1,1 user=u target_session_attrs=prefer-standby": 2,
	} {
		read, err := readDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(sought(read.TargetSessionAttrs)); n != passes {
			t.Errorf("%s: %d passes", dsn, n)
		}
		c := &connector{config: Config{}.withDefaults(), library: read}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Connect(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", dsn, err)
		}
		if _, err := c.Connect(t.Context()); err == nil {
			t.Errorf("%s: a connection to port 1", dsn)
		}
	}
}
