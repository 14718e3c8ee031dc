package http_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/testx"
	"authly/internal/user"
)

// kind is the JSON type of a metadata member.
type kind string

const (
	aURL   kind = "URL"
	aFlag  kind = "flag"
	aList  kind = "list"
	aPlace kind = "URL of the issuer"
)

// registered are the members of the IANA registry "OAuth Authorization Server
// Metadata" that this server can have, with the types that their specifications give them.
func registered() map[string]kind {
	members := map[string]kind{"issuer": aURL, "service_documentation": aURL, "op_policy_uri": aURL, "op_tos_uri": aURL}
	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "registration_endpoint", "revocation_endpoint",
		"introspection_endpoint", "end_session_endpoint", "check_session_iframe",
	} {
		members[name] = aPlace
	}
	for _, name := range []string{
		"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration",
		"authorization_response_iss_parameter_supported", "backchannel_logout_supported", "backchannel_logout_session_supported",
		"frontchannel_logout_supported", "frontchannel_logout_session_supported",
	} {
		members[name] = aFlag
	}
	for _, name := range []string{
		"scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported", "code_challenge_methods_supported",
		"token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
		"revocation_endpoint_auth_methods_supported", "revocation_endpoint_auth_signing_alg_values_supported",
		"introspection_endpoint_auth_methods_supported", "introspection_endpoint_auth_signing_alg_values_supported",
		"claims_supported", "claim_types_supported", "subject_types_supported", "acr_values_supported", "display_values_supported",
		"prompt_values_supported", "ui_locales_supported", "id_token_signing_alg_values_supported", "id_token_encryption_alg_values_supported",
		"id_token_encryption_enc_values_supported", "userinfo_signing_alg_values_supported", "userinfo_encryption_alg_values_supported",
		"userinfo_encryption_enc_values_supported", "authorization_signing_alg_values_supported", "request_object_signing_alg_values_supported",
	} {
		members[name] = aList
	}
	return members
}

// everything turns on what is off by default.
func everything(c *config.Config) {
	c.Requests.RequestURI, c.Registration.Mode, c.Logout.SessionManagement = true, "open", true
}

// DI-06 and certification of metadata: names that the registry has, types as
// specified, nothing empty.
func TestMetadataIsWellFormed(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: names and types")
	for name, options := range map[string][]testx.Option{"by default": nil, "with everything on": {testx.WithConfig(everything)}} {
		w := newWorld(t, db.SQLite, options...)
		var told map[string]any
		must(t, json.Unmarshal([]byte(w.Get("/.well-known/openid-configuration").Body), &told))
		for member, value := range told {
			fits := false
			switch expected, known := registered()[member]; {
			case !known:
				t.Errorf("%s: %s is not in the registry", name, member)
				continue
			case expected == aFlag:
				_, fits = value.(bool)
			case expected == aList:
				list, ok := value.([]any)
				fits = ok && len(list) > 0 && !slices.ContainsFunc(list, func(entry any) bool { text, ok := entry.(string); return !ok || text == "" })
			default:
				text, ok := value.(string)
				fits = ok && (expected == aURL || strings.HasPrefix(text, w.Issuer+"/"))
			}
			if !fits {
				t.Errorf("%s: %s is %v", name, member, value)
			}
		}
		for _, always := range []string{ // a missing one would mean something else
			"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported", "response_modes_supported",
			"grant_types_supported", "token_endpoint_auth_methods_supported", "code_challenge_methods_supported", "request_object_signing_alg_values_supported",
		} {
			if told[always] == nil {
				t.Errorf("%s: %s is missing", name, always)
			}
		}
	}
}

func listed(t *testing.T, w *World, member string) []string {
	t.Helper()
	var told map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(w.Get("/.well-known/openid-configuration").Body), &told))
	var values []string
	must(t, json.Unmarshal(told[member], &values))
	return values
}

