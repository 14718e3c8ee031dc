package conformance_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// authorizationMutants are servers that don't look at what they are asked.
func authorizationMutants() []mutant {
	changed := func(name, from, to string, fails ...string) mutant {
		return mutant{name: "takes " + name + " " + from + " for " + to, request: asking(func(parameters url.Values) {
			if parameters.Get(name) == from {
				parameters.Set(name, to)
			}
		}), fails: fails}
	}
	ignored := func(name string, fails ...string) mutant {
		return mutant{name: "ignores " + name, request: ignoring(name), fails: fails}
	}
	return []mutant{
		ignored("prompt", "core-3.1.2.1-none-nobody", "core-3.1.2.1-none-other", "core-3.1.2.1-unknown", "core-3.1.2.1-login", "rfc6749-4.1.2.1-denied",
			"form-post-2-error", "core-3.1.2.1-other-browser"),
		ignored("max_age", "core-3.1.2.1-max-age-0"),
		ignored("response_mode", "oauth-mode-unknown", "oauth-mode-fragment", "form-post-2-success", "form-post-2-error", "form-post-2-page", "jarm-2.3-query",
			"jarm-2.3-form-post", "jarm-2.1-error", "form-post-2-missing-type"),
		ignored("request", "core-6.1-unsigned", "rfc9101-5-request", "rfc9101-6-signature", "rfc9101-6-unsigned", "rfc9101-6-client"),
		ignored("request_uri", "core-6.2-unregistered", "core-6.2-request-uri"),
		ignored("registration", "core-7.2.1-registration"),
		ignored("claims", "core-5.5-malformed", "core-5.5-no-object", "core-5.5-id-token", "core-5.5.1.1-essential-acr", "core-5.5.1-sub"),
		ignored("id_token_hint", "core-3.1.2.2-forged-hint"),
		changed("response_type", "token", "code", "oauth21-4.1.1-implicit"),
		changed("response_type", "", "code", "rfc6749-3.1.1-missing"),
		changed("code_challenge_method", "plain", "S256", "rfc7636-4.3-plain"),
		changed("code_challenge_method", "", "S256", "rfc7636-4.3-method"),
		changed("code_challenge", "short", strings.Repeat("A", 43), "rfc7636-4.2-challenge"),
		{name: "needs no challenge", request: asking(func(parameters url.Values) {
			if !parameters.Has("code_challenge") {
				parameters.Set("code_challenge", strings.Repeat("A", 43))
				parameters.Set("code_challenge_method", "S256")
			}
		}), fails: []string{"oauth21-4.1.1-public-challenge"}},
		{name: "takes the last of repeated parameters", request: asking(func(parameters url.Values) {
			for name, values := range parameters {
				parameters[name] = values[len(values)-1:]
			}
		}), fails: []string{"rfc6749-3.1-repeated"}},
		{name: "makes up a nonce", request: asking(func(parameters url.Values) { parameters.Set("nonce", "made-up") }), fails: []string{"core-2-nonce", "core-2-nonce-absent"}},
		{name: "redirects anywhere", answer: func(w http.ResponseWriter, r *http.Request) bool {
			target := r.URL.Query().Get("redirect_uri")
			if r.URL.Path != authorizing || target == "https://app.example/callback" {
				return false
			}
			w.Header()["Location"] = []string{strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(target)}
			w.WriteHeader(http.StatusSeeOther)
			return true
		}, fails: []string{
			"oauth21-2.3.1-appended", "oauth21-2.3.1-query", "oauth21-2.3.1-host", "oauth21-2.3.1-port", "oauth21-2.3.1-near", "oauth21-2.3.1-fragment", "rfc6749-4.1.2.1-nobody",
			"core-3.1.2.1-query-mismatch", "core-3.1.2.1-query-added",
		}},
		{name: "takes a redirect URI for another", request: asking(func(parameters url.Values) { parameters.Set("redirect_uri", "https://app.example/callback") }), fails: []string{
			"core-3.1.2.1-redirect-missing", "core-3.1.2.1-two-uris",
		}},
		{name: "takes no POST", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != authorizing || r.Method != http.MethodPost {
				return false
			}
			w.WriteHeader(http.StatusMethodNotAllowed)
			return true
		}, fails: []string{"core-3.1.2.1-post"}},
	}
}

