package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"authly/internal/platform/clock"
)

// modeChecks are about how responses travel, and about request objects.
func modeChecks() []Check {
	const formPost, jarm = formPostMode, "JWT Secured Authorization Response Mode"
	byPost := func(p *probe, changes ...url.Values) (landing, request) {
		p.needs("response_modes_supported", "form_post")
		sent := p.request(p.confidential(), append(changes, with("response_mode", "form_post"))...)
		return p.browserFor(sent).authorize(sent), sent
	}
	signed := func(p *probe, mode string, changes ...url.Values) map[string]any {
		p.needs("response_modes_supported", mode)
		c := p.confidential()
		sent := p.request(c, append(changes, with("response_mode", mode))...)
		ended := p.browserFor(sent).authorize(sent)
		p.must(len(ended.response) == 1 && ended.response.Has("response"), "the parameters are %s", ended.response.Encode())
		claims := p.verified(ended.response.Get("response"))
		exp, _ := claims["exp"].(float64)
		p.must(claims["iss"] == p.env.Issuer && claims["aud"] == c.ID, "iss is %v, aud is %v", claims["iss"], claims["aud"])
		p.must(exp > float64(clock.System().Now().Unix()) && exp < float64(clock.System().Now().Add(11*time.Minute).Unix()), "exp is %v", claims["exp"])
		return claims
	}
	return []Check{
		{"form-post-2-success", formPost, "2", "a code comes by form post, with state, and gives tokens", func(p *probe) {
			ended, sent := byPost(p)
			p.must(ended.byPost && ended.response.Get("state") == sent.Get("state"), "the response is %s", ended.response.Encode())
			got := p.redeem(p.confidential(), sent, ended.response.Get("code"))
			p.must(got.status == http.StatusOK, "the code is answered with %s", got.says())
		}},
		{"form-post-2-error", formPost, "2", "an error comes by form post, with state", func(p *probe) {
			ended, sent := byPost(p, with("prompt", "none"))
			p.must(ended.byPost && ended.response.Get("error") != "" && ended.response.Get("state") == sent.Get("state"), "the response is %s", ended.response.Encode())
		}},
		{"form-post-2-no-store", formPost, "2", "the page with the form is not to be stored", func(p *probe) {
			ended, _ := byPost(p)
			p.must(strings.Contains(ended.page.header.Get("Cache-Control"), "no-store"), "Cache-Control is %q", ended.page.header.Get("Cache-Control"))
		}},
		{"jarm-2.3-query", jarm, "2.3", "query.jwt has one signed parameter, for the client, for a while", func(p *probe) {
			claims := signed(p, "query.jwt")
			p.must(claims["code"] != nil, "the response is %v", claims)
		}},
		{"jarm-2.3-form-post", jarm, "2.3", "form_post.jwt has one signed parameter, for the client, for a while", func(p *probe) { p.must(signed(p, "form_post.jwt")["code"] != nil, "there is no code") }},
		{"jarm-2.1-error", jarm, "2.1", "an error in the mode jwt is signed, for the client, for a while", func(p *probe) {
			p.must(signed(p, "jwt", with("prompt", "none"))["error"] != nil, "there is no error")
		}},
		{"oauth-mode-unknown", "OAuth 2.0 Multiple Response Types", "2.1", "a response_mode that is not advertised is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("response_mode", "urn:example:unheard-of"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"oauth-mode-fragment", "OAuth 2.0 Multiple Response Types", "2.1", "the response_mode fragment works only where it is advertised", func(p *probe) {
			if slices.Contains(p.list("response_modes_supported"), "fragment") {
				p.skip("it is advertised")
			}
			sent := p.request(p.confidential(), with("response_mode", "fragment"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"core-6.1-unsigned", core, "6.1", "an unsigned request object is refused, or answered as not supported", func(p *probe) {
			if slices.Contains(p.list("request_object_signing_alg_values_supported"), "none") {
				p.skip("none is advertised")
			}
			// {"alg":"none"}.{"scope":"openid"}
			sent := p.request(p.confidential(), with("request", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9."))
			p.refused(p.browser().authorize(sent), sent, "request_not_supported", "invalid_request_object")
		}},
		{"core-6.2-unregistered", core, "6.2", "a request_uri that nobody registered is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("request_uri", "https://evil.example/object"))
			p.refused(p.browser().authorize(sent), sent, "request_uri_not_supported", "invalid_request_uri")
		}},
		{"core-7.2.1-registration", core, "7.2.1", "the registration parameter is refused where it is not supported", func(p *probe) {
			sent := p.request(p.confidential(), with("registration", "{}"))
			p.refused(p.browser().authorize(sent), sent, "registration_not_supported")
		}},
	}
}

// browserFor is a stranger where a request wants to be refused because nobody has signed in.
func (p *probe) browserFor(sent request) *browser {
	if sent.Get("prompt") == "none" {
		return p.stranger()
	}
	return p.browser()
}
