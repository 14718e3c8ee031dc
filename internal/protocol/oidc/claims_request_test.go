package oidc_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

func raw(texts ...string) []json.RawMessage {
	values := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		values[i] = json.RawMessage(text)
	}
	return values
}

func TestParseClaimsRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want oidc.ClaimsRequest
	}{
		"not sent": {"", oidc.ClaimsRequest{}},
		"oidccore-5.5 both members": {
			`{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"acr":{"values":["a","b"]},"auth_time":{"essential":true}}}`,
			oidc.ClaimsRequest{
				UserInfo: map[string]oidc.ClaimRequest{"name": {Essential: true}, "email": {}},
				IDToken:  map[string]oidc.ClaimRequest{"acr": {Values: raw(`"a"`, `"b"`)}, "auth_time": {Essential: true}},
			},
		},
		"oidccore-5.5.1 value": {
			`{"id_token":{"sub":{"value":"248289761001"}}}`,
			oidc.ClaimsRequest{IDToken: map[string]oidc.ClaimRequest{"sub": {Values: raw(`"248289761001"`)}}},
		},
		"oidccore-5.5.1 a value that is no text": {
			`{"userinfo":{"address":{"value": {"country" : "x"} }}}`,
			oidc.ClaimsRequest{UserInfo: map[string]oidc.ClaimRequest{"address": {Values: raw(`{"country":"x"}`)}}},
		},
		"oidccore-5.5 unknown members are ignored": {
			`{"verified":{"x":1},"userinfo":{"name":{"purpose":"y"},"unheard_of":{}}}`,
			oidc.ClaimsRequest{UserInfo: map[string]oidc.ClaimRequest{"name": {}, "unheard_of": {}}},
		},
	} {
		got, err := oidc.ParseClaimsRequest(test.text)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got.IsZero() != (test.text == "") {
			t.Errorf("%s: IsZero %t", name, got.IsZero())
		}
	}
}

func TestParseClaimsRequestRefusals(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(strings.Repeat(`"c`+"\x00"+`":null,`, 65), ",")
	for i := range 65 {
		many = strings.Replace(many, "\x00", string(rune('0'+i%10))+string(rune('a'+i/10)), 1)
	}
	for name, text := range map[string]string{
		"no object":          `[]`,
		"not JSON":           `{`,
		"a member twice":     `{"userinfo":{},"userinfo":{}}`,
		"a claim twice":      `{"userinfo":{"name":null,"name":{}}}`,
		"userinfo a list":    `{"userinfo":[]}`,
		"a claim a text":     `{"userinfo":{"name":"x"}}`,
		"essential a text":   `{"userinfo":{"name":{"essential":"true"}}}`,
		"values no list":     `{"userinfo":{"name":{"values":"x"}}}`,
		"too many claims":    `{"userinfo":{` + many + `}}`,
		"too many values":    `{"userinfo":{"name":{"values":[` + strings.TrimSuffix(strings.Repeat(`"v",`, 33), ",") + `]}}}`,
		"a value too long":   `{"userinfo":{"name":{"value":"` + strings.Repeat("x", 1025) + `"}}}`,
		"a name too long":    `{"userinfo":{"` + strings.Repeat("x", 129) + `":null}}`,
		"data after the end": `{} {}`,
		"nested too deeply":  `{"userinfo":{"name":{"value":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}}`,
	} {
		if _, err := oidc.ParseClaimsRequest(text); oauth.CodeOf(err) != oauth.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseClaimsRequest(f *testing.F) {
	f.Add(`{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"acr":{"values":["a","b"],"value":"c"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := oidc.ParseClaimsRequest(text)
		if err != nil {
			return
		}
		stored, err := json.Marshal(parsed)
		if err != nil {
			t.Fatalf("what was accepted can't be stored: %v", err)
		}
		var read oidc.ClaimsRequest
		if err := json.Unmarshal(stored, &read); err != nil {
			t.Fatalf("what was stored can't be read: %v", err)
		}
	})
}
