package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"deputy/internal/config/form"
	"deputy/internal/mistake"
)

// check also fills in the public URL.
func (s *Server) check(k *form.Document) {
	s.checkTLS(k)
	s.checkProxies(k)
	s.checkReplicas(k)
	host, ok := splitAddress(s.Listen)
	if !ok {
		k.Say("server.listen", "not an address with a port: write 127.0.0.1:8080")
		return
	}
	switch {
	case s.PublicURL != "":
		s.checkPublicURL(k)
	case isLoopback(host):
		s.PublicURL = s.defaultURL()
	default:
		k.Say("server.public_url", "missing: other machines can reach the server, so it must say by which URL they call it")
	}
}

func (s *Server) defaultURL() string {
	if s.TLS.Certificate != "" {
		return "https://" + s.Listen
	}
	return "http://" + s.Listen
}

// checkTLS leaves what is in the files to whoever opens them.
func (s *Server) checkTLS(k *form.Document) {
	switch {
	case s.TLS.Certificate == "" && s.TLS.Key != "":
		k.Say("server.tls.certificate", "missing: a key alone proves nothing")
	case s.TLS.Certificate != "" && s.TLS.Key == "":
		k.Say("server.tls.key", "missing: the file with the certificate's private key")
	case s.TLS.Certificate == "" && k.Wrote("server.tls"):
		k.Say("server.tls", "it needs certificate and key, each a file: leave it out for plain HTTP")
	}
}

func (s *Server) checkProxies(k *form.Document) {
	for i, text := range s.TrustedProxies {
		key := mistake.At("server.trusted_proxies", i)
		network, ok := network(text)
		switch {
		case text == "": // said above
		case !ok:
			k.Say(key, "neither an address nor a network: write 10.0.0.7 or 10.0.0.0/8")
		case network.Bits() == 0:
			k.Say(key, "that is everybody: anybody could then say to be anywhere")
		case network != network.Masked():
			k.Say(key, "not where a network of that size begins: write %s", network.Masked())
		}
	}
}

// checkReplicas takes plain HTTP too: nothing that is secret is asked there.
func (s *Server) checkReplicas(k *form.Document) {
	for i, text := range s.Replicas {
		u, err := url.Parse(text)
		switch key := mistake.At("server.replicas", i); {
		case text == "": // said above
		case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
			k.Say(key, "not a URL: write http://10.0.0.7:8080")
		case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
			k.Say(key, "a scheme and a host is all it may have: /readyz is added to it")
		}
	}
}

// Proxies are the networks of the trusted proxies. Call it on what was checked.
func (s *Server) Proxies() (out []netip.Prefix) {
	for _, text := range s.TrustedProxies {
		if n, ok := network(text); ok {
			out = append(out, n)
		}
	}
	return out
}

func network(text string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), ip.Zone() == ""
	}
	n, err := netip.ParsePrefix(text)
	return n, err == nil && !n.Addr().Is4In6()
}

func (s *Server) checkPublicURL(k *form.Document) {
	u, err := url.Parse(s.PublicURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		k.Say("server.public_url", "not a URL: write https://deputy.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		k.Say("server.public_url", "a scheme and a host is all it may have: /mcp is added to it")
	case u.Scheme == "http" && s.TLS.Certificate != "":
		k.Say("server.public_url", "with server.tls it is https that is spoken: write https")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		k.Say("server.public_url", "tokens travel to it: write https (a proxy in front may speak it for Deputy)")
	default:
		s.PublicURL = u.Scheme + "://" + u.Host
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func splitAddress(address string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.Atoi(port)
	return host, err == nil && bad == nil && n >= 0 && n <= 65535
}
