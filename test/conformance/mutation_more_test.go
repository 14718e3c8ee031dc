package conformance_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// refusing is a server that answers some authorization requests with an error page.
func refusing(is func(parameters url.Values) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		refused := r.URL.Path == authorizing && r.URL.Query().Has("client_id") && is(r.URL.Query())
		if refused {
			http.Error(w, "refused", http.StatusBadRequest)
		}
		return refused
	}
}

func has(name string) func(url.Values) bool {
	return func(parameters url.Values) bool { return parameters.Has(name) }
}

// formOf reads the body of a request, which can be read again afterwards.
func formOf(r *http.Request) url.Values {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	return form
}

// refusingForms is a server that answers some token requests with an error.
func refusingForms(is func(form url.Values) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		refused := r.URL.Path == exchanging && is(formOf(r))
		if refused {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
		}
		return refused
	}
}

// rewriting changes a text in the body of requests to a path.
func rewriting(path, from, to string) func(*http.Request) {
	return func(r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, path) || r.Body == nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		body = bytes.ReplaceAll(body, []byte(from), []byte(to))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
}

// refusingRegistrations is a server that doesn't take a text in a registration.
func refusingRegistrations(text string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != registering || r.Method != http.MethodPost {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		refused := bytes.Contains(body, []byte(text))
		if refused {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_client_metadata"}`)
		}
		return refused
	}
}

// missingMutants lack a member of the metadata, or have a relative address in it.
func missingMutants() []mutant {
	made := []mutant{
		{name: "an issuer without TLS", response: set(openIDDocument, "issuer", "http://id.example"), fails: []string{"discovery-3-https"}},
		{name: "a relative end_session_endpoint", response: set(openIDDocument, "end_session_endpoint", "/logout"), fails: []string{"logout-2.1-endpoint"}},
		{name: "everything well-known is there", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "unheard-of") {
				w.WriteHeader(http.StatusOK)
			}
			return strings.HasSuffix(r.URL.Path, "unheard-of")
		}, fails: []string{"rfc8414-3-unknown-paths"}},
	}
	for _, name := range []string{
		"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported",
		"id_token_signing_alg_values_supported",
	} {
		made = append(made, mutant{name: name + " is missing", response: set(openIDDocument, name, nil), fails: []string{"discovery-3-" + name, "discovery-3-type-" + name}})
	}
	for _, name := range []string{"authorization_endpoint", "userinfo_endpoint", "jwks_uri"} {
		made = append(made, mutant{name: name + " is relative", response: set(openIDDocument, name, "/x"), fails: []string{"discovery-3-absolute-" + name}})
	}
	return made
}