func responseMutants() []mutant {
	anywhere := func(change func(http.Header)) func(*testing.T, *http.Response) {
		return func(_ *testing.T, response *http.Response) { change(response.Header) }
	}
	return []mutant{
		{name: "no iss", response: redirecting(func(parameters url.Values) { parameters.Del("iss") }), fails: []string{"rfc9207-2-iss", "rfc9207-2-error"}},
		{name: "another iss", response: redirecting(func(parameters url.Values) { parameters.Set("iss", "https://evil.example") }), fails: []string{"rfc9207-2-iss"}},
		{name: "another state", response: redirecting(func(parameters url.Values) { parameters.Set("state", "other") }), fails: []string{
			"rfc6749-4.1.2-state", "core-3.1.2.1-none-nobody", "rfc6749-3.1.1-missing", "logout-3-state", "logout-3-no-state", "logout-2-post",
		}},
		{name: "state is cut", response: redirecting(func(parameters url.Values) {
			if state := parameters.Get("state"); len(state) > 100 {
				parameters.Set("state", state[:100])
			}
		}), fails: []string{"rfc6749-4.1.2-state", "core-3.1.2.1-none-nobody", "logout-3-state"}},
		{name: "more parameters", response: redirecting(func(parameters url.Values) { parameters.Set("more", "x") }), warns: []string{"rfc6749-4.1.2-parameters", "rfc6749-4.1.2.1-parameters"}},
		{name: "a description that breaks lines", response: redirecting(func(parameters url.Values) { parameters.Set("error_description", "one\r\ntwo") }), fails: []string{"rfc6749-4.1.2.1-parameters"}},
		{name: "codes that anybody guesses", response: redirecting(func(parameters url.Values) { parameters.Set("code", "code-number-000000000000000001") }), fails: []string{"rfc6749-10.10-code"}},
		{name: "short codes", response: redirecting(func(parameters url.Values) { parameters.Set("code", "123456") }), fails: []string{"oauth21-4.1.2-entropy", "rfc6749-10.10-code"}},
		{name: "a query that is lost", response: redirecting(func(parameters url.Values) { parameters.Del("bar") }), fails: []string{"rfc6749-3.1.2-query"}},
		{name: "redirects that repeat passwords", response: func(_ *testing.T, response *http.Response) {
			if response.StatusCode == http.StatusSeeOther {
				response.StatusCode = http.StatusTemporaryRedirect
			}
		}, fails: []string{"rfc9700-4.12-redirect", "oauth21-7.5-303"}},
		{name: "pages that can be framed", response: anywhere(func(header http.Header) {
			header.Del("Content-Security-Policy")
			header.Del("X-Frame-Options")
		}), fails: []string{"oauth21-framing", "rfc9700-4.16-framing"}},
		{name: "pages that may be stored", response: anywhere(without("Cache-Control")), fails: []string{"rfc9700-4.16-framing", "form-post-2-no-store"}},
		{name: "pages that tell where they were", response: anywhere(without("Referrer-Policy")), warns: []string{"rfc9700-4.2.4-referrer"}},
		{name: "pages for scripts", response: anywhere(having("Access-Control-Allow-Origin", "*")), fails: []string{"rfc10017-cors-authorize"}},
		{name: "cookies for scripts", response: anywhere(func(header http.Header) {
			for i, cookie := range header["Set-Cookie"] {
				header["Set-Cookie"][i] = strings.ReplaceAll(cookie, "; HttpOnly", "")
			}
		}), fails: []string{"rfc6265-8.3-cookies"}},
		{name: "sign-in pages without links and pictures", response: func(t *testing.T, response *http.Response) {
			if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
				replaceBody(response, []byte(strings.NewReplacer("<a ", "<b ", "<img ", "<b ").Replace(string(bodyOf(t, response)))))
			}
		}, fails: []string{"registration-2-sign-in-page"}},
	}
}

