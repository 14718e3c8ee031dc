package db

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"authly/internal/platform/loopback"
	"authly/internal/platform/secret"
)

// errPostgresURL hides the driver's error, which repeats the URL and with it the password.
var errPostgresURL = errors.New("the PostgreSQL URL can't be understood, or names a file or a service that can't be read")

// UnverifiedHosts returns the remote hosts that a connection by this PostgreSQL
// URL could reach without TLS, or with TLS that accepts any certificate. The driver
// itself reads the URL, so that several hosts, the PG… environment variables, service
// files and sslmode count as they do for the connection. The error doesn't repeat the URL.
func UnverifiedHosts(url secret.Redacted) ([]string, error) {
	settings, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		return nil, errPostgresURL
	}
	return unverifiedHosts(&settings.ConnConfig.Config), nil
}

// unverifiedHosts looks at each attempt that the driver may make: sslmode=prefer is one with
// TLS and one without for each host.
func unverifiedHosts(settings *pgconn.Config) []string {
	ways := append([]*pgconn.FallbackConfig{{Host: settings.Host, Port: settings.Port, TLSConfig: settings.TLSConfig}}, settings.Fallbacks...)
	var hosts []string
	for _, way := range ways {
		network, _ := pgconn.NetworkAddress(way.Host, way.Port)
		if network == "unix" || loopback.IsHost(way.Host) || verifies(way.TLSConfig) || slices.Contains(hosts, way.Host) {
			continue
		}
		hosts = append(hosts, way.Host)
	}
	return hosts
}

// verifies reports whether a connection is only made to a server with a certificate for
// its name (verify-full), or from the operator's own authorities (verify-ca with sslrootcert).
// A certificate from the system's authorities for any other name proves nothing.
func verifies(config *tls.Config) bool {
	switch {
	case config == nil:
		return false
	case !config.InsecureSkipVerify:
		return true
	default:
		return config.VerifyPeerCertificate != nil && config.RootCAs != nil
	}
}

// refuseUnverified returns the error for hosts that can't be reached safely, nil if there are none.
func refuseUnverified(hosts []string) error {
	if len(hosts) == 0 {
		return nil
	}
	return fmt.Errorf("PostgreSQL on %s could be reached without verified TLS: add sslmode=verify-full to the URL (and sslrootcert for an authority of your own), "+
		"or set database.allow_plaintext only for a private network", strings.Join(hosts, ", "))
}
