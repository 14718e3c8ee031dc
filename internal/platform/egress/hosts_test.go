package egress_test

import (
	"errors"
	"testing"

	"authly/internal/platform/egress"
	"authly/internal/protocol/policy"
)

// With a list, nothing else is asked, nor accepted at registration.
func TestAllowedHosts(t *testing.T) {
	t.Parallel()
	hosts, err := policy.ParseHosts("  keys.Example.com *.partner.example\t93.184.215.14 2606:2800:21f:cb07:6820:80da:af6b:8b2c 10.0.0.1 ")
	if err != nil {
		t.Fatal(err)
	}
	const public = "93.184.215.14"
	client := egress.New(egress.Options{Hosts: hosts, Resolver: &names{known: map[string][]string{
		"evil.example": {public}, "partner.example": {public}, "xpartner.example": {public}, "keys.example.com.evil.example": {public},
	}}})
	for _, host := range []string{
		"keys.example.com", "KEYS.example.com", "keys.example.com.", "a.partner.example", "a.b.partner.example", public, "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "[::ffff:93.184.215.14]",
	} {
		if err := client.ValidateURL("https://" + host + "/x"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{
		"evil.example", "example.com", "a.keys.example.com", "partner.example", ".partner.example", "xpartner.example", "partner.example.evil.example", "keys.example.com.evil.example", "93.184.215.15", "10.0.0.1",
	} {
		if err := client.ValidateURL("https://" + host + "/x"); !errors.Is(err, egress.ErrRefusedAddress) {
			t.Errorf("%s is accepted at registration: %v", host, err)
		}
		if _, err := client.Do(t.Context(), egress.Request{URL: "https://" + host + "/x"}); !errors.Is(err, egress.ErrRefusedAddress) {
			t.Errorf("%s is asked: %v", host, err)
		}
	}
	if err := egress.New(egress.Options{}).ValidateURL("https://evil.example/"); err != nil {
		t.Errorf("without a list: %v", err)
	}
}
