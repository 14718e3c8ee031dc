package conformance_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"authly/test/conformance"
)

// A kit that can't fail proves nothing: each of these providers has one fault, and
// the checks that it names have to find it. Without the fault they pass.
func TestKitNoticesEachFault(t *testing.T) {
	t.Parallel()
	for group := range (&mutated{}).mutants() {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			m := newMutated(t)
			sound := map[string]bool{}
			for _, broken := range m.mutants()[group] {
				for _, id := range append(slices.Clone(broken.fails), broken.warns...) {
					if !sound[id] {
						if got := m.outcomeOf(t, nil, id); got.Outcome != conformance.Passed {
							t.Errorf("without a fault %s is %s: %s", id, got.Outcome, got.Detail)
						}
					}
					sound[id] = true
					expected := conformance.Failed
					if slices.Contains(broken.warns, id) {
						expected = conformance.Warning
					}
					got := m.outcomeOf(t, &broken, id)
					if got.Outcome != expected || got.Detail == "" || strings.HasPrefix(got.Detail, "the kit could not read") {
						t.Errorf("%s: %s is %s, expected %s: %s", broken.name, id, got.Outcome, expected, got.Detail)
					}
				}
			}
		})
	}
}

// mutants returns all mutants, in groups that take about the same time.
func (m *mutated) mutants() map[string][]mutant {
	return map[string][]mutant{
		"documents and claims": slices.Concat(metadataMutants(), keyMutants(), m.claimMutants()),
		"strict and careless":  slices.Concat(missingMutants(), strictMutants(), m.carelessMutants()),
		"tokens":               slices.Concat(m.tokenMutants(), userInfoMutants(), issuedMutants()),
		"pages and clients":    slices.Concat(authorizationMutants(), responseMutants(), logoutMutants(), frontChannelMutants(), registrationMutants()),
	}
}

// noticing counts the checks that were seen to fail, and the faults.
func noticing(t *testing.T) (checks, faults int) {
	t.Helper()
	noticed := map[string]bool{}
	for _, group := range (&mutated{}).mutants() {
		for _, broken := range group {
			for _, id := range append(slices.Clone(broken.fails), broken.warns...) {
				noticed[id] = true
			}
		}
		faults += len(group)
	}
	if len(noticed) < 200 {
		t.Errorf("only %d checks were seen to fail", len(noticed))
	}
	return len(noticed), faults
}

// A rotation that does nothing is noticed.
func TestKitNoticesKeysThatStay(t *testing.T) {
	t.Parallel()
	m := newMutated(t)
	m.target.RotateKeys = func(context.Context) error { return nil }
	if got := m.outcomeOf(t, nil, "core-10.1.1-new-key"); got.Outcome != conformance.Failed {
		t.Errorf("it is %s", got.Outcome)
	}
}

// Whoever interrupts the kit gets no report about what was not made, and no client of
// the kit stays behind.
func TestInterruption(t *testing.T) {
	t.Parallel()
	m := newMutated(t)
	ctx, interrupt := context.WithCancel(t.Context())
	var deleted atomic.Int32
	m.current.Store(&mutant{
		answer: refusingForms(func(form url.Values) bool {
			if form.Has("client_assertion") {
				interrupt()
			}
			return false
		}),
		response: func(_ *testing.T, response *http.Response) {
			if response.Request.Method == http.MethodDelete && response.StatusCode == http.StatusNoContent {
				deleted.Add(1)
			}
		},
	})
	report, err := conformance.Run(ctx, m.target, "core-9-private-key-jwt")
	if !errors.Is(err, context.Canceled) || len(report.Results) != 0 {
		t.Errorf("%d results, %v", len(report.Results), err)
	}
	if deleted.Load() != 1 {
		t.Errorf("%d clients were deleted", deleted.Load())
	}
}

func TestChecksHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, check := range conformance.Checks() {
		if seen[check.ID] || check.ID == "" || check.Specification == "" || check.Section == "" || check.Title == "" {
			t.Errorf("%+v", check)
		}
		for _, follows := range []string{"and ", "so ", "nor ", "also ", "which "} {
			if strings.HasPrefix(check.Title, follows) {
				t.Errorf("%s: %q can't stand by itself", check.ID, check.Title)
			}
		}
		seen[check.ID] = true
	}
}

