package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// bindingChecks are about what a code and a token are bound to, and about requests
// that somebody tries who should not.
func bindingChecks() []Check {
	return slices.Concat(tokenRequestChecks(), takenBackChecks(), scopeChecks())
}

func tokenRequestChecks() []Check {
	code := func(p *probe, changes ...url.Values) answer {
		sent := p.request(p.confidential())
		return p.redeem(p.confidential(), sent, p.browser().code(sent).Get("code"), changes...)
	}
	return []Check{
		{"rfc6749-2.3.1-encoding", rfc6749, "2.3.1", "credentials in the header are decoded as a form", func(p *probe) {
			c := p.confidential()
			sent := p.request(c)
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {p.browser().code(sent).Get("code")}, "redirect_uri": {c.RedirectURI}, "code_verifier": {sent.verifier},
			}
			got := p.post(p.endpoint("token_endpoint"), form, func(r *http.Request) { r.SetBasicAuth(percent(c.ID), percent(c.Secret)) })
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
		}},
		{"rfc7636-4.1-short", rfc7636, "4.1", "a verifier of fewer than 43 characters is refused, though its challenge was right", func(p *probe) {
			short := strings.Repeat("v", 42)
			digest := sha256.Sum256([]byte(short))
			sent := p.request(p.confidential(), with("code_challenge", base64.RawURLEncoding.EncodeToString(digest[:])))
			sent.verifier = short
			got := p.redeem(p.confidential(), sent, p.browser().code(sent).Get("code"))
			p.refusal(got, http.StatusBadRequest, "invalid_grant", "invalid_request")
		}},
		{"rfc7636-4.2-challenge", rfc7636, "4.2", "a challenge that no verifier can have is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("code_challenge", "short"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"oauth21-3.2-unknown", oauth21, "3.2", "the token endpoint ignores parameters that it does not know", func(p *probe) {
			got := code(p, with("extra", "foobar"))
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
		}},
		{"oauth21-3.2-repeated", oauth21, "3.2", "the token endpoint refuses parameters that are repeated", func(p *probe) {
			sent := p.request(p.confidential())
			given := p.browser().code(sent).Get("code")
			p.refusal(p.redeem(p.confidential(), sent, given, with("code", given, given)), http.StatusBadRequest, "invalid_request")
		}},
		{"rfc6749-4.1.3-nonsense", rfc6749, "4.1.3", "a code that was never issued is invalid_grant", func(p *probe) {
			p.refusal(p.redeem(p.confidential(), p.request(p.confidential()), "nonsense"), http.StatusBadRequest, "invalid_grant")
		}},
		{"rfc6749-4.4-public", rfc6749, "4.4", "a client without credentials gets no token of its own", func(p *probe) {
			got := p.token(p.public(), url.Values{"grant_type": {"client_credentials"}})
			p.refusalOneOf(got, "unauthorized_client", "invalid_client", "unsupported_grant_type")
		}},
		{"rfc6749-4.4.3-own-token", rfc6749, "4.4.3", "a token of a client itself comes without a refresh token and without an ID token", func(p *probe) {
			p.needs("grant_types_supported", "client_credentials")
			got := p.token(p.confidential(), url.Values{"grant_type": {"client_credentials"}})
			if got.text("error") == "unauthorized_client" || got.text("error") == "invalid_scope" {
				p.skip("the client may not")
			}
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
			p.must(got.text("id_token") == "", "there is an ID token")
			if got.text("refresh_token") != "" {
				p.warn("there is a refresh token")
			}
			p.must(p.get(p.endpoint("userinfo_endpoint"), bearer(got.text("access_token"))).status >= 400, "UserInfo takes it")
		}},
		{"rfc7662-2.2-no-store", "RFC 7662", "2.2", "answers of introspection are JSON, and not to be stored", func(p *probe) {
			got := p.post(p.endpoint("introspection_endpoint"), url.Values{"token": {"nonsense"}}, basic(p.confidential()))
			p.must(strings.HasPrefix(got.header.Get("Content-Type"), "application/json"), "it is %s", got.header.Get("Content-Type"))
			if !strings.Contains(got.header.Get("Cache-Control"), "no-store") {
				p.warn("Cache-Control is %q", got.header.Get("Cache-Control"))
			}
		}},
		{"rfc7662-2.1-wrong-secret", "RFC 7662", "2.1", "introspection with a wrong secret is refused", func(p *probe) {
			c := p.confidential()
			c.Secret = "wrong"
			got := p.post(p.endpoint("introspection_endpoint"), url.Values{"token": {"x"}}, basic(c))
			p.must(got.status == http.StatusUnauthorized, "the answer is %s", got.says())
		}},
		{"rfc7009-2.1-anonymous", "RFC 7009", "2.1", "revocation needs credentials", func(p *probe) {
			got := p.post(p.endpoint("revocation_endpoint"), url.Values{"token": {"x"}})
			p.must(got.status == http.StatusUnauthorized || got.status == http.StatusBadRequest, "the answer is %s", got.says())
		}},
		{"rfc7009-2.1-missing", "RFC 7009", "2.1", "revocation needs a token", func(p *probe) {
			p.refusal(p.post(p.endpoint("revocation_endpoint"), url.Values{}, basic(p.confidential())), http.StatusBadRequest, "invalid_request")
		}},
	}
}

