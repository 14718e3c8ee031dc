package db_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

// authority writes the certificate of a certificate authority and returns its file.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUnverifiedHosts has every way in which the driver reads a host and a mode.
func TestUnverifiedHosts(t *testing.T) { //nolint:paralleltest // it sets the environment
	ca := authority(t)
	services := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(services, []byte("[away]\nhost=service.example.com\n[safe]\nhost=service.example.com\nsslmode=verify-full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name        string
		url         string
		environment []string
		want        []string
	}{
		{"this machine by name", "postgres://u@localhost/d", nil, nil},
		{"this machine by address", "postgres://u@127.0.0.1:5433/d?sslmode=disable", nil, nil},
		{"this machine by IPv6 address", "postgres://u@[::1]/d", nil, nil},
		{"socket", "postgres://u@/d?host=/var/run/postgresql", nil, nil},
		{"socket in the place of a host", "postgres://u@%2Fvar%2Frun%2Fpostgresql/d", nil, nil},
		{"no word of TLS", "postgres://u@db.example.com/d", nil, []string{"db.example.com"}},
		{"a name that only begins like this machine", "postgres://u@localhost.example.com/d", nil, []string{"localhost.example.com"}},
		{"an address in another spelling", "postgres://u@127.1/d", nil, []string{"127.1"}},
		{"every address", "postgres://u@0.0.0.0/d", nil, []string{"0.0.0.0"}},
		{"disable", "postgres://u@db.example.com/d?sslmode=disable", nil, []string{"db.example.com"}},
		{"allow", "postgres://u@db.example.com/d?sslmode=allow", nil, []string{"db.example.com"}},
		{"prefer", "postgres://u@db.example.com/d?sslmode=prefer", nil, []string{"db.example.com"}},
		{"require", "postgres://u@db.example.com/d?sslmode=require", nil, []string{"db.example.com"}},
		{"require by another name", "postgres://u@db.example.com/d?ssl=true", nil, []string{"db.example.com"}},
		{"direct negotiation alone", "postgres://u@db.example.com/d?sslnegotiation=direct", nil, []string{"db.example.com"}},
		{"prefer with an authority", "postgres://u@db.example.com/d?sslrootcert=" + ca, nil, []string{"db.example.com"}},
		{"require with an authority is verify-ca", "postgres://u@db.example.com/d?sslmode=require&sslrootcert=" + ca, nil, nil},
		{"verify-ca", "postgres://u@db.example.com/d?sslmode=verify-ca&sslrootcert=" + ca, nil, nil},
		{"verify-ca with everybody's authorities", "postgres://u@db.example.com/d?sslmode=verify-ca", nil, []string{"db.example.com"}},
		{"verify-full", "postgres://u@db.example.com/d?sslmode=verify-full", nil, nil},
		{"verify-full by the system's authorities", "postgres://u@db.example.com/d?sslrootcert=system", nil, nil},
		{"verify-full without server name indication", "postgres://u@db.example.com/d?sslmode=verify-full&sslsni=0", nil, nil},
		{"several hosts", "postgres://u@localhost,db1.example.com,db2.example.com/d", nil, []string{"db1.example.com", "db2.example.com"}},
		{"several hosts, verified", "postgres://u@localhost,db1.example.com,db2.example.com/d?sslmode=verify-full", nil, nil},
		{"a list in a parameter", "postgres://u@/d?host=localhost,db1.example.com", nil, []string{"db1.example.com"}},
		{"a parameter over the host", "postgres://u@localhost/d?host=db.example.com", nil, []string{"db.example.com"}},
		{"PGHOST", "postgres:///d", []string{"PGHOST=env.example.com"}, []string{"env.example.com"}},
		{"PGHOST with a mode in the URL", "postgres:///d?sslmode=verify-full", []string{"PGHOST=env.example.com"}, nil},
		{"a host in the URL before PGHOST", "postgres://localhost/d", []string{"PGHOST=env.example.com"}, nil},
		{"PGSSLMODE", "postgres://db.example.com/d", []string{"PGSSLMODE=verify-full"}, nil},
		{"a mode in the URL before PGSSLMODE", "postgres://db.example.com/d?sslmode=disable", []string{"PGSSLMODE=verify-full"}, []string{"db.example.com"}},
		{"a service", "postgres:///d?service=away", []string{"PGSERVICEFILE=" + services}, []string{"service.example.com"}},
		{"a service by the environment", "postgres:///d", []string{"PGSERVICE=away", "PGSERVICEFILE=" + services}, []string{"service.example.com"}},
		{"a service that is verified", "postgres:///d?service=safe", []string{"PGSERVICEFILE=" + services}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, line := range test.environment {
				name, value, _ := strings.Cut(line, "=")
				t.Setenv(name, value)
			}
			got, err := db.UnverifiedHosts(secret.FromString(test.url))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, url := range []string{"postgres://u:hunter2@h:port/d", "postgres://u:hunter2@h/d?sslmode=perhaps", "postgres://u:hunter2@h/d?sslrootcert=/nowhere", "postgres://u:hunter2@h/d?service=none"} {
		if _, err := db.UnverifiedHosts(secret.FromString(url)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestOpenRefusesPlaintext: nothing is sent to a machine that isn't verified, whoever made the options.
func TestOpenRefusesPlaintext(t *testing.T) {
	t.Parallel()
	url := secret.FromString("postgres://u:hunter2@db.invalid/d?connect_timeout=1")
	_, err := db.Open(t.Context(), db.Options{URL: url})
	if err == nil || !strings.Contains(err.Error(), "db.invalid could be reached without verified TLS") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	_, err = db.Open(t.Context(), db.Options{URL: url, AllowPlaintext: true})
	if err == nil || !strings.Contains(err.Error(), "reach PostgreSQL") {
		t.Errorf("allowed: got %v", err)
	}
}
