package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func refreshWith(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// tokenChecks are about the token endpoint and what it issued.
func tokenChecks() []Check {
	return slices.Concat(codeChecks(), refreshChecks(), issuedChecks())
}

func codeChecks() []Check {
	redeemed := func(p *probe, c Client, changes ...url.Values) answer {
		sent := p.request(p.confidential())
		return p.redeem(c, sent, p.browser().code(sent).Get("code"), changes...)
	}
	return []Check{
		{"oauth21-4.1.3-replay", oauth21, "4.1.3", "a code works once, and its replay takes back what it gave", func(p *probe) {
			made := p.signIn(p.confidential())
			p.refusal(p.redeem(p.confidential(), made.request, made.response.Get("code")), http.StatusBadRequest, "invalid_grant")
			if got := p.get(p.endpoint("userinfo_endpoint"), bearer(made.accessToken())); got.status < 400 {
				p.warn("the access token still works")
			}
		}},
		{"oauth21-4.1.3-verifier", oauth21, "4.1.3", "a wrong code_verifier is refused", func(p *probe) {
			p.refusal(redeemed(p, p.confidential(), with("code_verifier", strings.Repeat("x", 43))), http.StatusBadRequest, "invalid_grant")
		}},
		{"oauth21-4.1.3-verifier-missing", oauth21, "4.1.3", "a code that was asked for with a challenge is refused without a code_verifier", func(p *probe) {
			p.refusal(redeemed(p, p.confidential(), without("code_verifier")), http.StatusBadRequest, "invalid_grant", "invalid_request")
		}},
		{"oauth21-7.6-verifier-extra", oauth21, "7.6", "a code_verifier for a request without a challenge is refused", func(p *probe) {
			c := p.confidential()
			if !c.WithoutPKCE {
				p.skip("the client has to send a challenge")
			}
			sent := p.request(c, c.plain())
			got := p.redeem(c, sent, p.browser().code(sent).Get("code"), with("code_verifier", sent.verifier))
			p.refusal(got, http.StatusBadRequest, "invalid_grant", "invalid_request")
		}},
		{"rfc6749-4.1.3-redirect", rfc6749, "4.1.3", "a code is refused with another redirect_uri", func(p *probe) {
			p.refusal(redeemed(p, p.confidential(), with("redirect_uri", "https://evil.example/")), http.StatusBadRequest, "invalid_grant")
		}},
		{"rfc6749-4.1.3-client", rfc6749, "4.1.3", "another client can't use a code", func(p *probe) {
			p.refusal(redeemed(p, p.second()), http.StatusBadRequest, "invalid_grant")
		}},
		{"rfc6749-2.3.1-wrong-secret", rfc6749, "2.3.1", "a wrong client secret is invalid_client, with a challenge", func(p *probe) {
			c := p.confidential()
			c.Secret = "wrong"
			got := p.token(c, url.Values{"grant_type": {"client_credentials"}})
			p.refusal(got, http.StatusUnauthorized, "invalid_client")
			p.must(got.header.Get("WWW-Authenticate") != "", "there is no WWW-Authenticate")
		}},
		{"rfc6749-2.3-two-methods", rfc6749, "2.3", "two ways to authenticate at once are refused", func(p *probe) {
			c := p.confidential()
			got := p.post(p.endpoint("token_endpoint"), url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}, basic(c))
			p.must(got.status >= 400, "the answer is %s", got.says())
		}},
		{"core-9-post", core, "9", "client_secret_post works", func(p *probe) {
			p.needs("token_endpoint_auth_methods_supported", "client_secret_post")
			c := p.client(p.env.PostClient, "client for client_secret_post")
			sent := p.request(c, c.plain())
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {p.browser().code(sent).Get("code")}, "redirect_uri": {c.RedirectURI},
				"client_id": {c.ID}, "client_secret": {c.Secret},
			}
			if sent.Get("code_challenge") != "" {
				form.Set("code_verifier", sent.verifier)
			}
			got := p.post(p.endpoint("token_endpoint"), form)
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
		}},
		{"core-3.1.2.1-no-pkce-no-nonce", core, "3.1.2.1", "a client that may do without gets a code with neither challenge nor nonce", func(p *probe) {
			c := p.confidential()
			if !c.WithoutPKCE {
				p.skip("the client has to send a challenge")
			}
			p.browser().code(p.request(c, c.plain(), without("nonce")))
		}},
		{"rfc6749-5.1-response", rfc6749, "5.1", "the token response is JSON, not to be stored, and says when the token expires", func(p *probe) {
			got := p.signIn(p.confidential()).tokens
			p.must(strings.HasPrefix(got.header.Get("Content-Type"), "application/json"), "it is %s", got.header.Get("Content-Type"))
			p.must(strings.Contains(got.header.Get("Cache-Control"), "no-store"), "Cache-Control is %q", got.header.Get("Cache-Control"))
			if expires, _ := got.object()["expires_in"].(float64); expires <= 0 {
				p.warn("expires_in is %v", got.object()["expires_in"])
			}
		}},
		{"oauth21-4-password", oauth21, "4", "there is no password grant", func(p *probe) {
			got := p.token(p.confidential(), url.Values{"grant_type": {"password"}, "username": {"x"}, "password": {"y"}})
			p.refusal(got, http.StatusBadRequest, "unsupported_grant_type", "unauthorized_client")
		}},
	}
}

