package http_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// withRegistration mounts the endpoint.
func withRegistration(mode registration.Mode) testx.Option {
	return testx.WithConfig(func(c *config.Config) { c.Registration.Mode = string(mode) })
}

// object is a JSON object that is sent.
type object map[string]any

func (o object) with(changes object) object {
	all := object{}
	for _, from := range []object{o, changes} {
		for name, value := range from {
			all[name] = value
			if value == absent {
				delete(all, name)
			}
		}
	}
	return all
}

// absent removes a member.
const absent = "\x00absent"

func (o object) String() string {
	encoded, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// plain is about what the certification sends: no scope among it.
var plain = object{
	"client_name": "Certified", "redirect_uris": []string{callback}, "grant_types": []string{"authorization_code"}, "response_types": []string{"code"},
	"contacts": []string{"certification@oidf.org"}, "jwks": json.RawMessage(rsaJWKS),
}

const rsaJWKS = `{"keys":[{"kty":"RSA","kid":"a","use":"sig","alg":"RS256","e":"AQAB","n":"` +
	`u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw"}]}`

func operator() audit.Author { return audit.Author{Actor: audit.Actor{Kind: audit.Operator}} }

// permit makes an initial access token.
func (w *World) permit(wanted registration.NewInitialToken) string {
	w.T.Helper()
	if wanted.Name == "" {
		wanted.Name = "for a test"
	}
	if wanted.Uses == 0 {
		wanted.Uses = registration.Unlimited
	}
	made, err := w.InitialTokens.Create(w.T.Context(), wanted, operator())
	if err != nil {
		w.T.Fatal(err)
	}
	w.Secret(made.Token.Reveal())
	return made.Token.Reveal()
}

// enroll registers a client; token is an initial access token, "" for none.
func (w *World) enroll(token string, sent object) testx.Answer {
	w.T.Helper()
	return w.enrollText(token, sent.String())
}

func (w *World) enrollText(token, body string) testx.Answer {
	w.T.Helper()
	options := []testx.RequestOption{testx.JSON(body)}
	if token != "" {
		options = append(options, testx.Bearer(token))
	}
	return w.Call(http.MethodPost, "/oauth/register", nil, options...)
}

// enrolled registers a client that must be accepted.
func (w *World) enrolled(token string, sent object) testx.Answer {
	w.T.Helper()
	answer := w.enroll(token, sent)
	if answer.Status != http.StatusCreated {
		w.T.Fatalf("the client was refused: %d %s", answer.Status, answer.Body)
	}
	return answer
}

// asClient returns what tests of other endpoints use.
func (w *World) asClient(answer testx.Answer) testx.Client {
	w.T.Helper()
	known, err := w.Clients.Find(w.T.Context(), answer.Text("client_id"))
	if err != nil {
		w.T.Fatal(err)
	}
	return testx.Client{Client: known, Secret: answer.Text("client_secret")}
}

// registers is the story of a registration in open mode.
func registers(changes object) func(w *World) testx.Answer {
	return func(w *World) testx.Answer { return w.enroll("", plain.with(changes)) }
}

var created = Want{Status: http.StatusCreated, Header: map[string]string{
	"Content-Type": "application/json", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "",
}}

func saying(texts ...string) Want {
	want := created
	want.Body = texts
	return want
}

func TestRegistrationIsOffByDefault(t *testing.T) {
	t.Parallel()
	nothing := Want{Status: http.StatusNotFound}
	play(t, []Scenario{
		{Name: "no endpoint", Want: nothing, Do: func(w *World) testx.Answer { return w.enroll("", plain) }},
		{Name: "not with a token either", Want: nothing, Do: func(w *World) testx.Answer {
			return w.enroll(w.permit(registration.NewInitialToken{}), plain)
		}},
		{Name: "no record", Want: nothing, Do: func(w *World) testx.Answer { return w.Get("/oauth/register/" + w.App.ClientID) }},
		{Name: "not in the metadata", Want: Want{Status: 200}, WantNot: []string{"registration_endpoint"}, Do: func(w *World) testx.Answer {
			return w.Get("/.well-known/openid-configuration")
		}},
	})
}

// Each rule of RFC 7591 and OpenID Connect Registration 1.0 that is claimed, by its number in the list of requirements.
func TestRegistration(t *testing.T) {
	t.Parallel()
	metadataError, redirectError := jsonError(400, oauth.InvalidClientMetadata), jsonError(400, oauth.InvalidRedirectURI)
	many := make([]string, 101)
	for i := range many {
		many[i] = "https://app.example/" + strings.Repeat("x", i+1)
	}
	play(t, []Scenario{
		{Name: "DR-01 everything that is registered", Want: saying(
			`"client_id":"client_`, `"client_secret":"`, `"client_secret_expires_at":0`, `"client_id_issued_at":1795521600`,
			`"registration_access_token":"`, `/oauth/register/client_`, `"client_name":"Certified"`, `"redirect_uris":["`+callback+`"]`,
			`"grant_types":["authorization_code"]`, `"response_types":["code"]`, `"token_endpoint_auth_method":"client_secret_basic"`,
			`"application_type":"web"`, `"subject_type":"public"`, `"id_token_signed_response_alg":"RS256"`, `"contacts":["certification@oidf.org"]`,
			`"jwks":{"keys":[{`, `"scope":"openid profile email offline_access"`,
		), Do: registers(nil)},
		{
			Name: "DR-01 a public client has no secret", Want: created, WantNot: []string{"client_secret_expires_at", `"client_secret"`},
			Do: registers(object{"token_endpoint_auth_method": "none"}),
		},
		{Name: "DR-02 unknown members are ignored", Rule: "trap-18 unknown members", Want: created, WantNot: []string{"resource", "umlaut", "software_statement"}, Do: registers(object{
			"resource": "https://mcp.example", "client_name#de": "umlaut", "x": object{"y": []int{1}}, "software_statement": "eyJhbGciOiJub25lIn0.e30.",
			"tls_client_certificate_bound_access_tokens": true,
		})},
		{Name: "DR-02 null and empty are absent", Want: saying(`"scope":"openid profile email offline_access"`, `"application_type":"web"`), WantNot: []string{"logo_uri", "contacts"}, Do: registers(object{
			"scope": "", "logo_uri": nil, "contacts": []string{}, "application_type": nil, "grant_types": []string{}, "default_max_age": nil,
		})},
		{Name: "DR-03 client_secret_post", Want: saying(`"token_endpoint_auth_method":"client_secret_post"`), Do: registers(object{"token_endpoint_auth_method": "client_secret_post"})},
		{Name: "DR-03 none", Want: saying(`"token_endpoint_auth_method":"none"`), Do: registers(object{"token_endpoint_auth_method": "none"})},
		{Name: "DR-03 a method that there isn't", Rule: "metadata: unadvertised methods", Want: metadataError, Do: registers(object{"token_endpoint_auth_method": "client_secret_jwt"})},
		{Name: "DR-04 not an object", Want: metadataError, Do: func(w *World) testx.Answer { return w.enrollText("", `["x"]`) }},
		{Name: "DR-04 not JSON", Want: metadataError, Do: func(w *World) testx.Answer { return w.enrollText("", `{"redirect_uris":`) }},
		{Name: "DR-04 nothing", Want: metadataError, Do: func(w *World) testx.Answer { return w.enrollText("", ``) }},
		{Name: "DR-04 more after it", Want: metadataError, Do: func(w *World) testx.Answer { return w.enrollText("", plain.String()+`{}`) }},
		{Name: "DR-04 a member twice", Want: metadataError, Do: func(w *World) testx.Answer {
			return w.enrollText("", `{"redirect_uris":["https://app.example/a"],"redirect_uris":["https://evil.example/a"]}`)
		}},
		{Name: "DR-04 a form", Want: jsonError(400, oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return w.Post("/oauth/register", url.Values{"redirect_uris": {callback}})
		}},
		{Name: "DR-04 a name that is a number", Want: metadataError, Do: registers(object{"client_name": 7})},
		{Name: "DR-04 a list that is a text", Want: metadataError, Do: registers(object{"contacts": "ada@people.example"})},
		{Name: "DR-04 a list with null", Want: metadataError, Do: registers(object{"contacts": []any{nil}})},
		{Name: "DR-04 a switch that is a text", Want: metadataError, Do: registers(object{"require_auth_time": "true"})},
		{Name: "DR-04 a negative age", Want: metadataError, Do: registers(object{"default_max_age": -1})},
		{Name: "DR-04 half an age", Want: metadataError, Do: registers(object{"default_max_age": 1.5})},
		{Name: "DR-04 redirect_uris that is a text", Want: redirectError, Do: registers(object{"redirect_uris": callback})},
		{Name: "DR-04 no redirect_uris", Want: redirectError, Do: registers(object{"redirect_uris": absent})},
		{Name: "DR-05 loopback without a type is native", Want: saying(`"application_type":"native"`), Do: registers(object{"redirect_uris": []string{"http://localhost:33418/callback"}})},
		{Name: "DR-05 private-use scheme without a type is native", Want: saying(`"application_type":"native"`), Do: registers(object{"redirect_uris": []string{"com.example.app:/callback"}})},
		{Name: "DR-05 native with a claimed address", Want: saying(`"application_type":"native"`), Do: registers(object{"application_type": "native"})},
		{Name: "DR-05 web on loopback", Want: redirectError, Do: registers(object{"application_type": "web", "redirect_uris": []string{"http://127.0.0.1/callback"}})},
		{Name: "DR-05 web on localhost with https", Want: redirectError, Do: registers(object{"application_type": "web", "redirect_uris": []string{"https://localhost/callback"}})},
		{Name: "DR-05 a type that there isn't", Want: metadataError, Do: registers(object{"application_type": "service"})},
		{Name: "DR-06 both jwks and jwks_uri", Want: metadataError, Do: registers(object{"jwks_uri": "https://app.example/jwks"})},
		{Name: "DR-06 a private key", Want: metadataError, Do: registers(object{"jwks": json.RawMessage(strings.Replace(rsaJWKS, `"use"`, `"d":"AQAB","use"`, 1))})},
		{Name: "DR-06 a symmetric key", Want: metadataError, Do: registers(object{"jwks": json.RawMessage(`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`)})},
		{Name: "DR-06 no keys", Want: metadataError, Do: registers(object{"jwks": object{}})},
		{Name: "DR-06 an address that is a text of a set", Want: metadataError, Do: registers(object{"jwks": rsaJWKS})},
		{Name: "DR-07 defaults", Want: saying(`"grant_types":["authorization_code"]`, `"response_types":["code"]`), Do: registers(object{"grant_types": absent, "response_types": absent})},
		{Name: "DR-07 refresh_token is kept", Want: saying(`"grant_types":["authorization_code","refresh_token"]`), Do: registers(object{"grant_types": []string{"authorization_code", "refresh_token"}})},
		{Name: "DR-07 what there isn't is left out", Want: saying(`"grant_types":["authorization_code"]`, `"response_types":["code"]`), WantNot: []string{"implicit", "id_token token"}, Do: registers(object{
			"grant_types": []string{"implicit", "authorization_code"}, "response_types": []string{"id_token token", "code"},
		})},
		{Name: "DR-07 nothing that there is", Want: metadataError, Do: registers(object{"grant_types": []string{"implicit"}})},
		{Name: "DR-07 no response type that there is", Want: metadataError, Do: registers(object{"response_types": []string{"token"}})},
		{Name: "DR-07 code without its grant", Want: metadataError, Do: registers(object{"grant_types": []string{"refresh_token"}})},
		{Name: "DR-07 no client credentials by itself", Want: metadataError, Do: registers(object{"grant_types": []string{"client_credentials"}, "response_types": absent})},
		{Name: "DR-08 more scopes than there may be", Want: saying(`"scope":"openid email"`), Do: registers(object{"scope": "openid admin email phone"})},
		{Name: "DR-08 no scope that there may be", Want: saying(`"scope":"openid profile email offline_access"`), Do: registers(object{"scope": "admin"})},
		{Name: "DR-08 a scope that is none", Want: metadataError, Do: registers(object{"scope": "openid  \"x"})},
		{Name: "DR-11 CORS preflight", Want: Want{Status: 204, Header: map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type,mcp-protocol-version",
		}}, Do: func(w *World) testx.Answer {
			return w.Call(http.MethodOptions, "/oauth/register", nil, testx.Header("Origin", "http://localhost:6274"),
				testx.Header("Access-Control-Request-Method", "POST"), testx.Header("Access-Control-Request-Headers", "content-type,mcp-protocol-version"))
		}},
		{Name: "DR-11 the answer can be read", Want: Want{Status: 201, Header: map[string]string{"Access-Control-Allow-Origin": "*"}}, Do: func(w *World) testx.Answer {
			return w.Call(http.MethodPost, "/oauth/register", nil, testx.JSON(plain.String()), testx.Header("Origin", "http://localhost:6274"))
		}},
		{Name: "OpenID Connect members are kept", Want: saying(
			`"initiate_login_uri":"https://app.example/start"`, `"default_max_age":0`, `"require_auth_time":true`, `"default_acr_values":["1"]`,
			`"userinfo_signed_response_alg":"ES256"`, `"id_token_signed_response_alg":"PS256"`, `"post_logout_redirect_uris":["https://app.example/bye"]`,
			`"backchannel_logout_uri":"https://app.example/back"`, `"backchannel_logout_session_required":true`, `"frontchannel_logout_uri":"https://app.example/front"`,
			`"software_id":"4NRB1"`, `"software_version":"2.0"`, `"policy_uri":"https://app.example/policy"`, `"tos_uri":"https://app.example/terms"`,
			`"logo_uri":"https://logo.invalid/logo.png"`, `"client_uri":"https://app.example/"`,
		), WantNot: []string{"request_uris"}, Do: registers(object{
			"initiate_login_uri": "https://app.example/start", "default_max_age": 0, "require_auth_time": true, "default_acr_values": []string{"1"},
			"userinfo_signed_response_alg": "ES256", "id_token_signed_response_alg": "PS256", "post_logout_redirect_uris": []string{"https://app.example/bye"},
			"backchannel_logout_uri": "https://app.example/back", "backchannel_logout_session_required": true, "frontchannel_logout_uri": "https://app.example/front",
			"software_id": "4NRB1", "software_version": "2.0", "policy_uri": "https://app.example/policy", "tos_uri": "https://app.example/terms",
			"logo_uri": "https://logo.invalid/logo.png", "client_uri": "https://app.example/", "request_uris": []string{"https://app.example/request#x"},
		})},
		{Name: "the second redirect URI of the certification", Want: saying(`?dummy1=lorem\u0026dummy2=ipsum`), Do: registers(object{
			"redirect_uris": []string{callback, callback + "?dummy1=lorem&dummy2=ipsum"},
		})},
		{Name: "initiate_login_uri is https", Want: metadataError, Do: registers(object{"initiate_login_uri": "http://localhost/start"})},
		{Name: "an ID token is signed", Want: metadataError, Do: registers(object{"id_token_signed_response_alg": "none"})},
		{Name: "an ID token isn't signed with the secret", Want: metadataError, Do: registers(object{"id_token_signed_response_alg": "HS256"})},
		{Name: "a request object is signed", Want: metadataError, Do: registers(object{"request_object_signing_alg": "none"})},
		{Name: "an encryption without its key's algorithm", Want: metadataError, Do: registers(object{"id_token_encrypted_response_enc": "A128GCM"})},
		{Name: "pairwise with two hosts and no sector", Want: metadataError, Do: registers(object{
			"subject_type": "pairwise", "redirect_uris": []string{callback, "https://other.example/callback"},
		})},
		{Name: "pairwise on the user's machine, which is no sector", Want: metadataError, Do: registers(object{
			"subject_type": "pairwise", "redirect_uris": []string{"http://127.0.0.1/callback"},
		})},
		{Name: "pairwise with a private-use scheme, which has no host", Want: metadataError, Do: registers(object{
			"subject_type": "pairwise", "redirect_uris": []string{"com.example.app:/callback"},
		})},
		{Name: "pairwise with one host", Want: saying(`"subject_type":"pairwise"`), Do: registers(object{"subject_type": "pairwise"})},
	}, withRegistration(registration.Open), unlimited)
}