func metadataMutants() []mutant {
	member := func(name string, value any, fails ...string) mutant {
		return mutant{name: name + " is wrong", response: set(openIDDocument, name, value), fails: fails}
	}
	return []mutant{
		member("issuer", nil, "discovery-3-issuer"),
		member("issuer", "https://evil.example", "discovery-4.3-issuer"),
		member("issuer", "https://id.example/?x=y", "rfc8414-2-issuer"),
		member("authorization_endpoint", 7, "discovery-3-type-authorization_endpoint"),
		member("token_endpoint", "/oauth/token", "discovery-3-absolute-token_endpoint", "rfc8414-2-endpoints"),
		member("subject_types_supported", []string{"private"}, "discovery-3-subject-types"),
		member("response_types_supported", []string{"token"}, "discovery-3-code", "oauth21-4-response-types"),
		member("grant_types_supported", []string{"authorization_code", "implicit"}, "discovery-3-grants"),
		member("grant_types_supported", nil, "discovery-3-grants"),
		member("claims_parameter_supported", "true", "rfc8414-2-types"),
		member("scopes_supported", []string{"email"}, "discovery-3-recommended"),
		member("acr_values_supported", []string{}, "rfc8414-2-nothing-empty"),
		member("request_uri_parameter_supported", nil, "discovery-3-request-uri"),
		member("code_challenge_methods_supported", []string{"plain"}, "rfc7636-5-s256", "rfc7636-4.2-plain"),
		member("id_token_signing_alg_values_supported", []string{"none"}, "discovery-3-rs256", "rfc8725-3.2-none"),
		member("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}, "rfc8414-2-auth-methods"),
		member("token_endpoint_auth_signing_alg_values_supported", nil, "rfc8414-2-auth-algorithms"),
		member("ui_locales_supported", []string{"no language"}, "discovery-3-locales"),
		member("claims_supported", []string{"name"}, "discovery-3-sub"),
		{name: "a name that nobody registered", response: set(openIDDocument, "made_up", true), warns: []string{"rfc8414-2-registered"}},
		{name: "no iss announced", response: set(openIDDocument, "authorization_response_iss_parameter_supported", nil), warns: []string{"rfc9207-3-flag"}},
		{
			name: "no RS256 for request objects", response: set(openIDDocument, "request_object_signing_alg_values_supported", []string{"ES256"}),
			warns: []string{"discovery-3-request-object-rs256"},
		},
		{name: "another document for OAuth", response: set(oauthDocument, "token_endpoint", "https://evil.example"), fails: []string{"rfc8414-3-same"}},
		{name: "metadata is text", response: headers(openIDDocument, having("Content-Type", "text/plain")), fails: []string{"discovery-4.2-response"}},
		{name: "metadata is for nobody else", response: headers(openIDDocument, without("Access-Control-Allow-Origin")), warns: []string{"discovery-4.2-response"}},
		{name: "the host of a request is believed", response: func(t *testing.T, response *http.Response) {
			if host := response.Request.Header.Get("X-Forwarded-Host"); host != "" {
				set(openIDDocument, "token_endpoint", "https://"+host+"/token")(t, response)
			}
		}, fails: []string{"rfc8414-2-host"}},
	}
}

func keyMutants() []mutant {
	member := func(name string, value any, fails ...string) mutant {
		return mutant{name: "keys with another " + name, response: eachKey(func(key map[string]any) {
			key[name] = value
			if value == nil {
				delete(key, name)
			}
		}), fails: fails}
	}
	return []mutant{
		member("kid", nil, "jwks-4.5-kid", "core-2-iss"),
		member("kid", "same", "jwks-4.5-distinct"),
		member("kty", nil, "jwks-4.1-kty"),
		member("use", "enc", "jwks-4.2-use"),
		member("alg", "HS256", "jwks-4.4-alg"),
		member("alg", "ES384", "jwks-rs256"),
		member("n", nil, "rfc7518-6.3.1.1-n"),
		member("e", nil, "rfc7518-6.3.1.2-e"),
		member("d", "AAAA", "jwks-9.3-private"),
		{name: "a kind of key that nobody knows", response: eachKey(func(key map[string]any) { key["kty"] = "AKP" }), warns: []string{"jwks-6-known"}},
		{name: "no keys", response: answering(keySet, func(members map[string]any) { members["keys"] = []any{} }), fails: []string{"jwks-5-keys", "jarm-2.3-query", "backchannel-2.4-claims"}},
		{name: "keys are text", response: headers(keySet, having("Content-Type", "text/plain")), fails: []string{"jwks-8.5-response"}},
	}
}

func (m *mutated) tokenMutants() []mutant {
	return []mutant{
		{name: "the token endpoint always gives tokens", response: always(exchanging, http.StatusOK, `{"access_token":"x","token_type":"Bearer"}`), fails: []string{
			"oauth21-4.1.3-replay", "oauth21-4.1.3-verifier", "oauth21-4.1.3-verifier-missing", "oauth21-7.6-verifier-extra", "rfc6749-4.1.3-redirect",
			"rfc6749-4.1.3-client", "rfc6749-4.1.3-nonsense", "rfc6749-2.3.1-wrong-secret", "rfc6749-2.3-two-methods", "oauth21-4-password", "rfc6749-6-client",
			"rfc6749-6-scope", "rfc6749-6-unknown", "rfc6749-6-authentication", "rfc7636-4.1-short", "oauth21-3.2-repeated", "rfc6749-4.4-public",
			"oauth21-4.1.3-foreign-replay", "rfc7009-2.1-refresh", "rfc6749-5.2-status", "rfc6749-5.2-code", "rfc6749-5.2-missing-grant", "rfc6749-3.2-get",
			"rfc7523-3-replay", "rfc7523-3-audience", "rfc7523-3-expired", "rfc7523-3-no-exp", "rfc7523-3-subject", "rfc7523-3-issuer", "rfc7523-3-early",
			"rfc7523-3-signature", "rfc7523-3-unsigned", "rfc7523-3-confusion", "rfc7523-3-embedded-key", "rfc7521-4.2-client-id", "core-9-registered-method",
		}},
		{name: "the token endpoint has another error", response: always(exchanging, http.StatusBadRequest, `{"error":"other"}`), fails: []string{
			"rfc6749-5.2-code", "oauth21-4.1.3-replay", "rfc6749-6-unknown",
		}},
		{name: "errors have no body", response: always(exchanging, http.StatusBadRequest, `{}`), fails: []string{"rfc6749-5.2-body"}},
		{name: "a server error", response: always(exchanging, http.StatusInternalServerError, `{"error":"server_error"}`), fails: []string{"rfc6749-5.2-status"}},
		{name: "no challenge", response: headers(exchanging, without("WWW-Authenticate")), fails: []string{"rfc6749-2.3.1-wrong-secret"}},
		{name: "tokens may be stored", response: headers(exchanging, without("Cache-Control")), fails: []string{"rfc6749-5.1-response", "rfc6749-5.1-no-store", "core-12.2-claims"}},
		{name: "tokens are text", response: headers(exchanging, having("Content-Type", "text/html")), fails: []string{"rfc6749-5.1-response"}},
		{name: "tokens last for ever", response: set(exchanging, "expires_in", nil), warns: []string{"rfc6749-5.1-response"}},
		{name: "a token of another type", response: set(exchanging, "token_type", "mac"), fails: []string{"oauth21-4.1-flow"}},
		{name: "credentials for scripts", response: headers(exchanging, having("Access-Control-Allow-Credentials", "true")), fails: []string{"rfc10017-cors", "rfc10017-preflight"}},
		{name: "the granted scope is not said", response: set(exchanging, "scope", nil), fails: []string{"rfc6749-5.1-scope"}},
		{name: "more was granted", response: set(exchanging, "scope", "openid urn:example:unheard-of"), fails: []string{"core-3.1.2.1-unknown-scope"}},
		{name: "tokens that anybody guesses", response: set(exchanging, "access_token", "access-token-number-00001"), fails: []string{"rfc6749-10.10-access-token"}},
		{name: "refresh tokens that anybody guesses", response: set(exchanging, "refresh_token", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), fails: []string{"rfc6749-10.10-refresh-token"}},
		{name: "a refresh token stays", response: set(exchanging, "refresh_token", "always-the-same"), fails: []string{"oauth21-4.3.1-rotation"}},
		{name: "unknown parameters are refused", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("extra") {
				return false
			}
			http.Error(w, "extra is unknown", http.StatusBadRequest)
			return true
		}, fails: []string{"rfc6749-3.1-unknown"}},
		{name: "the header's credentials are not decoded", request: func(r *http.Request) {
			if name, password, ok := r.BasicAuth(); ok && strings.Contains(name, "%") {
				r.SetBasicAuth(url.QueryEscape(name), url.QueryEscape(password))
			}
		}, fails: []string{"rfc6749-2.3.1-encoding"}},
	}
}