func refreshChecks() []Check {
	offline := func(p *probe, c Client) grant {
		p.needs("grant_types_supported", "refresh_token")
		changes := []url.Values{with("prompt", "consent")}
		if slices.Contains(p.list("scopes_supported"), "offline_access") {
			changes = append(changes, with("scope", "openid offline_access"))
		}
		made := p.signIn(c, changes...)
		if made.tokens.text("refresh_token") == "" {
			p.skip("the client gets no refresh token")
		}
		return made
	}
	return []Check{
		{"core-12.2-claims", core, "12.2", "a refresh keeps iss, sub, aud and auth_time, and iat is new", func(p *probe) {
			made := offline(p, p.confidential())
			p.pause(1100 * time.Millisecond) // iat is in seconds
			got := p.token(p.confidential(), refreshWith(made.tokens.text("refresh_token")))
			p.must(got.status == http.StatusOK && strings.EqualFold(got.text("token_type"), "Bearer"), "the answer is %s", got.says())
			p.must(strings.Contains(got.header.Get("Cache-Control"), "no-store"), "Cache-Control is %q", got.header.Get("Cache-Control"))
			p.must(got.text("access_token") != made.accessToken(), "the access token is the same")
			if got.text("id_token") == "" {
				return
			}
			before, after := p.idToken(made.tokens), p.idToken(got)
			first, _ := before["iat"].(float64)
			second, _ := after["iat"].(float64)
			p.must(second > first, "iat is %v and then %v", before["iat"], after["iat"])
			for _, claim := range []string{"iss", "sub", "aud", "auth_time", "azp"} {
				p.must(before[claim] == after[claim], "%s is %v and %v", claim, before[claim], after[claim])
			}
		}},
		{"rfc6749-10.10-refresh-token", rfc6749, "10.10", "refresh tokens can't be guessed", func(p *probe) {
			p.random("refresh tokens", func() string { return offline(p, p.confidential()).tokens.text("refresh_token") })
		}},
		{"rfc6749-6-authentication", rfc6749, "6", "a confidential client refreshes with its credentials only", func(p *probe) {
			c := p.confidential()
			made := offline(p, c)
			form := refreshWith(made.tokens.text("refresh_token"))
			form.Set("client_id", c.ID)
			p.refusal(p.post(p.endpoint("token_endpoint"), form), http.StatusUnauthorized, "invalid_client")
		}},
		{"rfc6749-6-client", rfc6749, "6", "another client can't use a refresh token", func(p *probe) {
			second := p.second()
			made := offline(p, p.confidential())
			p.refusal(p.token(second, refreshWith(made.tokens.text("refresh_token"))), http.StatusBadRequest, "invalid_grant")
		}},
		{"rfc6749-6-scope", rfc6749, "6", "a refresh can't widen the scope", func(p *probe) {
			made := offline(p, p.confidential())
			form := refreshWith(made.tokens.text("refresh_token"))
			form.Set("scope", "openid offline_access phone email address profile")
			p.refusal(p.token(p.confidential(), form), http.StatusBadRequest, "invalid_scope")
		}},
		{"oauth21-4.3.1-rotation", oauth21, "4.3.1", "the refresh token of a public client is replaced", func(p *probe) {
			made := offline(p, p.public())
			got := p.token(p.public(), refreshWith(made.tokens.text("refresh_token")))
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
			p.must(got.text("refresh_token") != "" && got.text("refresh_token") != made.tokens.text("refresh_token"), "it is the same")
		}},
		{"rfc6749-6-unknown", rfc6749, "6", "an unknown refresh token is invalid_grant", func(p *probe) {
			p.needs("grant_types_supported", "refresh_token")
			p.refusal(p.token(p.confidential(), refreshWith("nonsense")), http.StatusBadRequest, "invalid_grant")
		}},
	}
}

