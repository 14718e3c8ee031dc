package app

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"authly/internal/config"
	"authly/internal/platform/egress"
)

func TestEgressFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	party := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(party.Close)
	write := func(text []byte) string {
		file := filepath.Join(t.TempDir(), "authorities.pem")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	authority := write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: party.Certificate().Raw}))
	for name, test := range map[string]struct {
		settings config.Egress
		reached  bool
	}{
		"as it comes":            {config.Egress{}, false},
		"the authority alone":    {config.Egress{AdditionalCAFile: authority}, false},
		"loopback alone":         {config.Egress{AllowLoopback: true}, false},
		"loopback and authority": {config.Egress{AllowLoopback: true, AdditionalCAFile: authority}, true},
		"a host that is allowed": {config.Egress{AllowLoopback: true, AdditionalCAFile: authority, AllowedHosts: "127.0.0.1"}, true},
		"another host":           {config.Egress{AllowLoopback: true, AdditionalCAFile: authority, AllowedHosts: "keys.example.com"}, false},
	} {
		client, err := newEgress(test.settings)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(t.Context(), egress.Request{URL: party.URL}); (err == nil) != test.reached {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, file := range map[string]string{"missing": filepath.Join(t.TempDir(), "nothing.pem"), "no PEM": write([]byte("certificate"))} {
		if _, err := newEgress(config.Egress{AdditionalCAFile: file}); err == nil {
			t.Errorf("%s: the server would start", name)
		}
	}
}