// unlimited keeps the stories of one address from running into its limit.
var unlimited = testx.WithConfig(func(c *config.Config) { c.Registration.OpenBurst = 10000 })

// What a request must not be able to do.
func TestRegistrationAttacks(t *testing.T) {
	t.Parallel()
	metadataError, redirectError := jsonError(400, oauth.InvalidClientMetadata), jsonError(400, oauth.InvalidRedirectURI)
	huge := slices.Repeat([]string{"https://app.example/callback"}, 101)
	scenarios := []Scenario{
		{Name: "mass assignment", Rule: "access: mass assignment", Want: created, WantNot: []string{"client_of_mine", "secret_of_mine", "token_of_mine"}, Do: func(w *World) testx.Answer {
			answer := w.enroll("", plain.with(object{
				"consent": "skip", "registered_by": "administrator", "protected_resources": []string{resource}, "resources": []string{resource},
				"client_id": "client_of_mine", "client_secret": "secret_of_mine", "security_profile": "oidc-legacy", "pkce": "optional", "state": "active",
				"registration_access_token": "token_of_mine", "access_token_format": "opaque", "refresh_token_rotation": "static", "assertion_audience": "issuer_or_endpoint",
				"access_token_lifetime": 1 << 30, "id": "00000000-0000-0000-0000-000000000000", "response_modes": []string{"fragment"},
				"RegisteredBy": "administrator", "SecurityProfile": "oidc-legacy", "ProtectedResources": []string{resource}, "ClientID": "client_of_mine",
			}))
			made := w.asClient(answer)
			if made.RegisteredBy != client.ByClient || made.Consent != client.ConsentRemember || len(made.ProtectedResources)+len(made.Resources) > 0 ||
				made.SecurityProfile != client.ProfileOAuth21 || made.PKCE != client.PKCERequired || made.AccessTokenFormat != client.FormatJWT || made.AccessTokenLifetime != 0 ||
				made.AssertionAudience != client.AudienceIssuer || len(made.ResponseModes) != len(oauth.ResponseModes()) {
				w.T.Errorf("the request wrote %+v", made.Metadata)
			}
			return answer
		}},
		{Name: "names in other cases are other members", Want: redirectError, Do: func(w *World) testx.Answer {
			return w.enroll("", object{"Redirect_URIs": []string{callback}})
		}},
		{Name: "names that differ by case only", Want: metadataError, Do: func(w *World) testx.Answer {
			return w.enrollText("", `{"redirect_uris":["https://app.example/a"],"Redirect_URIs":["https://evil.example/a"]}`)
		}},
		{Name: "huge list", Want: redirectError, Do: registers(object{"redirect_uris": huge})},
		{Name: "huge list of contacts", Want: metadataError, Do: registers(object{"contacts": slices.Repeat([]string{"a"}, 5000)})},
		{Name: "huge body", Want: jsonError(400, oauth.InvalidRequest), Do: registers(object{"x": strings.Repeat("x", 65<<10)})},
		{Name: "deep JSON", Want: metadataError, Do: func(w *World) testx.Answer {
			return w.enrollText("", `{"x":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`)
		}},
		{Name: "not UTF-8", Want: metadataError, Do: func(w *World) testx.Answer { return w.enrollText("", "{\"client_name\":\"\xff\"}") }},
		{Name: "a name with control characters", Want: metadataError, Do: registers(object{"client_name": "Bank\u2028of"})},
		{Name: "a name that is too long", Want: metadataError, Do: registers(object{"client_name": strings.Repeat("n", 201)})},
		{Name: "markup in the name stays a text", Want: Want{Status: 200, Body: []string{"&lt;script&gt;"}}, WantNot: []string{"<script>alert"}, Do: func(w *World) testx.Answer {
			made := w.asClient(w.enrolled("", plain.with(object{"client_name": "<script>alert(1)</script>"})))
			browser := w.Browser()
			return browser.SignIn(browser.Open(w.AuthorizeURL(w.Request(made))), w.Ada)
		}},
		{Name: "no secret in the record", Want: Want{Status: 200}, WantNot: []string{`client_secret"`}, Do: func(w *World) testx.Answer {
			answer := w.enrolled("", plain)
			return w.Get(answer.Text("registration_client_uri"), testx.Bearer(answer.Text("registration_access_token")))
		}},
		{Name: "a token in the query", Want: Want{Status: 401}, Do: func(w *World) testx.Answer {
			answer := w.enrolled("", plain)
			return w.Get(answer.Text("registration_client_uri") + "?access_token=" + answer.Text("registration_access_token"))
		}},
	}
	for _, member := range []string{"logo_uri", "policy_uri", "tos_uri", "client_uri"} {
		for _, uri := range []string{"javascript:alert(1)", "data:text/html,x", "http://app.example/x", "//app.example", "https://user@app.example/", "https:///x", "https://app.example/\nx"} {
			scenarios = append(scenarios, Scenario{Name: member + " " + slug(uri), Want: metadataError, Do: registers(object{member: uri})})
		}
	}
	for _, member := range []string{"logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"} {
		scenarios = append(scenarios, Scenario{Name: "DR-10 on the user's machine: " + member, Want: metadataError, Do: registers(object{member: "http://127.0.0.1/x"})})
	}
	for member, rule := range map[string]string{
		"jwks_uri": "egress: jwks_uri", "sector_identifier_uri": "egress: sector_identifier_uri", "backchannel_logout_uri": "egress: back-channel logout",
	} {
		for _, uri := range []string{"https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.1/x", "https://169.254.169.254/latest/meta-data", "https://[::1]/x", "https://[::ffff:10.0.0.1]/x", "http://127.0.0.1/x", "file:///etc/passwd", "https://app.example:22/"} {
			scenarios = append(scenarios, Scenario{Name: "server-side request by " + member + " " + slug(uri), Rule: rule, Want: metadataError, Do: registers(object{member: uri, "jwks": absent})})
		}
	}
	for _, uri := range []string{
		"javascript:alert(1)", "data:text/html,x", "http://app.example/callback", "https://app.example/callback#x", "https://user@app.example/callback", "https://*.example/callback",
		"https://app.example/../x", "https://app.example\\@evil.example/", "myapp:/callback", "https://app.example/?code=x", "", "callback",
	} {
		scenarios = append(scenarios, Scenario{Name: "redirect_uris " + slug(uri), Rule: "redirect: registration", Want: redirectError, Do: registers(object{"redirect_uris": []string{uri}})})
	}
	play(t, scenarios, withRegistration(registration.Open), unlimited)
}