func issuedChecks() []Check {
	return []Check{
		{"rfc7662-2.2-active", "RFC 7662", "2.2", "introspection tells a client about its own token", func(p *probe) {
			made := p.signIn(p.confidential())
			got := p.post(p.endpoint("introspection_endpoint"), url.Values{"token": {made.accessToken()}}, basic(p.confidential()))
			p.must(got.status == http.StatusOK && got.object()["active"] == true, "the answer is %s", got.says())
		}},
		{"rfc7662-2.2-inactive", "RFC 7662", "2.2", "introspection says of other tokens that they are not active, and nothing else", func(p *probe) {
			got := p.post(p.endpoint("introspection_endpoint"), url.Values{"token": {"nonsense"}}, basic(p.confidential()))
			p.must(got.status == http.StatusOK && got.object()["active"] == false && len(got.object()) == 1, "the answer is %s", got.says())
		}},
		{"rfc7662-4-foreign", "RFC 7662", "4", "introspection tells a client nothing about another client's token", func(p *probe) {
			second := p.second()
			made := p.signIn(p.confidential())
			got := p.post(p.endpoint("introspection_endpoint"), url.Values{"token": {made.accessToken()}}, basic(second))
			p.must(got.object()["active"] == false, "the answer is %s", got.says())
		}},
		{"rfc7009-2.1-revoked", "RFC 7009", "2.1", "a token that was revoked works nowhere any more", func(p *probe) {
			made := p.signIn(p.confidential())
			got := p.post(p.endpoint("revocation_endpoint"), url.Values{"token": {made.accessToken()}}, basic(p.confidential()))
			p.must(got.status == http.StatusOK, "revocation answers with %s", got.says())
			p.must(p.get(p.endpoint("userinfo_endpoint"), bearer(made.accessToken())).status == http.StatusUnauthorized, "UserInfo still takes it")
		}},
		{"rfc7009-2.1-foreign", "RFC 7009", "2.1", "a client can't revoke another client's token", func(p *probe) {
			second := p.second()
			made := p.signIn(p.confidential())
			_ = p.post(p.endpoint("revocation_endpoint"), url.Values{"token": {made.accessToken()}}, basic(second))
			p.userInfo(made.accessToken())
		}},
		{"rfc9068-2-type", "RFC 9068", "2.1", "an access token that is a JWT says so in typ, and for whom it is", func(p *probe) {
			token := p.signIn(p.confidential()).accessToken()
			header := headerOf(token)
			if header == nil {
				p.skip("access tokens are opaque")
			}
			p.must(header["typ"] == "at+jwt" || header["typ"] == "application/at+jwt", "typ is %v", header["typ"])
			claims := p.verified(token)
			for _, claim := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
				p.must(claims[claim] != nil, "%s is missing", claim)
			}
		}},
	}
}
