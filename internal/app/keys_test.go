package app_test

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/config"
)

// RSA keys of a server are as large as the setting says.
func TestSizeOfRSAKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*config.Config)
		want   int
	}{
		"by default": {func(*config.Config) {}, 3072},
		"set":        {func(c *config.Config) { c.Keys.RSABits = 2048 }, 2048},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := built(t, new(strings.Builder), test.change)
			answer := httptest.NewRecorder()
			made.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:8080/.well-known/jwks.json", nil))
			var set gojose.JSONWebKeySet
			if err := json.Unmarshal(answer.Body.Bytes(), &set); err != nil {
				t.Fatalf("%v: %s", err, answer.Body)
			}
			seen := 0
			for _, key := range set.Keys {
				if public, isRSA := key.Key.(*rsa.PublicKey); isRSA {
					if seen++; public.N.BitLen() != test.want {
						t.Errorf("%s has %d bits", key.KeyID, public.N.BitLen())
					}
				}
			}
			if seen == 0 {
				t.Errorf("no RSA key: %s", answer.Body)
			}
		})
	}
}