// takenBackChecks are about what ends tokens, and what must not.
func takenBackChecks() []Check {
	lives := func(p *probe, made grant) bool {
		return p.get(p.endpoint("userinfo_endpoint"), bearer(made.accessToken())).status == http.StatusOK
	}
	rotated := func(p *probe) (first, second answer) {
		p.needs("grant_types_supported", "refresh_token")
		made := p.signIn(p.public(), with("scope", "openid offline_access"), with("prompt", "consent"))
		if made.tokens.text("refresh_token") == "" {
			p.skip("the client gets no refresh token")
		}
		second = p.token(p.public(), refreshWith(made.tokens.text("refresh_token")))
		p.must(second.status == http.StatusOK, "the refresh is answered with %s", second.says())
		return made.tokens, second
	}
	return []Check{
		{"oauth21-4.1.3-foreign-replay", oauth21, "4.1.3", "a replay by somebody who lacks the verifier, or is another client, takes nothing back", func(p *probe) {
			second := p.second()
			sent := p.request(p.confidential())
			made := grant{request: sent, response: p.browser().code(sent)}
			made.tokens = p.redeem(p.confidential(), sent, made.response.Get("code"))
			p.refusal(p.redeem(p.confidential(), sent, made.response.Get("code"), with("code_verifier", strings.Repeat("x", 43))), http.StatusBadRequest, "invalid_grant")
			p.refusal(p.redeem(second, sent, made.response.Get("code")), http.StatusBadRequest, "invalid_grant")
			if !lives(p, made) {
				p.warn("whoever saw a code can end the tokens of its owner")
			}
		}},
		{"oauth21-4.1.3-late-replay", oauth21, "4.1.3", "a code that comes back after half a minute is refused, and takes back what it gave", func(p *probe) {
			p.slow()
			made := p.signIn(p.confidential())
			p.pause(halfMinute)
			p.refusal(p.redeem(p.confidential(), made.request, made.response.Get("code")), http.StatusBadRequest, "invalid_grant")
			if lives(p, made) {
				p.warn("the access token still works")
			}
		}},
		{"oauth21-4.3.1-old-refresh", oauth21, "4.3.1", "a refresh token that was replaced gives no second line of tokens", func(p *probe) {
			first, second := rotated(p)
			again := p.token(p.public(), refreshWith(first.text("refresh_token")))
			if again.status == http.StatusOK { // the same successor once more, for lost answers
				p.must(again.text("refresh_token") == second.text("refresh_token"), "it has two successors")
				return
			}
			p.refusal(again, http.StatusBadRequest, "invalid_grant")
		}},
		{"oauth21-4.3.1-reuse", oauth21, "4.3.1", "a replaced refresh token that comes back after half a minute ends all that followed it", func(p *probe) {
			p.slow()
			first, second := rotated(p)
			p.pause(halfMinute)
			p.refusal(p.token(p.public(), refreshWith(first.text("refresh_token"))), http.StatusBadRequest, "invalid_grant")
			p.refusal(p.token(p.public(), refreshWith(second.text("refresh_token"))), http.StatusBadRequest, "invalid_grant")
		}},
		{"rfc7009-2.1-refresh", "RFC 7009", "2.1", "a refresh token that was revoked is of no use, and its access tokens end with it", func(p *probe) {
			p.needs("grant_types_supported", "refresh_token")
			made := p.signIn(p.confidential(), with("scope", "openid offline_access"), with("prompt", "consent"))
			if made.tokens.text("refresh_token") == "" {
				p.skip("the client gets no refresh token")
			}
			form := url.Values{"token": {made.tokens.text("refresh_token")}, "token_type_hint": {"access_token"}} // a wrong hint is only a hint
			got := p.post(p.endpoint("revocation_endpoint"), form, basic(p.confidential()))
			p.must(got.status == http.StatusOK, "revocation answers with %s", got.says())
			p.refusal(p.token(p.confidential(), refreshWith(made.tokens.text("refresh_token"))), http.StatusBadRequest, "invalid_grant")
			if lives(p, made) {
				p.warn("the access token still works")
			}
		}},
		{"core-3.1.2.1-other-browser", core, "3.1.2.1", "a session of one browser is of no use to another", func(p *probe) {
			p.signIn(p.confidential())
			sent := p.request(p.confidential(), with("prompt", "none"))
			p.refused(p.stranger().authorize(sent), sent, "login_required", "interaction_required")
		}},
	}
}

