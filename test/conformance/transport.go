package conformance

import (
	"crypto/tls"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// transportChecks are about TLS of all hosts that the metadata names.
func transportChecks() []Check {
	const rfc9325 = "RFC 9325"
	return []Check{
		{"rfc9325-3.1.1-old", rfc9325, "3.1.1", "TLS 1.0 and 1.1 are not spoken", func(p *probe) {
			for _, host := range p.hosts() {
				version := p.speaks(host, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
				p.must(version == 0, "%s speaks %s", host, tls.VersionName(version))
			}
		}},
		{"rfc9325-3.1.1-new", rfc9325, "3.1.1", "TLS 1.3 is spoken", func(p *probe) {
			for _, host := range p.hosts() {
				if p.speaks(host, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }) == 0 {
					p.warn("%s does not speak it", host)
				}
			}
		}},
		{"rfc9325-4.2-suites", rfc9325, "4.2", "TLS 1.2 is spoken with forward secrecy and authenticated encryption, or not at all", func(p *probe) {
			var weak []uint16
			for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
				if !strings.Contains(suite.Name, "ECDHE") || !strings.Contains(suite.Name, "GCM") && !strings.Contains(suite.Name, "POLY1305") {
					weak = append(weak, suite.ID)
				}
			}
			for _, host := range p.hosts() {
				version := p.speaks(host, func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, weak })
				p.must(version == 0, "%s takes a weaker suite", host)
			}
		}},
	}
}

// hosts are those of the issuer and of all endpoints, with their ports.
func (p *probe) hosts() []string {
	addresses := []string{p.env.Issuer}
	for name := range p.env.metadata {
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			addresses = append(addresses, p.text(name))
		}
	}
	var hosts []string
	for _, address := range addresses {
		parsed, err := url.Parse(address)
		if err != nil || parsed.Scheme != "https" {
			p.skip("the provider does not use https")
		}
		host := parsed.Host
		if parsed.Port() == "" {
			host = net.JoinHostPort(parsed.Hostname(), "443")
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// speaks returns the version of TLS that a host agrees to, 0 if to none.
func (p *probe) speaks(host string, change func(*tls.Config)) uint16 {
	settings := &tls.Config{RootCAs: p.env.Roots, MinVersion: tls.VersionTLS12}
	change(settings)
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: settings}
	connection, err := dialer.DialContext(p.ctx, "tcp", host)
	if err != nil {
		return 0
	}
	defer func() { _ = connection.Close() }()
	secure, ok := connection.(*tls.Conn)
	p.must(ok, "the kit can't see the connection")
	return secure.ConnectionState().Version
}
