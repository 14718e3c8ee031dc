package authorize

import (
	"encoding/json"
	"testing"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// Whatever a client signs: the request stays that client's, has no further request
// within, keeps the bounds of all parameters, and says nothing about the object itself.
func FuzzRequestObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"client_id":"other","state":"s"}`, `{"max_age":600,"claims":{"userinfo":{"name":null}},"resource":["https://a.example","https://b.example"]}`,
		`{"iss":"c","aud":["a"],"exp":1e308,"nbf":-1,"iat":null}`, `{"state":"","nonce":null,"scope":["openid"],"x":true}`, `{"state":"\u0000","é":"x"}`,
		`{"request":"x"}`, `{"aud":{"a":[[[]]]}}`, `{"max_age":1e999}`, `{"state":"a","state":"b"}`,
	} {
		f.Add(seed)
	}
	beside, err := oauth.ParseQuery("client_id=c&request=x&state=beside&scope=openid", repeatable()...)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		claims := map[string]json.RawMessage{}
		if jose.UnmarshalClaims([]byte(payload), &claims) != nil {
			return
		}
		for _, always := range []bool{false, true} {
			known := client.Client{ClientID: "c", Metadata: client.Metadata{RequireSignedRequestObject: always}}
			merged, err := merge(known, beside, claims)
			if err != nil {
				if oauth.CodeOf(err) != oauth.InvalidRequestObject {
					t.Errorf("refused with %v", err)
				}
				continue
			}
			if merged.Get("client_id") != "c" || merged.Has("request") && claims["request"] == nil {
				t.Errorf("the request became another: %v", merged.Names())
			}
			if _, inside := claims["state"]; always && !inside && merged.Has("state") {
				t.Error("what was not signed counts")
			}
			for _, name := range notParameters() {
				if merged.Has(name) {
					t.Errorf("%s became a parameter", name)
				}
			}
			for _, name := range merged.Names() {
				for _, value := range merged.All(name) {
					if len(value) > oauth.MaxParameterBytes {
						t.Errorf("%s has %d bytes", name, len(value))
					}
				}
			}
		}
	})
}
