package config

import (
	"net"
	"net/url"
	"strings"

	"authly/internal/platform/db"
	"authly/internal/platform/loopback"
	"authly/internal/platform/ratelimit"
)

// checkAddresses makes sure that other machines are not served plain http
// by configuration: such an issuer is for this machine only.
func (c *checker) checkAddresses() {
	if c.config.Dev { // development has a stricter rule
		return
	}
	if c.sound("issuer", "listen") && strings.HasPrefix(c.config.Issuer, "http://") && !listensOnLoopback(c.config.Listen) {
		c.problem("listen", quote(c.config.Listen)+" can be reached from other machines, but the issuer "+quote(c.config.Issuer)+" is plain http",
			"Listen on a loopback address such as 127.0.0.1:8080, or set issuer to the https URL that other machines use")
	}
	behindProxy := strings.HasPrefix(c.config.Issuer, "https://") && len(c.config.TrustedProxies) > 0
	if c.sound("issuer", "listen", "trusted_proxies", "server.allow_plaintext") && strings.HasPrefix(c.config.Issuer, "https://") && !listensOnLoopback(c.config.Listen) &&
		c.config.TLS.CertificateFile == "" && !behindProxy && !c.config.Server.AllowPlaintext {
		c.problem("listen", quote(c.config.Listen)+" can be reached from other machines, and passwords and tokens would cross the network in clear there",
			"Give tls.certificate_file and tls.key_file, or list the proxy that does TLS in trusted_proxies, or listen on a loopback address; server.allow_plaintext is only for a private network")
	}
	// Powerful tokens would cross the network in clear.
	if own := c.config.Admin.Listen; own != "" && c.sound("issuer", "admin.listen", "trusted_proxies") && !listensOnLoopback(own) &&
		c.config.TLS.CertificateFile == "" && !behindProxy {
		c.problem("admin.listen", quote(own)+" can be reached from other machines, and the administration would be plain http there",
			"Listen on a loopback address such as 127.0.0.1:8090, or give tls.certificate_file and tls.key_file; behind a proxy that does TLS, list it in trusted_proxies")
	}
}

// listensOnLoopback reports whether only this machine can connect to a listen address.
func listensOnLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && loopback.IsHost(host)
}

func (c *checker) checkTLS() {
	if !c.sound("tls.certificate_file", "tls.key_file") {
		return
	}
	files := c.config.TLS
	switch {
	case files.CertificateFile != "" && files.KeyFile == "":
		c.problem("tls.key_file", "is missing, but tls.certificate_file is given", "Give both, or neither when a proxy in front does TLS")
	case files.CertificateFile == "" && files.KeyFile != "":
		c.problem("tls.certificate_file", "is missing, but tls.key_file is given", "Give both, or neither when a proxy in front does TLS")
	case files.CertificateFile != "" && c.sound("issuer") && strings.HasPrefix(c.config.Issuer, "http://"):
		c.problem("issuer", quote(c.config.Issuer)+" is plain http, but a certificate is given and the server speaks https only",
			"Set issuer to the https URL, or leave out the certificate")
	}
}

// checkRedis requires verified TLS to a Redis on another machine.
func (c *checker) checkRedis() {
	if !c.sound("redis.url", "redis.ca_file", "redis.allow_plaintext") {
		return
	}
	settings := c.config.Redis
	if settings.CAFile != "" && !hasScheme(settings.URL, "rediss") {
		c.problem("redis.ca_file", "is given, but redis.url doesn't begin with rediss://", "Use a rediss:// URL, or remove it")
	}
	if settings.URL.IsZero() {
		return
	}
	host, err := ratelimit.UnverifiedHost(settings.URL)
	switch {
	case err != nil:
		c.problem("redis.url", "can't be understood: "+err.Error(), "Write rediss://user:password@host:6379/0; special characters in the password are %-encoded")
	case host != "" && !settings.AllowPlaintext:
		c.problem("redis.url", "leads to another machine, "+quote(host)+", without TLS that verifies it",
			"Use a rediss:// URL without skip_verify, with redis.ca_file for an authority of your own; redis.allow_plaintext is only for a private network")
	}
}

// checkDatabase requires verified TLS to a database on another machine. It is not part
// of Validate, because the driver reads the environment and files.
func (l *loader) checkDatabase() {
	const setting = "database.url"
	settings := l.config.Database
	if settings.URL.IsZero() || l.failed[setting] || l.failed["database.allow_plaintext"] {
		return
	}
	hosts, err := db.UnverifiedHosts(settings.URL)
	switch {
	case err != nil:
		l.fail(setting, l.config.Origin(setting), "can't be used: "+err.Error(),
			"Write postgres://user:password@host:5432/database, and look at sslmode, the files that it names, and the environment variables that begin with PG")
	case len(hosts) > 0 && !settings.AllowPlaintext:
		names := make([]string, len(hosts))
		for i, host := range hosts {
			names[i] = quote(host)
		}
		l.fail(setting, l.config.Origin(setting), "leads to another machine, "+strings.Join(names, ", ")+", without TLS that verifies it",
			"Add sslmode=verify-full to the URL, with sslrootcert for an authority of your own; database.allow_plaintext is only for a private network")
	}
}

// checkHeaders requires a URI that can be put into a header unchanged.
func (c *checker) checkHeaders() {
	const setting = "headers.csp_report_uri"
	address := c.config.Headers.CSPReportURI
	if address == "" || !c.sound(setting) {
		return
	}
	parsed, err := url.Parse(address)
	foreign := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`;,"\\`, r) }
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" || strings.ContainsFunc(address, foreign) {
		c.problem(setting, quote(address)+" is not an https URL that can stand in a header",
			"Write it such as https://reports.example.com/csp, with commas, semicolons and quotes %-encoded")
	}
}
