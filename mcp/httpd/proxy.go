package httpd

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses whose word is believed about where a request came from.
type Proxies []netip.Prefix

func (p Proxies) trust(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// clientAddress is where a request came from on the network: for the record, and for what is counted by address.
type clientAddress struct {
	text string     // as it is recorded
	ip   netip.Addr // not valid when the connection has none that is understood
}

// network is what is counted together: an IPv4 address, and the /64 of an IPv6 address, since a client that has one of
// those has them all.
func (c clientAddress) network() string {
	if !c.ip.IsValid() || c.ip.Is4() {
		return c.text
	}
	prefix, _ := c.ip.Prefix(64) // 64 is in range
	return prefix.String()
}

// client is the address at the other end of the connection or, if that is a trusted proxy, the one that it names: from
// the right, each address was added by the one after it, so the first that is no trusted proxy is the last whose word
// counts. What stands further left any client may have written, and is not even read.
//
// The Forwarded header is never read, nor any other. A proxy writes one of them and hands on what the client wrote into
// the others.
func (p Proxies) client(r *http.Request) clientAddress {
	connection := clientAddress{text: hostname(r.RemoteAddr)}
	ip, err := netip.ParseAddr(connection.text)
	if err != nil {
		return connection
	}
	connection = located(ip)
	if !p.trust(connection.ip) {
		return connection
	}
	nearest := connection
	lines := r.Header.Values("X-Forwarded-For")
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var entry string
			rest, entry, more = cutLast(rest)
			ip, ok := forwarded(entry)
			if !ok {
				return connection
			}
			if nearest = located(ip); !p.trust(nearest.ip) {
				return nearest
			}
		}
	}
	return nearest
}

func located(ip netip.Addr) clientAddress {
	ip = ip.Unmap().WithZone("")
	return clientAddress{text: ip.String(), ip: ip}
}

func cutLast(list string) (before, last string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[:i], list[i+1:], true
	}
	return "", list, false
}

// forwarded reads an address as proxies write them: some add a port.
func forwarded(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	if ip, err := netip.ParseAddr(entry); err == nil {
		return ip, true
	}
	if with, err := netip.ParseAddrPort(entry); err == nil {
		return with.Addr(), true
	}
	ip, err := netip.ParseAddr(strings.Trim(entry, "[]"))
	return ip, err == nil && strings.HasPrefix(entry, "[") && strings.HasSuffix(entry, "]")
}