// Each advertised algorithm works where it is advertised, and each other one of the
// JOSE registry is refused when a client asks for it.
func TestMetadataTruthOfAlgorithms(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: algorithms", "trap-3 RS256 always")
	w := newWorld(t, db.SQLite)
	others := []string{"none", "HS256", "HS384", "HS512", "RS384", "RS512", "PS384", "ES384", "ES512", "ES256K"}
	register := func(change func(*client.Metadata)) error {
		m := client.Metadata{Name: "x", RedirectURIs: []string{callback}, JWKS: publicKeys(t)}
		change(&m)
		_, err := w.Clients.Register(t.Context(), m)
		return err
	}
	for member, test := range map[string]struct {
		set func(m *client.Metadata, algorithm jose.Algorithm)
		use func(known testx.Client, algorithm jose.Algorithm) string // the algorithm that was used
	}{
		"id_token_signing_alg_values_supported": {
			func(m *client.Metadata, algorithm jose.Algorithm) { m.IDTokenAlgorithm = algorithm },
			func(known testx.Client, _ jose.Algorithm) string {
				return algorithmOf(t, w.Tokens(known, w.Ada).Text("id_token"))
			},
		},
		"userinfo_signing_alg_values_supported": {
			func(m *client.Metadata, algorithm jose.Algorithm) { m.UserInfoAlgorithm = algorithm },
			func(known testx.Client, _ jose.Algorithm) string {
				return algorithmOf(t, w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(known, w.Ada).Text("access_token"))).Body)
			},
		},
		"authorization_signing_alg_values_supported": {
			func(m *client.Metadata, algorithm jose.Algorithm) { m.ResponseAlgorithm = algorithm },
			func(known testx.Client, _ jose.Algorithm) string {
				browser := w.Browser()
				answer := browser.Through(browser.Open(w.AuthorizeURL(w.Request(known, set("response_mode", "jwt")))), w.Ada)
				return algorithmOf(t, answer.Query().Get("response"))
			},
		},
		"token_endpoint_auth_signing_alg_values_supported": {
			func(m *client.Metadata, algorithm jose.Algorithm) { m.AuthenticationAlgorithm = algorithm },
			func(_ testx.Client, algorithm jose.Algorithm) string {
				known := w.Keyed(algorithm, func(m *client.Metadata) { m.AuthenticationAlgorithm = algorithm })
				if got := w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil)))); got.Status != http.StatusOK {
					return got.Body
				}
				return string(algorithm)
			},
		},
		"request_object_signing_alg_values_supported": {
			func(m *client.Metadata, algorithm jose.Algorithm) { m.RequestObjectAlgorithm = algorithm },
			func(_ testx.Client, algorithm jose.Algorithm) string {
				known, browser := w.Keyed(algorithm, func(m *client.Metadata) { m.RequestObjectAlgorithm = algorithm }), w.Browser()
				answer := browser.Through(w.open(browser, outside(known, set("request", w.object(known, w.Request(known.Client), nil)))), w.Ada)
				if answer.Query().Get("code") == "" {
					return answer.Query().Get("error")
				}
				return string(algorithm)
			},
		},
	} {
		told := listed(t, w, member)
		if !slices.Contains(told, "RS256") {
			t.Errorf("%s: RS256 is missing", member)
		}
		for _, algorithm := range told {
			known := w.Confidential(callback, func(m *client.Metadata) {
				m.JWKS = publicKeys(t)
				test.set(m, jose.Algorithm(algorithm))
			})
			if got := test.use(known, jose.Algorithm(algorithm)); got != algorithm {
				t.Errorf("%s: %s gives %s", member, algorithm, got)
			}
		}
		for _, algorithm := range others {
			if slices.Contains(told, algorithm) || fault.KindOf(register(func(m *client.Metadata) { test.set(m, jose.Algorithm(algorithm)) })) != fault.Invalid {
				t.Errorf("%s: %s is advertised, or can be registered", member, algorithm)
			}
		}
	}
}

func publicKeys(t *testing.T) json.RawMessage {
	t.Helper()
	document, err := jose.JWKS([]jose.VerificationKey{newSigningKey(t, jose.RS256).Verification(), newSigningKey(t, jose.ES256).Verification()})
	must(t, err)
	return document
}

func algorithmOf(t *testing.T, token string) string {
	t.Helper()
	header, _ := jwt(t, token)
	algorithm, _ := header["alg"].(string)
	return algorithm
}

