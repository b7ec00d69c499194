package oidc

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	refetchEvery   = 10 * time.Second
	refetchCeiling = 30 // by all callers together, in refetchEvery
)

// refetchLimit bounds how often callers make us ask an issuer something for nothing: for new keys because of tokens
// that no key verifies, or about tokens that it does not know. Each caller's address has a budget of its own, so that
// somebody who sends rubbish cannot keep others from being found. The ceiling protects the issuer from many addresses
// at once. The zero value is that of keys: there one fetch helps everybody.
type refetchLimit struct {
	each, all int // default 1 and refetchCeiling, in refetchEvery
	spent     []spending
}

type spending struct {
	caller string
	at     time.Time
}

// allow takes one of the address's budget, if there is one left.
func (l *refetchLimit) allow(address string, now time.Time) bool {
	if !l.left(address, now) {
		return false
	}
	l.spend(address, now)
	return true
}

// left reports whether the address may make us ask. What is older than refetchEvery is forgotten, so that there are
// never more than all.
func (l *refetchLimit) left(address string, now time.Time) bool {
	l.spent = slices.DeleteFunc(l.spent, func(s spending) bool { return now.Sub(s.at) >= refetchEvery })
	who, own := caller(address), 0
	for _, s := range l.spent {
		if s.caller == who {
			own++
		}
	}
	return own < cmp.Or(l.each, 1) && len(l.spent) < cmp.Or(l.all, refetchCeiling)
}

// spend takes one of the address's budget whether there is one left or not.
func (l *refetchLimit) spend(address string, now time.Time) {
	l.spent = append(l.spent, spending{caller(address), now})
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