func userInfoMutants() []mutant {
	member := func(name string, value any, fails ...string) mutant {
		return mutant{name: "UserInfo with another " + name, response: set(informing, name, value), fails: fails}
	}
	return []mutant{
		member("sub", "somebody-else", "core-5.3.1-get", "core-8.1-pairwise"),
		member("sub", nil, "core-5.3.1-get", "core-5.3.1-post"),
		member("email_verified", "true", "core-5.4-email"),
		member("updated_at", "today", "core-5.4-profile"),
		member("address", "France", "core-5.4-address"),
		member("nickname", "", "core-5.4-profile"),
		member("birthdate", "1.4.90", "core-5.1-formats"),
		{name: "UserInfo without a name", response: set(informing, "name", nil), warns: []string{"core-5.4-profile", "core-5.4-all", "core-5.5-userinfo"}},
		{name: "UserInfo is a page", response: headers(informing, having("Content-Type", "text/html")), fails: []string{"core-5.3.2-json", "core-5.3.2-signed"}},
		{name: "UserInfo is for everybody", response: always(informing, http.StatusOK, `{"sub":"x"}`), fails: []string{
			"rfc6750-3-status", "rfc6750-3.1-invalid", "rfc9700-4.3.2-query", "core-5.3-id-token", "core-5.3-without-openid", "rfc7009-2.1-revoked",
		}, warns: []string{"logout-2-tokens"}},
		{name: "UserInfo has no challenge", response: headers(informing, without("WWW-Authenticate")), fails: []string{"rfc6750-3-challenge", "rfc6750-3.1-invalid"}},
		{name: "UserInfo tells of an error too early", response: headers(informing, having("WWW-Authenticate", `Bearer error="invalid_token"`)), warns: []string{"rfc6750-3.1-no-code"}},
		{name: "UserInfo takes tokens in the query", request: func(r *http.Request) {
			if token := r.URL.Query().Get("access_token"); token != "" {
				r.URL.RawQuery = ""
				r.Header.Set("Authorization", "Bearer "+token)
			}
		}, fails: []string{"rfc9700-4.3.2-query-token"}},
	}
}

func issuedMutants() []mutant {
	return []mutant{
		{name: "revocation does nothing", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == revoking {
				w.WriteHeader(http.StatusOK)
			}
			return r.URL.Path == revoking
		}, fails: []string{"rfc7009-2.1-revoked", "rfc7009-2.1-refresh", "rfc7009-2.1-anonymous", "rfc7009-2.1-missing"}},
		{name: "revocation of an unknown token is an error", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == revoking {
				w.WriteHeader(http.StatusNotFound)
			}
			return r.URL.Path == revoking
		}, fails: []string{"rfc7009-2.2-unknown"}},
		{name: "all tokens are active", response: set(introspecting, "active", true), fails: []string{"rfc7662-2.2-inactive", "rfc7662-4-foreign"}},
		{name: "no token is active", response: set(introspecting, "active", false), fails: []string{"rfc7662-2.2-active"}},
		{name: "inactive tokens are described", response: set(introspecting, "scope", "openid"), fails: []string{"rfc7662-2.2-inactive"}},
		{name: "introspection is for everybody", response: always(introspecting, http.StatusOK, `{"active":false}`), fails: []string{"rfc7662-2.1-anonymous", "rfc7662-2.1-wrong-secret"}},
		{name: "introspection may be stored", response: headers(introspecting, without("Cache-Control")), warns: []string{"rfc7662-2.2-no-store"}},
		{name: "access tokens are of any type", response: set(exchanging, "access_token", "eyJhbGciOiJSUzI1NiJ9.e30.x"), fails: []string{"rfc9068-2-type"}},
	}
}

