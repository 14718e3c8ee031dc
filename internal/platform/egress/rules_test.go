package egress_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"authly/internal/platform/egress"
	"authly/internal/testx/rules"
)

// ledger records which rules of the catalogue the tests of this package held.
var ledger = rules.For(rules.Egress)

func TestMain(m *testing.M) { os.Exit(ledger.Run(m)) }

// Each kind of address that must not be asked: as the host of a URL, and as what a name
// resolves to. A public address beside them is not refused.
func TestRulesOfAddresses(t *testing.T) {
	t.Parallel()
	for rule, addresses := range map[string][]string{
		"egress: private":             {"10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "fd00::1", "127.0.0.1", "::1", "0.0.0.0"},
		"egress: link-local":          {"169.254.1.1", "fe80::1"},
		"egress: metadata of a cloud": {"169.254.169.254", "fd00:ec2::254", "100.100.100.200"},
		"egress: IPv4 in IPv6":        {"::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "::127.0.0.1"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, rule)
			for _, address := range addresses {
				host := address
				if netip.MustParseAddr(address).Is6() {
					host = "[" + address + "]"
				}
				client := egress.New(egress.Options{Resolver: &names{known: map[string][]string{"name.example": {address}}}})
				if err := client.ValidateURL("https://" + host + "/"); !errors.Is(err, egress.ErrRefusedAddress) {
					t.Errorf("%s is accepted at registration: %v", host, err)
				}
				for _, url := range []string{"https://" + host + "/", "https://name.example/"} {
					if _, err := client.Do(t.Context(), egress.Request{URL: url}); !errors.Is(err, egress.ErrRefusedAddress) {
						t.Errorf("%s with %s: %v", url, address, err)
					}
				}
			}
			for _, public := range []string{"93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"} {
				if err := egress.New(egress.Options{}).ValidateURL("https://" + public + "/"); err != nil {
					t.Errorf("%s: %v", public, err)
				}
			}
		})
	}
}

// Other parsers read these as numbers. Here they are names, and the address that a
// resolver makes of one is checked.
func TestUnusualSpellings(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "egress: unusual spellings")
	for _, host := range []string{"0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0x7f.1", "localhost.", "LOCALHOST"} {
		resolver := &names{known: map[string][]string{host: {"127.0.0.1"}}}
		if _, err := egress.New(egress.Options{Resolver: resolver}).Do(t.Context(), egress.Request{URL: "https://" + host + "/"}); !errors.Is(err, egress.ErrRefusedAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// changing answers with the first address once and with the second from then on, as the
// name server of an attacker does.
type changing struct {
	first, second netip.Addr
	asked         atomic.Int32
}

func (r *changing) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.asked.Add(1) == 1 {
		return []netip.Addr{r.first}, nil
	}
	return []netip.Addr{r.second}, nil
}

// DNS rebinding in the next answer: the address that was checked is the one that is asked.
// Both addresses are of this machine, where loopback is allowed, so that a client that
// resolves the name again does reach the second one.
func TestRebindingInTheNextAnswer(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "egress: DNS rebinding, in the next answer")
	var honest, attacked atomic.Int32
	first, second := twoAddresses(t)
	certificate := serve(t, first, func(http.ResponseWriter, *http.Request) { honest.Add(1) })
	serve(t, second, func(http.ResponseWriter, *http.Request) { attacked.Add(1) })
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	at, then := netip.MustParseAddrPort(first.Addr().String()), netip.MustParseAddrPort(second.Addr().String())
	client := egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed, Resolver: &changing{first: at.Addr(), second: then.Addr()}})
	_, port, _ := net.SplitHostPort(first.Addr().String())
	if _, err := client.Do(t.Context(), egress.Request{URL: "https://example.com:" + port + "/"}); err != nil {
		t.Error(err)
	}
	if honest.Load() != 1 || attacked.Load() != 0 {
		t.Errorf("the checked address was asked %d times, the other one %d times", honest.Load(), attacked.Load())
	}
	// The control: the other address can be reached by those who ask for it.
	other := egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed, Resolver: &changing{first: then.Addr(), second: then.Addr()}})
	if _, err := other.Do(t.Context(), egress.Request{URL: "https://example.com:" + port + "/"}); err != nil || attacked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, attacked.Load())
	}
}

// twoAddresses listens at one port of two addresses of this machine.
func twoAddresses(t *testing.T) (first, second net.Listener) {
	t.Helper()
	var listening net.ListenConfig
	for range 20 {
		one, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(one.Addr().String())
		for _, host := range []string{"127.0.0.2", "::1"} {
			if two, err := listening.Listen(t.Context(), "tcp", net.JoinHostPort(host, port)); err == nil {
				return one, two
			}
		}
		_ = one.Close()
	}
	t.Fatal("this machine has one loopback address alone")
	return nil, nil
}

// serve answers at a listener, with the certificate of example.com that it returns.
func serve(t *testing.T, at net.Listener, handler http.HandlerFunc) *x509.Certificate {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = at
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Certificate()
}
