package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"authly/internal/protocol/metadata"
)

// deriveIssuer makes the issuer of a server that listens only on loopback follow
// its port, unless the issuer is set.
func (l *loader) deriveIssuer() {
	_, given := l.config.origins["issuer"]
	if given || l.failed["issuer"] || l.failed["listen"] || !listensOnLoopback(l.config.Listen) {
		return
	}
	_, port, _ := net.SplitHostPort(l.config.Listen) // it is an address: it listens on loopback
	number, err := strconv.ParseUint(port, 10, 16)
	if _, set := l.config.origins["listen"]; err != nil || !set || number == 0 || number == 80 {
		return
	}
	l.config.Issuer = "http://localhost:" + port
	l.config.origins["issuer"] = "default, with the port of listen"
}

// checkHost checks the files and directories that the configuration names.
func (l *loader) checkHost() {
	l.checkDataDirectory()
	l.checkCertificate()
	l.checkAuthorities("egress.additional_ca_file", l.config.Egress.AdditionalCAFile)
	l.checkAuthorities("redis.ca_file", l.config.Redis.CAFile)
	l.checkDatabase()
}

// checkDataDirectory checks that the data directory is writable, if it will be used.
func (l *loader) checkDataDirectory() {
	needed := l.config.Database.URL.IsZero() || l.config.SealingKey.IsZero() || l.config.Dev
	if !needed || l.failed["data_directory"] || l.config.DataDirectory == "" {
		return
	}
	path, origin := l.config.DataDirectory, l.config.Origin("data_directory")
	status, err := os.Stat(path)
	switch {
	case err == nil && !status.IsDir():
		l.fail("data_directory", origin, quote(path)+" is not a directory", "Name a directory, or remove the file")
		return
	case err == nil && runtime.GOOS != "windows" && status.Mode().Perm()&0o077 != 0:
		l.warn("data_directory: %s can be entered by other users of this machine; `chmod 700` keeps them out", quote(path))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		l.fail("data_directory", origin, quote(path)+" "+reason(err), "Name a directory that the user that the server runs as can use")
		return
	}
	if existing := existingAncestor(path); !writable(existing) {
		l.fail("data_directory", origin, "the directory "+quote(existing)+" can't be written by this user",
			"Make it writable for the user that the server runs as, or name another directory")
	}
}

// existingAncestor returns path if it exists, or the nearest existing directory above
// it, in which path would be created.
func existingAncestor(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for {
		if _, err := os.Stat(absolute); err == nil || absolute == filepath.Dir(absolute) {
			return absolute
		}
		absolute = filepath.Dir(absolute)
	}
}

// writable tries to write: permissions alone don't reveal read-only file systems,
// access lists and containers.
func writable(directory string) bool {
	probe, err := os.MkdirTemp(directory, ".authly-probe-")
	if err != nil {
		return false
	}
	return os.Remove(probe) == nil
}

// checkCertificate reads the certificate and its key.
func (l *loader) checkCertificate() {
	files := l.config.TLS
	if files.CertificateFile == "" || files.KeyFile == "" || l.failed["tls.certificate_file"] || l.failed["tls.key_file"] {
		return
	}
	readable := true
	for _, named := range []struct{ setting, path string }{
		{"tls.certificate_file", files.CertificateFile}, {"tls.key_file", files.KeyFile},
	} {
		if _, err := os.ReadFile(named.path); err != nil {
			readable = false
			l.fail(named.setting, l.config.Origin(named.setting), "the file "+quote(named.path)+" "+reason(err), "Name a PEM file that the user that the server runs as can read")
		}
	}
	if !readable {
		return
	}
	certificate, err := tls.LoadX509KeyPair(files.CertificateFile, files.KeyFile)
	if err != nil { // its text could quote the file
		l.fail("tls.certificate_file", l.config.Origin("tls.certificate_file"), "is, with tls.key_file, not a certificate and its private key in PEM",
			"Name the file with the certificate and its intermediates, and the file with the key that belongs to it")
		return
	}
	if issuer, err := url.Parse(l.config.Issuer); err == nil && certificate.Leaf.VerifyHostname(issuer.Hostname()) != nil {
		l.warn("tls.certificate_file: the certificate is not for the host of the issuer, %s", quote(issuer.Hostname()))
	}
	if status, err := os.Stat(files.KeyFile); err == nil && runtime.GOOS != "windows" && status.Mode().Perm()&0o044 != 0 {
		l.warn("tls.key_file: the file %s can be read by other users of this machine", quote(files.KeyFile))
	}
}

// checkAuthorities reads a file of certificate authorities.
func (l *loader) checkAuthorities(setting, file string) {
	if file == "" || l.failed[setting] {
		return
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		l.fail(setting, l.config.Origin(setting), "the file "+quote(file)+" "+reason(err), "Name a PEM file that the user that the server runs as can read")
		return
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		l.fail(setting, l.config.Origin(setting), "the file "+quote(file)+" has no certificate in PEM", "Name a PEM file with the certificates of the authorities to trust")
	}
}

// doubts warns of settings that are allowed but probably not meant.
func (l *loader) doubts() {
	for _, network := range l.config.TrustedProxies {
		if network.Bits() == 0 {
			l.warn("trusted_proxies: %s trusts the forwarded headers of all addresses, so that a client can pretend to have any address", network)
		}
	}
	l.doubtAdministration()
	if l.failed["issuer"] || l.failed["listen"] {
		return
	}
	issuer, err := url.Parse(l.config.Issuer)
	_, port, listenErr := net.SplitHostPort(l.config.Listen)
	if err != nil || listenErr != nil {
		return
	}
	ownTLS := l.config.TLS.CertificateFile != ""
	switch {
	case issuer.Scheme == "http" && metadata.IsLoopbackIssuer(l.config.Issuer) && portOf(issuer) != port:
		l.warn("issuer: clients look for this server at port %s, but it listens on port %s", portOf(issuer), port)
	case issuer.Scheme == "https" && !ownTLS && len(l.config.TrustedProxies) == 0:
		l.warn("trusted_proxies: the issuer is https, so there must be a proxy in front, but none is listed: every request seems to come from the proxy's own address, for which attempts to sign in are then counted together")
	}
}

// doubtAdministration warns of an administration API that listens for other machines although only this one may use
// it, and of one that is open to all addresses.
func (l *loader) doubtAdministration() {
	admin := l.config.Admin
	if l.failed["admin.listen"] || l.failed["admin.networks"] || !admin.Enabled {
		return
	}
	if admin.Listen != "" && !listensOnLoopback(admin.Listen) && !admin.ReachesOthers() {
		l.warn("admin.networks: other machines reach %s, but only this machine may administer; list their networks", quote(admin.Listen))
	}
	for _, network := range admin.Networks {
		if network.Bits() == 0 {
			l.warn("admin.networks: %s lets any machine with the right token administer this server", network)
		}
	}
}

func portOf(issuer *url.URL) string {
	switch {
	case issuer.Port() != "":
		return issuer.Port()
	case issuer.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}
