package client_test

import (
	"encoding/json"
	"errors"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// A client's own keys have to be public, and there has to be one for what they are needed for.
func TestRegisteredKeys(t *testing.T) {
	t.Parallel()
	service, _ := newClients(dbtest.Open(t, db.SQLite))
	const (
		point     = `"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"` // RFC 7515 appendix A.3
		forAny    = `{"keys":[{` + point + `}]}`
		signing   = `{"keys":[{` + point + `,"use":"sig"}]}`
		encrypted = `{"keys":[{` + point + `,"use":"enc"}]}`
	)
	idTokens := func(m *client.Metadata) {
		m.IDTokenEncryptionAlgorithm, m.IDTokenEncryptionContent = jose.ECDHES, jose.A128GCM
	}
	everything := func(m *client.Metadata) {
		idTokens(m)
		m.UserInfoEncryptionAlgorithm, m.UserInfoEncryptionContent = jose.ECDHES, jose.A128GCM
	}
	for name, test := range map[string]struct {
		keys   string
		change func(*client.Metadata)
		want   string // the reason against jwks
	}{
		"to sign":                        {signing, nil, ""},
		"for everything":                 {forAny, everything, ""},
		"to sign with its algorithm":     {signing, func(m *client.Metadata) { m.AuthenticationAlgorithm = jose.ES256 }, ""},
		"to sign with another":           {signing, func(m *client.Metadata) { m.AuthenticationAlgorithm = jose.PS256 }, "client.keys_missing"},
		"not to sign":                    {encrypted, nil, "client.keys_missing"},
		"not to encrypt":                 {signing, idTokens, "client.keys_missing"},
		"not to encrypt in that way":     {forAny, func(m *client.Metadata) { m.UserInfoEncryptionAlgorithm = jose.RSAOAEP256 }, "client.keys_missing"},
		"none that is understood":        {`{"keys":[{"kty":"AKP"}]}`, nil, "client.keys_missing"},
		"none that are needed":           {`{"keys":[]}`, func(m *client.Metadata) { m.AuthenticationMethod = oauth.ClientSecretBasic }, ""},
		"private":                        {`{"keys":[{` + point + `,"d":"AAAA"}]}`, nil, "client.keys_invalid"},
		"symmetric, though not needed":   {`{"keys":[{"kty":"oct","k":"AAAA"}]}`, func(m *client.Metadata) { m.AuthenticationMethod = oauth.ClientSecretBasic }, "client.keys_invalid"},
		"both in the record and outside": {signing, func(m *client.Metadata) { m.JWKSURI = "https://app.example/jwks" }, "client.keys_twice"},
	} {
		metadata := client.Metadata{
			Name: "App", RedirectURIs: []string{"https://app.example/callback"}, AuthenticationMethod: oauth.PrivateKeyJWT, JWKS: json.RawMessage(test.keys),
		}
		if test.change != nil {
			test.change(&metadata)
		}
		_, err := service.Register(t.Context(), metadata)
		refusal := &fault.Error{}
		if errors.As(err, &refusal); refusal.Fields["jwks"] != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