func TestMetadataTruthOfEncryption(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: encryption")
	w := newWorld(t, db.SQLite)
	keys := map[string]jose.SigningKey{"RSA": newSigningKey(t, jose.RS256), "EC": newSigningKey(t, jose.ES256)}
	var published []json.RawMessage
	for _, key := range keys {
		encoded, err := gojose.JSONWebKey{Key: key.Signer.Public(), KeyID: key.KeyID, Use: "enc"}.MarshalJSON()
		must(t, err)
		published = append(published, encoded)
	}
	document, err := json.Marshal(map[string]any{"keys": published})
	must(t, err)
	for _, algorithm := range listed(t, w, "id_token_encryption_alg_values_supported") {
		for _, content := range listed(t, w, "id_token_encryption_enc_values_supported") {
			how := client.Encryption{Algorithm: jose.KeyAlgorithm(algorithm), Content: jose.ContentEncryption(content)}
			known := w.Confidential(callback, func(m *client.Metadata) {
				m.JWKS, m.IDTokenEncryptionAlgorithm, m.IDTokenEncryptionContent = document, how.Algorithm, how.Content
			})
			token := w.Tokens(known, w.Ada).Text("id_token")
			parsed, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(algorithm)}, []gojose.ContentEncryption{gojose.ContentEncryption(content)})
			if err != nil {
				t.Errorf("%s, %s: %v", algorithm, content, err)
				continue
			}
			private := keys["EC"]
			if strings.HasPrefix(algorithm, "RSA") {
				private = keys["RSA"]
			}
			if payload, err := parsed.Decrypt(private.Signer); err != nil || algorithmOf(t, string(payload)) != "RS256" {
				t.Errorf("%s, %s: %v", algorithm, content, err)
			}
		}
	}
	for _, algorithm := range []jose.KeyAlgorithm{"RSA1_5", "dir", "A128KW", "A256GCMKW", "PBES2-HS256+A128KW", "ECDH-ES+A192KW"} {
		_, err := w.Clients.Register(t.Context(), client.Metadata{
			Name: "x", RedirectURIs: []string{callback}, JWKS: document, IDTokenEncryptionAlgorithm: algorithm,
		})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s can be registered: %v", algorithm, err)
		}
	}
}

// Every advertised claim, asked for by name, is returned to a client that a person
// with a value for every claim allowed it; no other one is.
func TestMetadataTruthOfClaims(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: claims")
	w := newWorld(t, db.SQLite)
	verified := true
	password := "correct horse " + secret.New().Reveal()[:16]
	made, err := w.Users.Create(t.Context(), user.New{
		Username: "everything", Email: "everything@people.example", EmailVerified: true, Password: secret.FromString(password),
		Claims: oidc.StandardClaims{
			Name: "A B C", GivenName: "A", MiddleName: "B", FamilyName: "C", Nickname: "abc", Profile: "https://example.com/a", Picture: "https://example.com/a.png",
			Website: "https://a.example", Gender: "female", Birthdate: "1990-04-01", ZoneInfo: "Europe/Paris", Locale: "en-GB",
			PhoneNumber: "+33199001234", PhoneNumberVerified: &verified, Address: &oidc.Address{Country: "France"},
		},
	})
	must(t, err)
	person := testx.Person{User: made, Password: password}
	requests := map[string]any{}
	for _, claim := range listed(t, w, "claims_supported") {
		requests[claim] = nil
	}
	requests["unheard_of"] = nil
	encoded, err := json.Marshal(map[string]any{"userinfo": requests, "id_token": requests})
	must(t, err)
	tokens := w.Tokens(w.App, person, set("scope", "openid"), set("claims", string(encoded)))
	_, inToken := jwt(t, tokens.Text("id_token"))
	info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))).JSON
	for claim := range requests {
		_, told := inToken[claim]
		if told != (claim != "unheard_of") {
			t.Errorf("ID token: %s is there: %t", claim, told)
		}
	}
	about := oidc.ClaimNames(oauth.ScopeSet{"openid", "profile", "email", "address", "phone"})
	slices.Sort(about)
	if got := slices.Sorted(maps.Keys(info)); !slices.Equal(got, about) {
		t.Errorf("UserInfo: %v", got)
	}
}

