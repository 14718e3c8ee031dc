package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"authly/internal/config"
	"authly/internal/platform/egress"
	"authly/internal/protocol/policy"
)

// newEgress returns the one client with which this server asks others. A file of
// certificate authorities that can't be used stops the start: without them the
// requests that they are for would fail one by one, much later.
func newEgress(settings config.Egress) (*egress.Client, error) {
	hosts, err := policy.ParseHosts(settings.AllowedHosts)
	if err != nil {
		return nil, fmt.Errorf("read egress.allowed_hosts: %w", err)
	}
	options := egress.Options{Loopback: egress.LoopbackRefused, Hosts: hosts}
	if settings.AllowLoopback {
		options.Loopback = egress.LoopbackAllowed
	}
	if settings.AdditionalCAFile == "" {
		return egress.New(options), nil
	}
	authorities, err := os.ReadFile(settings.AdditionalCAFile)
	if err != nil {
		return nil, fmt.Errorf("read egress.additional_ca_file: %w", err)
	}
	if options.Roots, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !options.Roots.AppendCertsFromPEM(authorities) {
		return nil, errors.New("read egress.additional_ca_file: there is no certificate in PEM in it")
	}
	return egress.New(options), nil
}