func scopeChecks() []Check {
	return []Check{
		{"rfc6749-5.1-scope", rfc6749, "5.1", "a scope that is less than what was asked for is said", func(p *probe) {
			got := p.signIn(p.confidential(), with("scope", "openid urn:example:unheard-of")).tokens
			p.must(got.text("scope") == "openid", "scope is %q", got.text("scope"))
		}},
		{"rfc6749-3.3-none", rfc6749, "3.3", "without a scope there is a default one, or invalid_scope", func(p *probe) {
			sent := p.request(p.confidential(), without("scope"))
			ended := p.browser().authorize(sent)
			if ended.response.Get("code") == "" {
				p.refused(ended, sent, "invalid_scope", "invalid_request")
				return
			}
			got := p.redeem(p.confidential(), sent, ended.response.Get("code"))
			p.must(got.status == http.StatusOK && got.text("scope") != "", "the answer is %s, and has no scope", got.says())
		}},
		{"rfc6749-6-narrow", rfc6749, "6", "a refresh may ask for less", func(p *probe) {
			p.needs("grant_types_supported", "refresh_token")
			made := p.signIn(p.confidential(), with("scope", "openid email offline_access"), with("prompt", "consent"))
			if made.tokens.text("refresh_token") == "" {
				p.skip("the client gets no refresh token")
			}
			form := refreshWith(made.tokens.text("refresh_token"))
			form.Set("scope", "openid")
			got := p.token(p.confidential(), form)
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
			p.must(p.userInfo(got.text("access_token"))["email"] == nil, "the token has more than was asked for")
		}},
		{"core-5.3-without-openid", core, "5.3", "UserInfo takes no token without the scope openid", func(p *probe) {
			p.needs("scopes_supported", "email")
			got := p.get(p.endpoint("userinfo_endpoint"), bearer(p.signIn(p.confidential(), with("scope", "email")).accessToken()))
			p.must(got.status == http.StatusForbidden || got.status == http.StatusUnauthorized, "the answer is %s", got.says())
			if !strings.Contains(got.header.Get("WWW-Authenticate"), "insufficient_scope") {
				p.warn("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
			}
		}},
		{"rfc8707-2-unknown", "RFC 8707", "2", "a token is not made out to a resource that nobody has registered", func(p *probe) {
			const resource = "https://resource.unheard-of.example"
			sent := p.request(p.confidential(), with("resource", resource))
			ended := p.browser().authorize(sent)
			if ended.response.Get("code") == "" {
				p.refused(ended, sent, "invalid_target")
				return
			}
			token := p.redeem(p.confidential(), sent, ended.response.Get("code")).text("access_token")
			if headerOf(token) == nil {
				p.skip("access tokens are opaque")
			}
			p.must(!strings.Contains(fmt.Sprint(p.verified(token)["aud"]), resource), "it is")
		}},
	}
}

// halfMinute is a little more than the 30 seconds after which the suite tries again.
const halfMinute = 31 * time.Second

// slow skips a check that waits, unless the target says that there is time.
func (p *probe) slow() {
	if !p.env.Slow {
		p.skip("it takes half a minute, and slow checks were not asked for")
	}
}

// percent encodes every character, also those that need it not.
func percent(text string) string {
	var encoded strings.Builder
	for _, b := range []byte(text) {
		fmt.Fprintf(&encoded, "%%%02X", b)
	}
	return encoded.String()
}