// What is listed about requests works.
func TestMetadataTruthOfRequests(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: requests")
	w := newWorld(t, db.SQLite)
	browser := w.SignedIn()
	for member, change := range map[string]func(value string) url.Values{
		"response_types_supported": func(value string) url.Values { return set("response_type", value) },
		"response_modes_supported": func(value string) url.Values { return set("response_mode", value) },
		"display_values_supported": func(value string) url.Values { return set("display", value) },
		"acr_values_supported":     func(value string) url.Values { return set("acr_values", value) },
	} {
		for _, value := range listed(t, w, member) {
			answer := browser.Open(w.AuthorizeURL(w.Request(w.App, change(value))))
			if got := answer.Response(); got.Get("code") == "" && got.Get("response") == "" {
				t.Errorf("%s: %s gives %v", member, value, got)
			}
		}
	}
	// Each listed prompt shows its page, and the one that only leads to a sign-in is not listed.
	pages := map[string]string{"none": "", "login": "login-form", "consent": "consent-form", "select_account": "select-account-form"}
	told := listed(t, w, "prompt_values_supported")
	for _, value := range told {
		answer := browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", value))))
		if want, known := pages[value]; !known || answer.Form().ID != want || (answer.Query().Get("code") != "") != (value == "none") {
			t.Errorf("prompt=%s shows %q: %d", value, answer.Form().ID, answer.Status)
		}
	}
	if len(told) != len(pages) {
		t.Errorf("the listed prompts are %v", told)
	}
	for _, class := range listed(t, w, "acr_values_supported") {
		tokens := w.Tokens(w.App, w.Ada, set("claims", `{"id_token":{"acr":{"essential":true,"value":"`+class+`"}}}`))
		if _, claims := jwt(t, tokens.Text("id_token")); claims["acr"] != class {
			t.Errorf("acr %s was asked for, got %v", class, claims["acr"])
		}
	}
	for _, subjectType := range listed(t, w, "subject_types_supported") {
		known := w.Confidential(callback, func(m *client.Metadata) { m.SubjectType = client.SubjectType(subjectType) })
		_, claims := jwt(t, w.Tokens(known, w.Ada).Text("id_token"))
		if isPublic := claims["sub"] == w.Ada.Subject(); isPublic != (subjectType == "public") {
			t.Errorf("%s: sub %v", subjectType, claims["sub"])
		}
	}
}

// What is off is neither mounted nor in the metadata. Every member that turning everything
// on adds or changes is looked at, so that a new one can't be forgotten here.
func TestMetadataTruthOfWhatIsOff(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: what is off")
	off, on := newWorld(t, db.SQLite), newWorld(t, db.SQLite, testx.WithConfig(everything))
	var before, after map[string]any
	must(t, json.Unmarshal([]byte(strings.ReplaceAll(off.Get("/.well-known/openid-configuration").Body, off.Issuer, on.Issuer)), &before))
	must(t, json.Unmarshal([]byte(on.Get("/.well-known/openid-configuration").Body), &after))
	var changed []string
	for member, value := range after {
		told, wasTold := before[member]
		if reflect.DeepEqual(told, value) {
			continue
		}
		changed = append(changed, member)
		address, isText := value.(string)
		if !isText {
			if wasTold && told != false || value != true { // a switch that is absent is off
				t.Errorf("%s is %v by default and %v when it is on", member, told, value)
			}
			continue
		}
		path, isOurs := strings.CutPrefix(address, on.Issuer)
		if wasTold || !isOurs {
			t.Errorf("%s is %v by default and %v when it is on", member, told, value)
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if status := off.Call(method, path, nil).Status; status != http.StatusNotFound {
				t.Errorf("%s is off and answers %s with %d", member, method, status)
			}
			if status := on.Call(method, path, nil).Status; status == http.StatusNotFound {
				t.Errorf("%s is on and answers %s with %d", member, method, status)
			}
		}
	}
	for member := range before {
		if _, stillThere := after[member]; !stillThere {
			t.Errorf("%s is there by default and not when everything is on", member)
		}
	}
	slices.Sort(changed)
	if want := []string{"check_session_iframe", "registration_endpoint", "request_uri_parameter_supported", "require_request_uri_registration"}; !slices.Equal(changed, want) {
		t.Errorf("turning everything on changes %v, want %v", changed, want)
	}
	// What is told to be off is refused, not passed over.
	answer := off.Authorize(off.SignedIn(), set("request_uri", "https://app.example/object"), set("prompt", "none"))
	if got := answer.Query().Get("error"); got != string(oauth.RequestURINotSupported) {
		t.Errorf("request_uri is off and answered with %q: %d", got, answer.Status)
	}
	if page := off.Authorize(off.SignedIn()); page.Query().Has("session_state") {
		t.Errorf("session management is off and the response has a session_state: %s", page.Header.Get("Location"))
	}
}