// strictMutants refuse what a server has to put up with.
func strictMutants() []mutant {
	refuses := func(name string, is func(parameters url.Values) bool, fails ...string) mutant {
		return mutant{name: "refuses " + name, answer: refusing(is), fails: fails}
	}
	return []mutant{
		refuses("login_hint", has("login_hint"), "core-3.1.2.1-login-hint"),
		refuses("ui_locales", has("ui_locales"), "core-3.1.2.1-ui-locales"),
		refuses("claims_locales", has("claims_locales"), "core-3.1.2.1-claims-locales"),
		refuses("display", has("display"), "core-3.1.2.1-display-page", "core-3.1.2.1-display-popup"),
		refuses("id_token_hint", has("id_token_hint"), "core-3.1.2.2-id-token-hint", "core-3.1.2.2-old-hint"),
		refuses("what is empty", func(parameters url.Values) bool { return parameters.Has("prompt") && parameters.Get("prompt") == "" }, "rfc6749-3.1-empty"),
		refuses("select_account", func(parameters url.Values) bool { return parameters.Get("prompt") == "select_account" }, "core-3.1.2.1-select-account"),
		refuses("openid in second place", func(parameters url.Values) bool { return !strings.HasPrefix(parameters.Get("scope"), "openid") }, "core-3.1.2.1-order"),
		refuses("requests without a nonce", func(parameters url.Values) bool { return !parameters.Has("nonce") }, "core-3.1.2.1-no-pkce-no-nonce"),
		refuses("claims that it does not know", func(parameters url.Values) bool { return strings.Contains(parameters.Get("claims"), "urn:example") }, "core-5.5-odd", "core-5.5.1-voluntary-acr"),
		refuses("the scope profile", func(parameters url.Values) bool { return strings.Contains(parameters.Get("scope"), "profile") }, "rfc7591-2-default-scopes"),
		refuses("loopback addresses", func(parameters url.Values) bool { return strings.Contains(parameters.Get("redirect_uri"), "127.0.0.1") }, "oauth21-4.1-public"),
		refuses("loopback addresses with a port", func(parameters url.Values) bool {
			return strings.Contains(parameters.Get("redirect_uri"), "127.0.0.1:")
		}, "rfc8252-7.3-port", "rfc8252-8.4-native"),
		{name: "refuses another order of parameters", answer: func(w http.ResponseWriter, r *http.Request) bool {
			refused := r.URL.Path == authorizing && strings.HasPrefix(r.URL.RawQuery, "state=")
			if refused {
				http.Error(w, "refused", http.StatusBadRequest)
			}
			return refused
		}, fails: []string{"core-3.1.2.1-parameter-order"}},
		{name: "has one error for everything", response: redirecting(func(parameters url.Values) { parameters.Set("error", "invalid_request") }), fails: []string{
			"core-3.1.2.1-prompts", "rfc8707-2-unknown", "core-3.1.2.1-none-nobody", "rfc6749-4.1.2.1-denied",
		}},
		{name: "refuses secrets in the body", answer: refusingForms(has("client_secret")), fails: []string{"core-9-post"}},
		{name: "refuses assertions", answer: refusingForms(has("client_assertion")), fails: []string{"core-9-private-key-jwt", "registration-2-jwks-uri"}},
		{name: "refuses unknown parameters at the token endpoint", answer: refusingForms(has("extra")), fails: []string{"oauth21-3.2-unknown"}},
		{name: "refuses keys beside a secret", answer: refusingRegistrations(`"jwks"`), fails: []string{"registration-2-keys-and-secret"}},
		{name: "refuses unknown members", answer: refusingRegistrations("unheard-of"), fails: []string{"rfc7591-2-unknown"}},
		{name: "refuses native clients", answer: refusingRegistrations("127.0.0.1"), warns: []string{"registration-2-native"}},
		{name: "refuses tokens in the body", answer: func(w http.ResponseWriter, r *http.Request) bool {
			refused := r.URL.Path == informing && formOf(r).Has("access_token")
			if refused {
				w.WriteHeader(http.StatusUnauthorized)
			}
			return refused
		}, warns: []string{"rfc6750-2.2-body"}},
	}
}

