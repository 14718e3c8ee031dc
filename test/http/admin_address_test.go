package http_test

import (
	"net/http"
	"net/netip"
	"testing"

	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/testx"
)

// Whoever asks through a listed proxy is where the proxy says, and nowhere if it doesn't
// say. The proxy here is on this machine, so that its own address is one from which the
// server can be administered. It appends the address of whoever connects to it.
func TestAdministrationThroughAListedProxy(t *testing.T) {
	t.Parallel()
	a := administer(t, db.SQLite, testx.WithConfig(func(c *config.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		c.Admin.Networks = append(c.Admin.Networks, netip.MustParsePrefix("192.0.2.0/24"))
	}))
	token := testx.Bearer(a.own(a.robot(), "admin:clients:read", a.Issuer+adminPath))
	const far = "203.0.113.9"
	for _, test := range []struct {
		name    string
		headers []string // X-Forwarded-For, line by line
		others  map[string]string
		want    int
	}{
		{"a proxy that says nothing at all, or this machine past it", nil, nil, http.StatusForbidden},
		{"from this machine through the proxy", []string{"127.0.0.1"}, nil, http.StatusOK},
		{"from a network that may", []string{"192.0.2.7"}, nil, http.StatusOK},
		{"from a network that may, with the port", []string{"192.0.2.7:4711"}, nil, http.StatusOK},
		{"from this machine", []string{"::1"}, nil, http.StatusOK},
		{"from this machine as IPv4 in IPv6", []string{"::ffff:127.0.0.1"}, nil, http.StatusOK},
		{"from elsewhere", []string{far}, nil, http.StatusForbidden},
		{"from elsewhere as IPv4 in IPv6", []string{"::ffff:" + far}, nil, http.StatusForbidden},
		{"a made up address", []string{"127.0.0.1, " + far}, nil, http.StatusForbidden},
		{"a made up network that may", []string{"192.0.2.7, " + far}, nil, http.StatusForbidden},
		{"a made up line", []string{"127.0.0.1", far}, nil, http.StatusForbidden},
		{"a made up proxy", []string{"192.0.2.7, 127.0.0.1, " + far}, nil, http.StatusForbidden},
		{"an open quote", []string{`", ` + far}, nil, http.StatusForbidden},
		{"an open quote in a line of its own", []string{`"127.0.0.1`, far}, nil, http.StatusForbidden},
		{"no address", []string{"unknown"}, nil, http.StatusForbidden},
		{"an obfuscated one", []string{"_hidden"}, nil, http.StatusForbidden},
		{"a name", []string{"localhost"}, nil, http.StatusForbidden},
		{"a socket", []string{"@"}, nil, http.StatusForbidden},
		{"an empty one", []string{""}, nil, http.StatusForbidden},
		{"other numbers for this machine", []string{"0177.0.0.1"}, nil, http.StatusForbidden},
		{"this machine as one number", []string{"2130706433"}, nil, http.StatusForbidden},
		{"no address at all", []string{"0.0.0.0"}, nil, http.StatusForbidden},
		{"the other header alone", nil, map[string]string{"Forwarded": "for=127.0.0.1"}, http.StatusForbidden},
		{"the other header too", []string{far}, map[string]string{"Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1"}, http.StatusForbidden},
		{"a proxy that doesn't say for whom", nil, map[string]string{"X-Forwarded-Proto": "https"}, http.StatusForbidden},
		{"a host that is this machine", []string{far}, map[string]string{"X-Forwarded-Host": "localhost", "Origin": "http://127.0.0.1"}, http.StatusForbidden},
	} {
		options := []testx.RequestOption{token, func(r *http.Request) {
			for _, line := range test.headers {
				r.Header.Add("X-Forwarded-For", line)
			}
		}}
		for name, value := range test.others {
			options = append(options, testx.Header(name, value))
		}
		answer := a.Get(adminPath+"/clients", options...)
		if answer.Status != test.want || test.want == http.StatusForbidden && answer.Text("type") != "urn:authly:problem:address_refused" {
			t.Errorf("%s: %d %s", test.name, answer.Status, answer.Body)
		}
	}
}