func logoutMutants() []mutant {
	return []mutant{
		{name: "logout leads anywhere, and signs nobody out", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != endingSession {
				return false
			}
			back := url.Values{}
			if state := r.FormValue("state"); state != "" {
				back.Set("state", state)
			}
			if target := r.FormValue("post_logout_redirect_uri"); target != "" {
				w.Header().Set("Location", strings.TrimSuffix(target+"?"+back.Encode(), "?"))
				w.WriteHeader(http.StatusSeeOther)
			}
			return true
		}, fails: []string{
			"logout-3-state", "logout-3-no-state", "logout-3-bad-uri", "logout-3-query", "logout-4-modified-hint", "logout-4-forged-hint", "logout-4-no-hint",
			"logout-2-foreign-uri", "logout-2-other-client", "logout-2-no-parameters", "logout-2-only-state", "logout-2-hint-only",
		}, warns: []string{"logout-2-tokens", "backchannel-2.7-tokens"}},
		{name: "logout adds parameters", response: redirecting(func(parameters url.Values) { parameters.Set("sid", "x") }), fails: []string{"logout-3-state", "logout-3-no-state"}},
		{name: "logout at once", request: func(r *http.Request) {
			if r.URL.Path == endingSession {
				r.Header.Del("Cookie") // and the cookies are taken away below
			}
		}, response: func(_ *testing.T, response *http.Response) {
			if response.Request.URL.Path == endingSession {
				response.Header["Set-Cookie"] = []string{"authly_session=; Path=/; Max-Age=0"}
			}
		}, warns: []string{"logout-6-confirmation"}},
		{name: "no sessions announced", response: func(t *testing.T, response *http.Response) {
			set(openIDDocument, "backchannel_logout_session_supported", false)(t, response)
		}, fails: []string{"backchannel-2.1-metadata"}},
	}
}

func registrationMutants() []mutant {
	return []mutant{
		{name: "everything can be registered", response: always(registering, http.StatusCreated, `{"client_id":"x"}`), fails: []string{
			"registration-2-fragment", "oauth21-8.4.2-scheme", "registration-2-no-uris", "registration-2-two-key-sets", "registration-2-private-key",
			"registration-2-initiate-login", "registration-2-none", "registration-2-web-http", "registration-2-malformed", "core-8.1-two-hosts",
			"registration-5-sector-lacks",
		}},
		{name: "registered with 200", response: func(_ *testing.T, response *http.Response) {
			if response.StatusCode == http.StatusCreated {
				response.StatusCode = http.StatusOK
			}
		}, fails: []string{"registration-3.2-response"}},
		{name: "secrets without an end", response: set(registering, "client_secret_expires_at", nil), fails: []string{"registration-3.2-response"}},
		{name: "half of a record", response: set(registering, "registration_access_token", nil), fails: []string{"registration-3.2-response"}},
		{name: "when is not said", response: set(registering, "client_id_issued_at", nil), warns: []string{"registration-3.2-response"}},
		{name: "secrets may be stored", response: headers(registering, without("Cache-Control")), fails: []string{"rfc7591-3.2.1-no-store"}},
		{name: "another method is said", response: set(registering, "token_endpoint_auth_method", "none"), fails: []string{"rfc7591-3.2.1-method", "rfc7591-2-defaults"}},
		{name: "initiate_login_uri is not said", response: set(registering, "initiate_login_uri", nil), fails: []string{"registration-2-initiate-login"}},
		{name: "scripts can't register", response: headers(registering, func(header http.Header) { maps.DeleteFunc(header, isCORS) }), warns: []string{"rfc7591-3-cors", "rfc7591-3-preflight"}},
		{name: "anybody reads records", response: func(t *testing.T, response *http.Response) {
			if strings.HasPrefix(response.Request.URL.Path, registering+"/") {
				always(response.Request.URL.Path, http.StatusOK, `{}`)(t, response)
			}
		}, fails: []string{"registration-4-read", "rfc7592-2.2-replace"}},
		{name: "records are deleted with 200", response: func(_ *testing.T, response *http.Response) {
			if response.StatusCode == http.StatusNoContent {
				response.StatusCode = http.StatusOK
			}
		}, warns: []string{"registration-3.2-response"}},
	}
}

func isCORS(name string, _ []string) bool { return strings.HasPrefix(name, "Access-Control-") }
