package http_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// held says which test holds a rule: a file, and a text in it that names the case.
type held struct{ file, text string }

const (
	inAuthorize  = "authorize_test.go"
	inLogout     = "logout_test.go"
	inAssertions = "assertion_attack_test.go"
	inRecords    = "registration_test.go"
	inTruth      = "truth_test.go"
	inEgress     = "../../internal/platform/egress/egress_test.go"
	inLoopback   = "../../internal/platform/egress/loopback_test.go"
	inRedirects  = "../../internal/protocol/oauth/redirect_test.go"
	inKeySets    = "../../internal/protocol/jose/keyset_test.go"
)

// rules are those against known attacks on redirect URIs, signed tokens, requests to
// others and metadata, and the usual traps, each with the test that holds it. Traps 7,
// 16 and 19 are about what this server does not have: pushed requests, DPoP and client
// metadata documents.
func rules() map[string]held {
	return map[string]held{
		"redirect: case":                       {inAuthorize, `"https://APP.example/callback"`},
		"redirect: port":                       {inAuthorize, `"https://app.example:8443/callback"`},
		"redirect: trailing slash":             {inAuthorize, `callback + "/"`},
		"redirect: @":                          {inAuthorize, `"https://app.example@evil.example/callback"`},
		"redirect: backslash":                  {inAuthorize, "`https://app.example\\@evil.example/callback`"},
		"redirect: tab and CR":                 {inAuthorize, `callback + "\t", callback + "\r\nX: y"`},
		"redirect: double encoding":            {inRedirects, `"doubly escaped dots"`},
		"redirect: ..":                         {inAuthorize, `"https://app.example/x/../callback"`},
		"redirect: ..;":                        {inAuthorize, `"https://app.example/..;/callback"`},
		"redirect: fragment":                   {inAuthorize, `callback + "#x"`},
		"redirect: IPv6 and localhost":         {inAuthorize, `"http://localhost/callback", "http://[::1]/callback"`},
		"redirect: punycode":                   {inAuthorize, `"https://xn--app-example.example/callback", "https://аpp.example/callback"`},
		"redirect: custom schemes":             {inRedirects, `"rfc8252-7.1 scheme without a dot"`},
		"redirect: javascript and data":        {inAuthorize, `"javascript:alert(1)", "data:text/html,x"`},
		"redirect: twice":                      {inAuthorize, `"redirect_uri twice"`},
		"redirect: after a logout":             {inLogout, `"a user name":`},
		"redirect: after a logout, twice":      {inLogout, `"a URI twice":`},
		"redirect: registration":               {inRecords, `"https://app.example\\@evil.example/"`},
		"redirect: in a request object":        {"request_object_test.go", `"a wrong redirect URI inside"`},
		"redirect: no error before validation": {inAuthorize, "func TestRefusalsThatNeverRedirect"},

		"jose: none":                   {inAssertions, `"rfc8725-3.2 none"`},
		"jose: HS and RS":              {inAssertions, "func TestClientAssertionAlgorithmConfusion"},
		"jose: kid":                    {inAssertions, `"a kid that is a path"`},
		"jose: jku, x5u, jwk":          {inAssertions, "func TestKeysInAnAssertionAreNotUsed"},
		"jose: typ":                    {inAssertions, `"rfc8725-3.11 the type of a logout token"`},
		"jose: every type, everywhere": {"types_test.go", "func TestEveryTokenIsOfItsKind"},
		"jose: aud in lists":           {"assertion_test.go", `"JA-01 trap-6 aud in a list of two"`},
		"jose: crit":                   {inAssertions, `"rfc7515-4.1.11 crit"`},
		"jose: members twice":          {inAssertions, `"rfc7519-4 sub twice"`},
		"jose: huge p2c":               {inAssertions, `"enc, with the work of a password"`},
		"jose: zip":                    {inAssertions, `{"zip",`},
		"jose: ECDH, invalid curve":    {inKeySets, `"rfc7518-6.2.1 point not on the curve"`},
		"jose: iss missing":            {"assertion_test.go", `"iss missing"`},
		"jose: exp missing":            {"assertion_test.go", `"JA-02 exp missing"`},
		"jose: edges of the clock":     {inAssertions, "func TestClientAssertionTimes"},
		"jose: aud is the issuer only": {"assertion_test.go", `"JA-01 trap-6 aud is the token endpoint"`},

		"egress: private":                {inEgress, `"https://10.0.0.1/"`},
		"egress: link-local":             {inEgress, `"https://[fe80::1]/"`},
		"egress: metadata of a cloud":    {inEgress, `"https://169.254.169.254/latest/meta-data/"`},
		"egress: DNS rebinding":          {inLoopback, "func TestRebinding"},
		"egress: redirects":              {inEgress, `case "/redirect":`},
		"egress: IPv4 in IPv6":           {inEgress, `"https://[64:ff9b::7f00:1]/"`},
		"egress: slow loris":             {inEgress, `case "/slow":`},
		"egress: ten gigabytes":          {inEgress, `"10000000000"`},
		"egress: gzip bomb":              {inEgress, `case "/bomb":`},
		"egress: jwks_uri":               {inAssertions, "func TestClientWithAnAddressOfKeys"},
		"egress: request_uri":            {"request_object_test.go", "func TestRequestURIAsksNobodyElse"},
		"egress: sector_identifier_uri":  {"registration_record_test.go", "func TestSectorIdentifier"},
		"egress: logo":                   {"logo_test.go", "func TestLogosAreFetchedFromThePublicOnly"},
		"egress: back-channel logout":    {inRecords, `"backchannel_logout_uri"} {`},
		"egress: bounded by who asks":    {"registration_asks_test.go", "func TestChangesOfRecordsAskAtABoundedRate"},
		"metadata: names and types":      {inTruth, "func TestMetadataIsWellFormed"},
		"metadata: algorithms":           {inTruth, "func TestMetadataTruthOfAlgorithms"},
		"metadata: encryption":           {inTruth, "func TestMetadataTruthOfEncryption"},
		"metadata: claims":               {inTruth, "func TestMetadataTruthOfClaims"},
		"metadata: requests":             {inTruth, "func TestMetadataTruthOfRequests"},
		"metadata: what is off":          {inTruth, "func TestMetadataTruthOfWhatIsOff"},
		"metadata: endpoints, methods":   {"surface_test.go", "func TestMetadataTruth"},
		"metadata: unadvertised modes":   {inAuthorize, `"response_mode web_message"`},
		"metadata: unadvertised types":   {inAuthorize, `"response_type id_token"`},
		"metadata: unadvertised grants":  {"rules_test.go", "func TestUnadvertisedGrants"},
		"metadata: unadvertised methods": {inRecords, `"DR-03 a method that there isn't"`},

		"trap-1":  {"trap_test.go", "trap-1 any other client needs a challenge"},
		"trap-2":  {"rules_test.go", `"trap-2 the implicit grant is not claimed"`},
		"trap-3":  {inTruth, `slices.Contains(told, "RS256")`},
		"trap-4":  {"../../internal/config/problem_test.go", `"rfc8414-2 trailing slash"`},
		"trap-5":  {"surface_test.go", "func TestIssuerWithPath"},
		"trap-6":  {"assertion_test.go", `"JA-01 trap-6 aud is the token endpoint"`},
		"trap-8":  {"token_test.go", `"code again with a wrong verifier ends nothing"`},
		"trap-9":  {"trap_test.go", "trap-9 a missing method is plain"},
		"trap-10": {"trap_test.go", "trap-10 request_uri is never passed over"},
		"trap-11": {"trap_test.go", "trap-11 a request that another site posts"},
		"trap-12": {"rules_test.go", `"trap-12 scope claims are in UserInfo alone"`},
		"trap-13": {"trap_test.go", "func TestTrap13TimeOfAuthentication"},
		"trap-14": {"trap_test.go", "trap-14 a hint that has expired"},
		"trap-15": {"trap_test.go", "trap-15 iss comes with an error"},
		"trap-17": {"token_test.go", `"rfc8707-2.2 resource"`},
		"trap-18": {inRecords, `"DR-02 unknown members are ignored"`},
		"trap-20": {"token_test.go", `"refresh again after the window ends the family"`},
	}
}