// carelessMutants believe, lose or mix up something.
func (m *mutated) carelessMutants() []mutant {
	count := 0
	return []mutant{
		{name: "takes unknown clients for another", request: asking(func(parameters url.Values) {
			if parameters.Get("client_id") == "nobody" {
				parameters.Set("client_id", m.target.Client.ID)
			}
		}), fails: []string{"rfc6749-4.1.2.1-unknown-client"}},
		{name: "adds the registered query", request: asking(func(parameters url.Values) {
			if parameters.Get("redirect_uri") == "https://app.example/callback" {
				parameters.Set("redirect_uri", "https://app.example/callback?bar=foo")
			}
		}), fails: []string{"core-3.1.2.1-query-missing"}},
		{name: "loses the state", request: asking(func(parameters url.Values) { parameters.Set("state", "other") }), fails: []string{"jarm-2.1-claims", "form-post-2-success"}},
		{name: "sends errors on at once", answer: func(w http.ResponseWriter, r *http.Request) bool {
			sent := r.URL.Path == authorizing && r.URL.Query().Get("response_type") == "token"
			if sent {
				w.Header().Set("Location", r.URL.Query().Get("redirect_uri")+"?error=unsupported_response_type")
				w.WriteHeader(http.StatusSeeOther)
			}
			return sent
		}, warns: []string{"rfc9700-4.11.2-redirector"}},
		{name: "no iss by form post", response: func(t *testing.T, response *http.Response) {
			if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
				replaceBody(response, bytes.ReplaceAll(bodyOf(t, response), []byte(`name="iss"`), []byte(`name="x"`)))
			}
		}, fails: []string{"rfc9207-2-form-post"}},
		{name: "a refresh ignores the scope", request: rewriting(exchanging, "&scope=openid", ""), fails: []string{"rfc6749-6-narrow"}},
		{name: "an ID token for clients", response: set(exchanging, "id_token", "x"), fails: []string{"rfc6749-4.4.3-own-token", "core-10.2-id-token"}},
		{name: "each refresh begins a line", response: answering(exchanging, func(members map[string]any) {
			if count++; members["refresh_token"] != nil {
				members["refresh_token"] = strings.Repeat("r", 20+count)
			}
		}), fails: []string{"oauth21-4.3.1-old-refresh"}},
		{name: "anybody revokes", request: func(r *http.Request) {
			if r.URL.Path == revoking {
				r.SetBasicAuth(m.target.Client.ID, m.target.Client.Secret)
			}
		}, fails: []string{"rfc7009-2.1-foreign"}},
		{name: "UserInfo is never encrypted", response: func(_ *testing.T, response *http.Response) {
			if response.Request.URL.Path == informing {
				replaceBody(response, []byte(`{"sub":"x"}`))
			}
		}, fails: []string{"core-10.2-userinfo"}},
		{name: "phone numbers are verified in words", response: set(informing, "phone_number_verified", "yes"), fails: []string{"core-5.4-phone"}},
		{name: "a claim that is advertised is not there", response: set(informing, "locale", nil), warns: []string{"core-5.5-all"}},
		{name: "forgets that requests are to be signed", request: rewriting(registering, `"require_signed_request_object":true`, `"x":1`), fails: []string{"rfc9101-10.5-required"}},
		{name: "ignores request objects and sends anywhere", answer: func(w http.ResponseWriter, r *http.Request) bool {
			sent := r.URL.Path == authorizing && r.URL.Query().Has("request")
			if sent {
				w.Header().Set("Location", "https://app.example/callback?code=x")
				w.WriteHeader(http.StatusSeeOther)
			}
			return sent
		}, fails: []string{"core-6.1-redirect-uri"}},
		{name: "any response type can be registered", response: always(registering, http.StatusCreated, `{"client_id":"x","response_types":["id_token token"]}`), fails: []string{
			"registration-2-response-type",
		}},
		{name: "the record forgets", response: func(t *testing.T, response *http.Response) {
			if strings.HasPrefix(response.Request.URL.Path, registering+"/") {
				set(response.Request.URL.Path, "initiate_login_uri", nil)(t, response)
			}
		}, fails: []string{"registration-4-initiate-login"}},
		{name: "ID tokens without a kid for new clients", response: m.signed("", func(map[string]any) {}), fails: []string{"registration-2-default-alg"}},
		{name: "a sub that is made up", response: m.claims(func(claims map[string]any) { claims["sub"] = "made-up" }), fails: []string{"registration-5-sector"}},
		{name: "ignores max_age", request: ignoring("max_age"), fails: []string{"core-3.1.2.1-max-age-1"}},
		{name: "logout fails for strangers", response: func(_ *testing.T, response *http.Response) {
			if response.Request.URL.Path == endingSession {
				response.StatusCode = http.StatusInternalServerError
			}
		}, fails: []string{"logout-2-nobody"}},
	}
}
