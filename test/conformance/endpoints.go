package conformance

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	oauth21 = "OAuth 2.1"
	rfc6749 = "RFC 6749"
	rfc6750 = "RFC 6750"
)

// unknownGrant is a token request that no server can take.
func (p *probe) unknownGrant(changes ...change) answer {
	form := url.Values{"grant_type": {"urn:example:unheard-of"}}
	if p.env.Client.Secret != "" {
		changes = append(changes, basic(p.env.Client))
	}
	return p.post(p.endpoint("token_endpoint"), form, changes...)
}

// endpointChecks need neither a client nor a person.
func endpointChecks() []Check {
	return []Check{
		{"rfc6749-5.2-status", rfc6749, "5.2", "an unknown grant_type is answered with 400, or 401 before the client is known", func(p *probe) {
			got := p.unknownGrant()
			p.must(got.status == http.StatusBadRequest || got.status == http.StatusUnauthorized, "the answer is %s", got.says())
		}},
		{"rfc6749-5.2-body", rfc6749, "5.2", "an error of the token endpoint is a JSON object with error", func(p *probe) {
			p.must(p.unknownGrant().text("error") != "", "there is none")
		}},
		{"rfc6749-5.2-code", rfc6749, "5.2", "an error of the token endpoint is one of the specification's", func(p *probe) {
			p.refusalOneOf(p.unknownGrant(), "unsupported_grant_type", "invalid_client", "invalid_request")
		}},
		{"rfc6749-5.2-missing-grant", rfc6749, "5.2", "a missing grant_type is no default", func(p *probe) {
			p.refusalOneOf(p.post(p.endpoint("token_endpoint"), url.Values{"code": {"x"}}), "invalid_request", "invalid_client")
		}},
		{"rfc6749-5.1-no-store", rfc6749, "5.1", "errors of the token endpoint are not to be stored", func(p *probe) {
			p.must(strings.Contains(p.unknownGrant().header.Get("Cache-Control"), "no-store"), "Cache-Control is %q", p.unknownGrant().header.Get("Cache-Control"))
		}},
		{"rfc6749-3.2-get", rfc6749, "3.2", "the token endpoint takes POST only", func(p *probe) {
			got := p.get(p.endpoint("token_endpoint") + "?grant_type=client_credentials")
			p.must(got.status >= 400 && got.text("access_token") == "", "a GET is answered with %s", got.says())
		}},
		{"rfc10017-cors", "RFC 10017", "6", "scripts can read errors of the token endpoint, without credentials", func(p *probe) {
			got := p.unknownGrant(header("Origin", "https://app.example"))
			if got.header.Get("Access-Control-Allow-Origin") == "" {
				p.warn("there is no Access-Control-Allow-Origin")
			}
			p.must(got.header.Get("Access-Control-Allow-Credentials") == "", "credentials are allowed")
		}},
		{"rfc10017-cors-authorize", "RFC 10017", "6", "scripts can't call the authorization endpoint", func(p *probe) {
			got := p.get(p.endpoint("authorization_endpoint"), header("Origin", "https://app.example"))
			p.must(got.header.Get("Access-Control-Allow-Origin") == "", "Access-Control-Allow-Origin is %q", got.header.Get("Access-Control-Allow-Origin"))
		}},
		{"rfc6749-4.1.2.1-nobody", rfc6749, "4.1.2.1", "an authorization request without a client is answered with an error, and leads nowhere", func(p *probe) {
			got := p.get(p.endpoint("authorization_endpoint") + "?response_type=code&redirect_uri=https%3A%2F%2Fevil.example%2F")
			p.must(got.status >= 400 && got.status < 500 && got.header.Get("Location") == "", "the answer is %d, Location %q", got.status, got.header.Get("Location"))
		}},
		{"oauth21-framing", oauth21, "7.8", "pages can't be framed", func(p *probe) {
			got := p.get(p.endpoint("authorization_endpoint"))
			p.must(strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || strings.EqualFold(got.header.Get("X-Frame-Options"), "DENY"),
				"neither frame-ancestors nor X-Frame-Options says so")
		}},
		{"rfc6750-3-status", rfc6750, "3", "UserInfo without a token is answered with 401", func(p *probe) {
			p.must(p.get(p.endpoint("userinfo_endpoint")).status == http.StatusUnauthorized, "the answer is %s", p.get(p.endpoint("userinfo_endpoint")).says())
		}},
		{"rfc6750-3-challenge", rfc6750, "3", "UserInfo without a token is answered with a Bearer challenge", func(p *probe) {
			challenge := p.get(p.endpoint("userinfo_endpoint")).header.Get("WWW-Authenticate")
			p.must(strings.HasPrefix(strings.ToLower(challenge), "bearer"), "WWW-Authenticate is %q", challenge)
		}},
		{"rfc6750-3.1-no-code", rfc6750, "3.1", "the challenge has no error code for who sent no token", func(p *probe) {
			if strings.Contains(p.get(p.endpoint("userinfo_endpoint")).header.Get("WWW-Authenticate"), "error=") {
				p.warn("there is an error code")
			}
		}},
		{"rfc6750-3.1-invalid", rfc6750, "3.1", "a wrong token is invalid_token", func(p *probe) {
			got := p.get(p.endpoint("userinfo_endpoint"), bearer("nonsense"))
			p.must(got.status == http.StatusUnauthorized && strings.Contains(got.header.Get("WWW-Authenticate"), "invalid_token"), "the answer is %s", got.says())
		}},
		{"rfc9700-4.3.2-query", "RFC 9700", "4.3.2", "UserInfo takes nothing in the query for a token", func(p *probe) {
			got := p.get(p.endpoint("userinfo_endpoint") + "?access_token=nonsense")
			p.must(got.status == http.StatusBadRequest || got.status == http.StatusUnauthorized, "the answer is %s", got.says())
		}},
		{"rfc7662-2.1-anonymous", "RFC 7662", "2.1", "introspection needs credentials", func(p *probe) {
			got := p.post(p.endpoint("introspection_endpoint"), url.Values{"token": {"x"}})
			p.must(got.status == http.StatusUnauthorized || got.status == http.StatusBadRequest, "the answer is %s", got.says())
		}},
		{"rfc7009-2.2-unknown", "RFC 7009", "2.2", "revoking a token that nobody has is no error", func(p *probe) {
			c := p.confidential()
			got := p.post(p.endpoint("revocation_endpoint"), url.Values{"token": {"nonsense"}}, basic(c))
			p.must(got.status == http.StatusOK, "the answer is %s", got.says())
		}},
		{"rfc8414-3-unknown-paths", rfc8414, "3", "a well-known path that is not there is 404", func(p *probe) {
			got := p.get(p.env.base() + "/.well-known/unheard-of")
			p.must(got.status == http.StatusNotFound, "the answer is %s", got.says())
		}},
	}
}

// refusalOneOf is refusal for a status that depends on whether the client is known.
func (p *probe) refusalOneOf(got answer, codes ...string) {
	status := http.StatusBadRequest
	if got.text("error") == "invalid_client" {
		status = http.StatusUnauthorized
	}
	p.refusal(got, status, codes...)
}