// Whoever renames or removes one of these tests learns which rule it held.
func TestEveryRuleIsHeld(t *testing.T) {
	t.Parallel()
	sources := map[string]string{}
	for rule, by := range rules() {
		if sources[by.file] == "" {
			text, err := os.ReadFile(by.file)
			must(t, err)
			if by.file == "rules_test.go" { // the table itself holds nothing
				_, behind, _ := strings.Cut(string(text), "func TestEveryRuleIsHeld")
				text = []byte(behind)
			}
			sources[by.file] = string(text)
		}
		if !strings.Contains(sources[by.file], by.text) {
			t.Errorf("%s: %s has no %s", rule, by.file, by.text)
		}
	}
}

func TestTrapsOfTokens(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{
			Name: "trap-2 the implicit grant is not claimed", Want: Want{Status: http.StatusOK, Body: []string{`"response_types_supported":["code"]`}},
			WantNot: []string{`"implicit"`, `"id_token token"`},
			Do:      func(w *World) testx.Answer { return w.Get("/.well-known/openid-configuration") },
		},
		{Name: "trap-12 scope claims are in UserInfo alone", Want: Want{Status: http.StatusOK, Body: []string{`"email":`}}, Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.App, w.Ada, set("scope", "openid email"))
			_, claims := jwt(w.T, tokens.Text("id_token"))
			info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
			if claims["email"] != nil || claims["sub"] != info.JSON["sub"] {
				w.T.Errorf("the ID token says %v, UserInfo %s", claims, info.Body)
			}
			return info
		}},
	})
}

// What the metadata does not list is refused, by its own error.
func TestUnadvertisedGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	for _, grant := range []string{
		"password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:saml2-bearer",
	} {
		answer := w.Token(w.App, url.Values{"grant_type": {grant}, "assertion": {"x"}, "device_code": {"x"}, "subject_token": {"x"}})
		if answer.Status != http.StatusBadRequest || answer.Text("error") != string(oauth.UnsupportedGrantType) {
			t.Errorf("%s: %d %s", grant, answer.Status, answer.Body)
		}
	}
}