func slug(text string) string { return strings.NewReplacer("/", "∕", "\n", "∙").Replace(text) }

func TestInitialAccessTokens(t *testing.T) {
	t.Parallel()
	legacy := registration.Policy{SecurityProfile: client.ProfileOpenIDLegacy, Scopes: oauth.ScopeSet{"openid", "email"}, DefaultScopes: oauth.ScopeSet{"openid"}}
	refused := Want{Status: 401, Error: oauth.InvalidToken, Header: map[string]string{"WWW-Authenticate": `Bearer realm="authly", error="invalid_token"`}}
	play(t, []Scenario{
		{Name: "without a token", Want: Want{Status: 401, Error: oauth.InvalidToken, Header: map[string]string{"WWW-Authenticate": "Bearer"}}, Do: func(w *World) testx.Answer {
			answer := w.enroll("", plain)
			if answer.Body != "" {
				return answer
			}
			answer.JSON = map[string]any{"error": "invalid_token"} // a bare challenge is as good
			return answer
		}},
		{Name: "with another scheme", Want: Want{Status: 401}, Do: func(w *World) testx.Answer {
			return w.Call(http.MethodPost, "/oauth/register", nil, testx.JSON(plain.String()), testx.As(w.App))
		}},
		{Name: "with a token that there isn't", Want: refused, Do: func(w *World) testx.Answer { return w.enroll("there-is-no-such-token", plain) }},
		{Name: "with an access token", Want: refused, Do: func(w *World) testx.Answer { return w.enroll(w.Tokens(w.App, w.Ada).Text("access_token"), plain) }},
		{Name: "with a registration access token", Want: refused, Do: func(w *World) testx.Answer {
			answer := w.enrolled(w.permit(registration.NewInitialToken{}), plain)
			return w.enroll(answer.Text("registration_access_token"), plain)
		}},
		{Name: "with a token", Want: created, Do: func(w *World) testx.Answer { return w.enroll(w.permit(registration.NewInitialToken{}), plain) }},
		{Name: "as often as it says", Want: refused, Do: func(w *World) testx.Answer {
			token := w.permit(registration.NewInitialToken{Uses: 2})
			w.enrolled(token, plain)
			w.enrolled(token, plain)
			return w.enroll(token, plain)
		}},
		{Name: "a refused request uses nothing", Want: created, Do: func(w *World) testx.Answer {
			token := w.permit(registration.NewInitialToken{Uses: 1})
			w.enroll(token, plain.with(object{"redirect_uris": absent}))
			return w.enroll(token, plain)
		}},
		{Name: "expired", Want: refused, Do: func(w *World) testx.Answer {
			token := w.permit(registration.NewInitialToken{Lifetime: time.Minute})
			w.enrolled(token, plain)
			w.Clock.Advance(time.Minute)
			return w.enroll(token, plain)
		}},
		{Name: "revoked", Want: refused, Do: func(w *World) testx.Answer {
			made, err := w.InitialTokens.Create(w.T.Context(), registration.NewInitialToken{Name: "x", Uses: registration.Unlimited}, operator())
			if err != nil {
				w.T.Fatal(err)
			}
			w.enrolled(made.Token.Reveal(), plain)
			if _, err := w.InitialTokens.Revoke(w.T.Context(), made.ID, operator()); err != nil {
				w.T.Fatal(err)
			}
			return w.enroll(made.Token.Reveal(), plain)
		}},
		{Name: "the policy's scopes by default", Want: saying(`"scope":"openid"`), Do: func(w *World) testx.Answer {
			return w.enroll(w.permit(registration.NewInitialToken{Policy: legacy}), plain)
		}},
		{Name: "no more than the policy's scopes", Want: saying(`"scope":"email"`), Do: func(w *World) testx.Answer {
			return w.enroll(w.permit(registration.NewInitialToken{Policy: legacy}), plain.with(object{"scope": "email profile"}))
		}},
		{Name: "a method that the policy has not", Want: jsonError(400, oauth.InvalidClientMetadata), Do: func(w *World) testx.Answer {
			policy := registration.Policy{AuthenticationMethods: []oauth.AuthenticationMethod{oauth.ClientSecretPost}}
			return w.enroll(w.permit(registration.NewInitialToken{Policy: policy}), plain.with(object{"token_endpoint_auth_method": "none"}))
		}},
		{Name: "the method that the policy has", Want: saying(`"token_endpoint_auth_method":"client_secret_post"`), Do: func(w *World) testx.Answer {
			policy := registration.Policy{AuthenticationMethods: []oauth.AuthenticationMethod{oauth.ClientSecretPost}}
			return w.enroll(w.permit(registration.NewInitialToken{Policy: policy}), plain)
		}},
		{Name: "client credentials, if the policy says so", Want: Want{Status: 200}, Do: func(w *World) testx.Answer {
			policy := registration.Policy{GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Resources: []string{resource}}
			answer := w.enrolled(w.permit(registration.NewInitialToken{Policy: policy}), object{"client_name": "Machine", "grant_types": []string{"client_credentials"}})
			if len(answer.JSON["response_types"].([]any)) != 0 {
				w.T.Errorf("response_types %v", answer.JSON["response_types"])
			}
			return w.Token(w.asClient(answer), url.Values{"grant_type": {"client_credentials"}, "resource": {resource}})
		}},
		{Name: "oidc-legacy needs no challenge and no nonce", Want: Want{Status: 200, Body: []string{"id_token"}}, Do: func(w *World) testx.Answer {
			made := w.asClient(w.enrolled(w.permit(registration.NewInitialToken{Policy: legacy}), plain))
			request := w.Request(made, set("code_challenge"), set("code_challenge_method"), set("nonce"), set("scope", "openid"))
			request.Verifier = ""
			browser := w.Browser()
			response := browser.Through(browser.Open(w.AuthorizeURL(request)), w.Ada)
			return w.Token(made, url.Values{"grant_type": {"authorization_code"}, "code": {response.Query().Get("code")}, "redirect_uri": {callback}})
		}},
		{Name: "consent is asked for", Want: Want{Status: 200, Body: []string{"consent-form"}}, Do: func(w *World) testx.Answer {
			made := w.asClient(w.enrolled(w.permit(registration.NewInitialToken{}), plain))
			browser := w.Browser()
			return browser.SignIn(browser.Open(w.AuthorizeURL(w.Request(made))), w.Ada)
		}},
		{Name: "the endpoint is in the metadata", Want: Want{Status: 200, Body: []string{`/oauth/register"`}}, Do: func(w *World) testx.Answer {
			answer := w.Get("/.well-known/openid-configuration")
			if answer.Text("registration_endpoint") != w.Issuer+"/oauth/register" {
				w.T.Errorf("registration_endpoint %q", answer.Text("registration_endpoint"))
			}
			return answer
		}},
	}, withRegistration(registration.InitialAccessToken))
}

// DR-08: in open mode one address does not fill the database.
func TestRegistrationFlood(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{Name: "DR-08 limited by address, and again after a while", Rule: "bounds: a flood of registrations", Want: created, Do: func(w *World) testx.Answer {
			for range 20 {
				w.enrolled("", plain)
			}
			if answer := w.enroll(w.permit(registration.NewInitialToken{}), plain); answer.Status != http.StatusCreated {
				w.T.Errorf("an initial access token is limited too: %d", answer.Status)
			}
			Want{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "5"}}.check(w.T, w.enroll("", plain))
			w.Clock.Advance(2 * time.Minute)
			return w.enroll("", plain)
		}},
	}, withRegistration(registration.Open))
}