func (m *mutated) claimMutants() []mutant {
	claim := func(name string, value any, fails ...string) mutant {
		return mutant{name: "ID tokens with another " + name, response: m.claims(func(claims map[string]any) {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}), fails: fails}
	}
	count := 0.0
	counting := func(name string) func(map[string]any) {
		return func(claims map[string]any) {
			count++
			claims[name] = count
		}
	}
	return []mutant{
		claim("iss", "https://evil.example", "core-2-iss"),
		claim("sub", "süß", "core-2-sub"),
		claim("sub", "somebody-else", "core-5.3.1-get"),
		claim("aud", "somebody-else", "core-2-aud"),
		claim("exp", 1, "core-2-times"),
		claim("iat", 1, "core-2-times", "core-12.2-claims"),
		claim("nonce", "other", "core-2-nonce", "core-2-nonce-absent", "rfc9101-5-request"),
		claim("azp", "somebody-else", "core-2-azp"),
		claim("acr", "", "core-2-acr"),
		claim("amr", "pwd", "core-2-acr"),
		claim("sid", nil, "backchannel-2.1-sid"),
		claim("auth_time", nil, "core-3.1.2.1-max-age-long", "core-5.5-auth-time", "registration-2-require-auth-time"),
		claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA", "core-3.1.3.6-at-hash"),
		claim("name", "Connie", "core-5.5-userinfo"),
		claim("sub", "one-for-all", "core-8.1-pairwise"),
		{name: "ID tokens with names", response: m.claims(func(claims map[string]any) { claims["name"] = "Connie" }), warns: []string{"core-2-lean"}},
		{name: "ID tokens with another level", response: m.claims(func(claims map[string]any) { claims["acr"] = "other" }), warns: []string{"core-3.1.2.1-acr-values"}},
		{name: "a sub that changes", response: m.claims(counting("sub")), fails: []string{"core-2-sub-stable", "core-3.1.2.1-none"}},
		{name: "auth_time that changes", response: m.claims(counting("auth_time")), fails: []string{"core-12.2-claims", "core-3.1.2.1-none"}},
		{name: "ID tokens without a kid", response: m.signed("", func(map[string]any) {}), fails: []string{"core-3.1.3.7-alg", "core-2-iss"}},
		{name: "ID tokens of an unknown key", response: m.signed("nobody's", func(map[string]any) {}), fails: []string{"core-2-iss", "registration-2-id-token-alg"}},
		{name: "ID tokens of another key", response: answering(exchanging, func(members map[string]any) {
			if token, ok := members["id_token"].(string); ok {
				members["id_token"] = token[:strings.LastIndex(token, ".")+1] + strings.Repeat("A", 342)
			}
		}), fails: []string{"core-2-iss", "core-5.3.1-get"}},
		{name: "an ID token for everybody", response: answering(exchanging, func(members map[string]any) { members["id_token"] = "x" }), fails: []string{"core-3.1.2.1-without-openid"}},
	}
}
