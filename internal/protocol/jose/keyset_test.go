package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/protocol/jose"
)

// published returns the JWK of a test key with members changed; nil removes one.
func published(t testing.TB, algorithm jose.Algorithm, changes map[string]any) map[string]any {
	t.Helper()
	encoded, err := jose.PublicJWK(testKeys()[algorithm].Verification())
	if err != nil {
		t.Fatal(err)
	}
	jwk := map[string]any{}
	if err := json.Unmarshal(encoded, &jwk); err != nil {
		t.Fatal(err)
	}
	maps.Copy(jwk, changes)
	maps.DeleteFunc(jwk, func(_ string, value any) bool { return value == nil })
	return jwk
}

func setText(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	encoded, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func setOf(t testing.TB, keys ...map[string]any) jose.KeySet {
	t.Helper()
	set, err := jose.ParseKeySet(setText(t, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestParseKeySetRefuses(t *testing.T) {
	good := published(t, jose.ES256, nil)
	many := make([]map[string]any, jose.MaxKeys+1)
	for i := range many {
		many[i] = good
	}
	for name, text := range map[string]string{
		"empty": "", "list": "[]", "null": "null", "no keys": "{}", "keys is null": `{"keys":null}`, "keys is an object": `{"keys":{}}`,
		"a key is null": `{"keys":[null]}`, "a key is a text": `{"keys":["x"]}`, "cut": `{"keys":[`, "two documents": `{"keys":[]}{"keys":[]}`,
		"keys in another case": `{"Keys":[]}`, "keys twice": `{"keys":[],"keys":[]}`, "a member twice": `{"keys":[{"kty":"EC","kty":"RSA"}]}`,
		"a member twice but for case": `{"keys":[{"kid":"a","KID":"b"}]}`, "not UTF-8": "{\"keys\":[{\"kid\":\"\xff\"}]}",
		"too deep": `{"keys":[{"x":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `}]}`,
		"too long": `{"keys":[],"x":"` + strings.Repeat("x", jose.MaxKeySetBytes) + `"}`, "too many": string(setText(t, many...)),
		"rfc7518-6.4 symmetric":             string(setText(t, good, map[string]any{"kty": "oct", "k": "AAAA"})),
		"symmetric by its member":           `{"keys":[{"kty":"EC","k":"AAAA"}]}`,
		"rfc7518-6.2.2 private EC":          string(setText(t, published(t, jose.ES256, map[string]any{"d": "AAAA"}))),
		"rfc7518-6.3.2 private RSA":         string(setText(t, published(t, jose.RS256, map[string]any{"p": "AAAA"}))),
		"rfc8037-2 private Ed25519":         string(setText(t, published(t, jose.EdDSA, map[string]any{"d": "AAAA"}))),
		"private, of a kind nobody knows":   `{"keys":[{"kty":"AKP","alg":"ML-DSA-44","priv":"AAAA"}]}`,
		"private behind what is left out":   string(setText(t, map[string]any{"kty": "x"}, published(t, jose.EdDSA, map[string]any{"d": "AAAA"}))),
		"private, though its value is null": `{"keys":[{"kty":"EC","d":null}]}`,
	} {
		if _, err := jose.ParseKeySet([]byte(text)); !errors.Is(err, jose.ErrInvalidKeySet) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a set has keys for, by what they say about themselves.
func TestKeySetLeavesOut(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := gojose.JSONWebKey{Key: small.Public(), KeyID: "weak"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	tiny := map[string]any{}
	if err := json.Unmarshal(weak, &tiny); err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := gojose.JSONWebKey{Key: p384.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	foreign := map[string]any{}
	if err := json.Unmarshal(other, &foreign); err != nil {
		t.Fatal(err)
	}
	with := func(algorithm jose.Algorithm, members ...any) map[string]any {
		changes := map[string]any{}
		for pair := range slices.Chunk(members, 2) {
			changes[pair[0].(string)] = pair[1]
		}
		return published(t, algorithm, changes)
	}
	for name, test := range map[string]struct {
		key      map[string]any
		verifies []jose.Algorithm
		encrypts []jose.KeyAlgorithm
	}{
		"for RS256 alone":                      {with(jose.RS256), []jose.Algorithm{jose.RS256}, nil},
		"RSA for signatures":                   {with(jose.RS256, "alg", nil), []jose.Algorithm{jose.RS256, jose.PS256}, nil},
		"RSA for everything":                   {with(jose.RS256, "alg", nil, "use", nil), []jose.Algorithm{jose.RS256, jose.PS256}, []jose.KeyAlgorithm{jose.RSAOAEP, jose.RSAOAEP256}},
		"RSA for one encryption":               {with(jose.RS256, "alg", "RSA-OAEP-256", "use", "enc"), nil, []jose.KeyAlgorithm{jose.RSAOAEP256}},
		"RSA that says it is for EC":           {with(jose.RS256, "alg", "ES256"), nil, nil},
		"EC for everything":                    {with(jose.ES256, "alg", nil, "use", nil), []jose.Algorithm{jose.ES256}, []jose.KeyAlgorithm{jose.ECDHES, jose.ECDHESA128KW, jose.ECDHESA256KW}},
		"EC for encryption":                    {with(jose.ES256, "alg", nil, "use", "enc"), nil, []jose.KeyAlgorithm{jose.ECDHES, jose.ECDHESA128KW, jose.ECDHESA256KW}},
		"Ed25519":                              {with(jose.EdDSA, "use", nil), []jose.Algorithm{jose.EdDSA}, nil},
		"rfc7517-4.3 to verify":                {with(jose.ES256, "alg", nil, "use", nil, "key_ops", []string{"verify"}), []jose.Algorithm{jose.ES256}, nil},
		"rfc7517-4.3 to wrap":                  {with(jose.RS256, "alg", nil, "use", nil, "key_ops", []string{"wrapKey"}), nil, []jose.KeyAlgorithm{jose.RSAOAEP, jose.RSAOAEP256}},
		"rfc7517-4.3 contradicting use":        {with(jose.RS256, "key_ops", []string{"encrypt"}), nil, nil},
		"rfc7517-4.3 not a list":               {with(jose.RS256, "key_ops", "verify"), nil, nil},
		"use unknown":                          {with(jose.RS256, "use", "tls"), nil, nil},
		"use is a number":                      {with(jose.RS256, "use", 1), nil, nil},
		"alg unknown":                          {with(jose.RS256, "alg", "RS1"), nil, nil},
		"alg symmetric":                        {with(jose.RS256, "alg", "HS256"), nil, nil},
		"alg RSA1_5":                           {with(jose.RS256, "alg", "RSA1_5", "use", "enc"), nil, nil},
		"kid is a number":                      {with(jose.RS256, "kid", 1), nil, nil},
		"kid too long":                         {with(jose.RS256, "kid", strings.Repeat("k", 256)), nil, nil},
		"kty unknown":                          {with(jose.ES256, "kty", "AKP"), nil, nil},
		"kty missing":                          {with(jose.ES256, "kty", nil), nil, nil},
		"rfc7518-3.3 RSA too small":            {tiny, nil, nil},
		"RSA too large":                        {with(jose.RS256, "n", encode(strings.Repeat("\xff", 1025))), nil, nil},
		"RSA exponent 1":                       {with(jose.RS256, "e", "AQ"), nil, nil},
		"RSA exponent even":                    {with(jose.RS256, "e", "AQAC"), nil, nil},
		"RSA exponent missing":                 {with(jose.RS256, "e", nil), nil, nil},
		"RSA modulus even":                     {with(jose.RS256, "n", encode(strings.Repeat("\xfe", 256))), nil, nil},
		"P-384":                                {foreign, nil, nil},
		"rfc7518-6.2.1 point not on the curve": {with(jose.ES256, "y", encode(strings.Repeat("\x01", 32))), nil, nil},
		"coordinate too short":                 {with(jose.ES256, "x", encode("x")), nil, nil},
		"coordinate not canonical":             {with(jose.ES256, "x", published(t, jose.ES256, nil)["x"].(string)+"=="), nil, nil},
		"Ed25519 too short":                    {with(jose.EdDSA, "x", "AAAA"), nil, nil},
		"X25519":                               {with(jose.EdDSA, "crv", "X25519"), nil, nil},
	} {
		set := setOf(t, test.key)
		for _, algorithm := range jose.Algorithms() {
			if got := set.CanVerify(algorithm); got != slices.Contains(test.verifies, algorithm) {
				t.Errorf("%s: verifies %s: %t", name, algorithm, got)
			}
		}
		for _, algorithm := range append(jose.KeyAlgorithms(), "RSA1_5", "dir", "") {
			if got := set.CanEncrypt(algorithm); got != slices.Contains(test.encrypts, algorithm) {
				t.Errorf("%s: encrypts %s: %t", name, algorithm, got)
			}
		}
	}
}

func signed(t testing.TB, algorithm jose.Algorithm, keyID, typ string) string {
	t.Helper()
	options := &gojose.SignerOptions{}
	if typ != "" {
		options = options.WithType(gojose.ContentType(typ))
	}
	signer, err := gojose.NewSigner(gojose.SigningKey{
		Algorithm: gojose.SignatureAlgorithm(algorithm), Key: gojose.JSONWebKey{Key: testKeys()[algorithm].Signer, KeyID: keyID},
	}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign([]byte(`{"sub":"ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestKeySetVerify(t *testing.T) {
	named := func(algorithm jose.Algorithm, keyID any) map[string]any {
		return published(t, algorithm, map[string]any{"kid": keyID})
	}
	all, both := jose.Expectation{Algorithms: jose.Algorithms(), Types: []string{"", "JWT"}}, setOf(t, named(jose.RS256, "a"), named(jose.ES256, "b"))
	only := func(algorithms []jose.Algorithm, types ...string) jose.Expectation {
		return jose.Expectation{Algorithms: algorithms, Types: types}
	}
	for name, test := range map[string]struct {
		set      jose.KeySet
		token    string
		expected jose.Expectation
		accepted bool
		unknown  bool // a newer set could have it
	}{
		"by its kid":                         {both, signed(t, jose.RS256, "a", ""), all, true, false},
		"with a type":                        {both, signed(t, jose.ES256, "b", "jwt"), all, true, false},
		"every algorithm: PS256":             {setOf(t, named(jose.PS256, "p")), signed(t, jose.PS256, "p", ""), all, true, false},
		"every algorithm: EdDSA":             {setOf(t, named(jose.EdDSA, "e")), signed(t, jose.EdDSA, "e", ""), all, true, false},
		"no kid, and one key fits":           {both, signed(t, jose.RS256, "", ""), all, true, false},
		"no kid, and two keys fit":           {setOf(t, named(jose.RS256, "a"), named(jose.RS256, "c")), signed(t, jose.RS256, "", ""), all, false, false},
		"no kid, and the one has changed":    {setOf(t, published(t, jose.PS256, map[string]any{"alg": "RS256"})), signed(t, jose.RS256, "", ""), all, false, true},
		"kid, but the key has none":          {setOf(t, named(jose.RS256, nil)), signed(t, jose.RS256, "a", ""), all, false, true},
		"kid unknown":                        {both, signed(t, jose.RS256, "z", ""), all, false, true},
		"kid of another key":                 {both, signed(t, jose.RS256, "b", ""), all, false, true},
		"the same kid twice":                 {setOf(t, named(jose.RS256, "a"), named(jose.RS256, "a")), signed(t, jose.RS256, "a", ""), all, false, false},
		"the same kid for two kinds":         {setOf(t, named(jose.RS256, "a"), named(jose.ES256, "a")), signed(t, jose.RS256, "a", ""), all, true, false},
		"another key under the kid":          {setOf(t, published(t, jose.PS256, map[string]any{"alg": "RS256", "kid": "a"})), signed(t, jose.RS256, "a", ""), all, false, false},
		"a key for encryption":               {setOf(t, published(t, jose.RS256, map[string]any{"use": "enc", "kid": "a"})), signed(t, jose.RS256, "a", ""), all, false, true},
		"a key for PS256":                    {setOf(t, published(t, jose.RS256, map[string]any{"alg": "PS256", "kid": "a"})), signed(t, jose.RS256, "a", ""), all, false, true},
		"no keys":                            {jose.KeySet{}, signed(t, jose.RS256, "a", ""), all, false, true},
		"rfc8725-3.1 alg not allowed":        {both, signed(t, jose.RS256, "a", ""), only([]jose.Algorithm{jose.ES256, jose.PS256}, ""), false, false},
		"no alg allowed":                     {both, signed(t, jose.RS256, "a", ""), only(nil, ""), false, false},
		"rfc8725-3.11 type missing":          {both, signed(t, jose.RS256, "a", ""), only(jose.Algorithms(), "JWT"), false, false},
		"rfc8725-3.11 another type":          {both, signed(t, jose.RS256, "a", "at+jwt"), all, false, false},
		"rfc8725-3.2 none":                   {both, encode(`{"alg":"none","kid":"a"}`) + "." + encode(`{"sub":"ada"}`) + ".AAAA", only([]jose.Algorithm{"none"}, ""), false, false},
		"rfc7515-4.1.11 crit":                {both, signRaw(t, `{"alg":"RS256","kid":"a","crit":["exp"],"exp":1}`), all, false, false},
		"rfc7515-4.1.3 jwk is not used":      {setOf(t, named(jose.ES256, "b")), signRaw(t, `{"alg":"RS256","kid":"a","jwk":`+jwkText(t)+`}`), all, false, true},
		"rfc8725-3.10 jku is not fetched":    {both, signRaw(t, `{"alg":"RS256","kid":"a","jku":"https://evil.example/"}`), all, true, false},
		"zip":                                {both, signRaw(t, `{"alg":"RS256","kid":"a","zip":"DEF"}`), all, false, false},
		"rfc7515-4 member twice":             {both, signRaw(t, `{"alg":"RS256","kid":"a","kid":"a"}`), all, false, false},
		"rfc8725-2.1 symmetric by agreement": {both, signRaw(t, `{"alg":"HS256","kid":"a"}`), only([]jose.Algorithm{"HS256"}, ""), false, false},
	} {
		payload, err := test.set.Verify(test.token, test.expected)
		switch {
		case test.accepted && (err != nil || string(payload) != `{"sub":"ada"}`):
			t.Errorf("%s: %s, %v", name, payload, err)
		case !test.accepted && (!errors.Is(err, jose.ErrInvalidToken) || payload != nil):
			t.Errorf("%s: %s, %v; want ErrInvalidToken", name, payload, err)
		case errors.Is(err, jose.ErrUnknownKey) != test.unknown:
			t.Errorf("%s: unknown key %t: %v", name, !test.unknown, err)
		}
	}
}

func jwkText(t *testing.T) string {
	t.Helper()
	encoded, err := jose.PublicJWK(testKeys()[jose.RS256].Verification())
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestUnmarshalUnverified(t *testing.T) {
	var claims struct {
		Subject string `json:"sub"`
	}
	if err := jose.UnmarshalUnverified(signed(t, jose.RS256, "a", ""), &claims); err != nil || claims.Subject != "ada" {
		t.Errorf("%+v, %v", claims, err)
	}
	for name, token := range map[string]string{
		"empty": "", "no token": "a.b", "header": encode("[]") + "." + encode(`{"sub":"ada"}`) + ".AAAA",
		"payload is no object": encode(`{"alg":"RS256"}`) + "." + encode(`"ada"`) + ".AAAA",
		"member twice":         encode(`{"alg":"RS256"}`) + "." + encode(`{"sub":"a","sub":"b"}`) + ".AAAA",
		"too long":             encode(`{"alg":"RS256"}`) + "." + encode(`{"sub":"`+strings.Repeat("a", jose.MaxTokenBytes)+`"}`) + ".AAAA",
	} {
		if err := jose.UnmarshalUnverified(token, &claims); !errors.Is(err, jose.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeySetEncrypt(t *testing.T) {
	set := setOf(t, published(t, jose.RS256, map[string]any{"alg": nil, "use": nil, "kid": "rsa"}), published(t, jose.ES256, map[string]any{"alg": nil, "use": "enc", "kid": "ec"}))
	private := func(algorithm jose.KeyAlgorithm) (crypto.Signer, string) {
		if strings.HasPrefix(string(algorithm), "RSA") {
			return testKeys()[jose.RS256].Signer, "rsa"
		}
		return testKeys()[jose.ES256].Signer, "ec"
	}
	inner := signed(t, jose.EdDSA, "e", "JWT")
	for _, algorithm := range jose.KeyAlgorithms() {
		for _, encryption := range jose.ContentEncryptions() {
			name := fmt.Sprintf("%s %s", algorithm, encryption)
			token, err := set.Encrypt(algorithm, encryption, []byte(inner), jose.ContentJWT)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			key, keyID := private(algorithm)
			parsed, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(algorithm)}, []gojose.ContentEncryption{gojose.ContentEncryption(encryption)})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if opened, err := parsed.Decrypt(key); err != nil || string(opened) != inner {
				t.Errorf("%s: %s, %v", name, opened, err)
			}
			header := headerOf(t, token)
			if header["cty"] != "JWT" || header["kid"] != keyID || header["zip"] != nil || header["alg"] != string(algorithm) || header["enc"] != string(encryption) {
				t.Errorf("%s: header %v", name, header)
			}
		}
	}
	token, err := set.Encrypt(jose.RSAOAEP256, jose.A256GCM, []byte(`{"sub":"ada"}`), jose.ContentClaims)
	if err != nil || headerOf(t, token)["cty"] != nil {
		t.Errorf("claims alone: %v, %v", headerOf(t, token), err)
	}
	for name, test := range map[string]struct {
		set        jose.KeySet
		algorithm  jose.KeyAlgorithm
		encryption jose.ContentEncryption
		want       error
	}{
		"rfc8725-3.2 RSA1_5": {set, "RSA1_5", jose.A128GCM, jose.ErrUnsupported},
		"dir":                {set, "dir", jose.A128GCM, jose.ErrUnsupported},
		"enc unknown":        {set, jose.RSAOAEP, "A128CTR", jose.ErrUnsupported},
		"no key":             {jose.KeySet{}, jose.RSAOAEP, jose.A128GCM, jose.ErrUnknownKey},
		"a key for signing":  {setOf(t, published(t, jose.RS256, nil)), jose.RSAOAEP, jose.A128GCM, jose.ErrUnknownKey},
	} {
		if token, err := test.set.Encrypt(test.algorithm, test.encryption, []byte("x"), jose.ContentJWT); !errors.Is(err, test.want) || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	// A key that is only for encryption goes before one for everything, wherever it stands.
	mixed := setOf(t, published(t, jose.RS256, map[string]any{"alg": nil, "use": nil, "kid": "all"}), published(t, jose.PS256, map[string]any{"alg": nil, "use": "enc", "kid": "enc"}))
	if token, err := mixed.Encrypt(jose.RSAOAEP, jose.A128GCM, []byte("x"), jose.ContentJWT); err != nil || headerOf(t, token)["kid"] != "enc" {
		t.Errorf("%v, %v", headerOf(t, token), err)
	}
}

func FuzzParseKeySet(f *testing.F) {
	f.Add(setText(f, published(f, jose.RS256, nil), published(f, jose.ES256, map[string]any{"use": "enc"}), published(f, jose.EdDSA, map[string]any{"alg": nil})))
	for _, text := range []string{
		`{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`, `{"keys":[{"kty":"RSA","n":"AAAA","e":"AQAB","d":"AA"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","key_ops":["verify"],"kid":"k"}]}`, `{"Keys":[]}`, `{"keys":[{"kid":"a","KID":"b"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := jose.ParseKeySet(text)
		if err != nil {
			if !errors.Is(err, jose.ErrInvalidKeySet) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if strings.Contains(string(text), `"kty":"oct"`) && strings.HasPrefix(string(text), `{"keys":[{"kty":"oct"`) {
			t.Fatalf("a symmetric key is accepted: %q", text)
		}
		for _, algorithm := range jose.KeyAlgorithms() {
			token, err := set.Encrypt(algorithm, jose.A128GCM, []byte("x"), jose.ContentClaims)
			if (err == nil) != set.CanEncrypt(algorithm) || err != nil && !errors.Is(err, jose.ErrUnknownKey) || err == nil && strings.Count(token, ".") != 4 {
				t.Fatalf("%q: %s: %q, %v", text, algorithm, token, err)
			}
		}
		if payload, err := set.Verify(encode(`{"alg":"EdDSA"}`)+"."+encode("{}")+"."+encode(strings.Repeat("x", 64)), jose.Expectation{Algorithms: jose.Algorithms(), Types: []string{""}}); err == nil {
			t.Fatalf("forged: %s", payload)
		}
	})
}
