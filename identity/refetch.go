package identity

import (
	"net"
	"net/netip"
	"time"
)

const (
	refetchEvery   = 10 * time.Second
	refetchCeiling = 30 // by all callers together, in refetchEvery
)

// refetchLimit bounds how often tokens that no key verifies make us ask their issuer for new keys. Each caller's address has a
// budget of its own, so that somebody who sends rubbish cannot keep others from being found after a key rotation. The ceiling
// protects the issuer from many addresses at once; it costs others little, for every fetch renews the keys for everybody.
type refetchLimit struct {
	last map[string]time.Time // by address; no longer than refetchCeiling
}

func (l *refetchLimit) allow(address string, now time.Time) bool {
	for a, at := range l.last {
		if now.Sub(at) >= refetchEvery {
			delete(l.last, a)
		}
	}
	key := caller(address)
	if _, recent := l.last[key]; recent || len(l.last) >= refetchCeiling {
		return false
	}
	if l.last == nil {
		l.last = map[string]time.Time{}
	}
	l.last[key] = now
	return true
}

// caller reduces an address to what one caller cannot change at will: no port, and of IPv6 only the network.
func caller(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		network, _ := ip.Prefix(64) // 64 bits always fit
		return network.String()
	}
	return ip.String()
}
