package conformance

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	core     = "OpenID Connect Core 1.0"
	longText = "state-of-one-hundred-and-twenty-eight-characters-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123"
)

// authorizationChecks are whole authorization requests, by the rules of OAuth.
func authorizationChecks() []Check {
	return []Check{
		{"oauth21-4.1-flow", oauth21, "4.1", "a person signs in, and the code gives an access token", func(p *probe) {
			made := p.signIn(p.confidential())
			p.must(made.accessToken() != "" && strings.EqualFold(made.tokens.text("token_type"), "Bearer"), "the answer is %s", made.tokens.says())
		}},
		{"oauth21-4.1-public", oauth21, "4.1", "a person signs in at a public client, and the code gives an access token", func(p *probe) { p.signIn(p.public()) }},
		{"rfc6749-4.1.2-state", rfc6749, "4.1.2", "state comes back in every character", func(p *probe) {
			for _, state := range []string{longText, `a b+c&d=e%20"<>`} {
				made := p.signIn(p.confidential(), with("state", state))
				p.must(made.response.Get("state") == state, "state is %q", made.response.Get("state"))
			}
		}},
		{"rfc9207-2-iss", "RFC 9207", "2", "iss is in the response, and is the issuer", func(p *probe) {
			if !p.flag("authorization_response_iss_parameter_supported") {
				p.skip("it is not announced")
			}
			made := p.signIn(p.confidential())
			p.must(made.response.Get("iss") == p.env.Issuer, "iss is %q", made.response.Get("iss"))
		}},
		{"oauth21-4.1.2-entropy", oauth21, "4.1.2", "codes have 128 bits or more", func(p *probe) {
			p.must(len(p.signIn(p.confidential()).response.Get("code")) >= 22, "the code is too short for that")
		}},
		{"oauth21-4.1.1-public-challenge", oauth21, "4.1.1", "a public client without a code challenge is refused at once", func(p *probe) {
			sent := p.request(p.public(), without("code_challenge", "code_challenge_method"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"rfc7636-4.3-method", rfc7636, "4.3", "a missing code_challenge_method means plain, and is refused", func(p *probe) {
			sent := p.request(p.confidential(), without("code_challenge_method"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"rfc7636-4.3-plain", rfc7636, "4.3", "the code_challenge_method plain is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("code_challenge_method", "plain"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"oauth21-2.3.1-appended", oauth21, "2.3.1", "a redirect URI with a longer path leads nowhere", p0(func(p *probe) landing {
			return p.redirecting(func(uri string) string { return uri + "/more" })
		})},
		{"oauth21-2.3.1-query", oauth21, "2.3.1", "a redirect URI with another query leads nowhere", p0(func(p *probe) landing {
			return p.redirecting(func(uri string) string {
				if strings.Contains(uri, "?") {
					return uri + "&x=y"
				}
				return uri + "?x=y"
			})
		})},
		{"oauth21-2.3.1-host", oauth21, "2.3.1", "a redirect URI at another host leads nowhere", p0(func(p *probe) landing {
			return p.redirecting(func(string) string { return "https://evil.example/callback" })
		})},
		{"oauth21-2.3.1-fragment", oauth21, "2.3.1", "a redirect URI with a fragment leads nowhere", p0(func(p *probe) landing {
			return p.redirecting(func(uri string) string { return uri + "#x" })
		})},
		{"oauth21-2.3.1-port", oauth21, "2.3.1", "a redirect URI at another port leads nowhere, unless it is on the user's machine", func(p *probe) {
			if parsed, err := url.Parse(p.confidential().RedirectURI); err != nil || isLoopback(parsed.Hostname()) {
				p.skip("the client's redirect URI is on the user's machine, where ports may differ")
			}
			p.nowhere(p.redirecting(inPath(":4443")))
		}},
		{"oauth21-2.3.1-near", oauth21, "2.3.1", "a redirect URI that is nearly the registered one leads nowhere", func(p *probe) {
			for what, alter := range nearlyTheSame() {
				ended := p.redirecting(alter)
				p.must(ended.response == nil, "with %s the browser was sent to the client", what)
				p.must(ended.page.status >= 400 && ended.page.status < 500, "with %s the page has the status %d", what, ended.page.status)
			}
		}},
		{"core-3.1.2.1-redirect-missing", core, "3.1.2.1", "a missing redirect_uri leads nowhere", p0(func(p *probe) landing {
			return p.browser().authorize(p.request(p.confidential(), without("redirect_uri")))
		})},
		{"rfc6749-4.1.2.1-unknown-client", rfc6749, "4.1.2.1", "an unknown client leads nowhere", p0(func(p *probe) landing {
			return p.browser().authorize(p.request(p.confidential(), with("client_id", "nobody")))
		})},
		{"rfc6749-3.1.1-missing", rfc6749, "3.1.1", "a missing response_type is refused", func(p *probe) {
			sent := p.request(p.confidential(), without("response_type"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request", "unsupported_response_type")
		}},
		{"oauth21-4.1.1-implicit", oauth21, "4.1.1", "response types that issue tokens are refused", func(p *probe) {
			for _, responseType := range []string{"token", "id_token", "code token", "id_token token"} {
				sent := p.request(p.confidential(), with("response_type", responseType))
				p.refused(p.browser().authorize(sent), sent, "unsupported_response_type", "unauthorized_client", "invalid_request")
			}
		}},
		{"rfc6749-3.1-repeated", rfc6749, "3.1", "a parameter that is repeated is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("nonce", "one", "two"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"rfc6749-3.1-unknown", rfc6749, "3.1", "an unknown parameter is ignored", func(p *probe) { p.signIn(p.confidential(), with("extra", "foobar")) }},
		{"rfc6749-3.1-empty", rfc6749, "3.1", "an empty parameter counts as not sent", func(p *probe) { p.signIn(p.confidential(), with("prompt", "")) }},
		{"rfc6749-4.1.2.1-denied", rfc6749, "4.1.2.1", "a person who denies is told to the client", func(p *probe) {
			sent := p.request(p.confidential(), with("prompt", "consent"))
			b := p.stranger()
			b.deny = true
			p.refused(b.authorize(sent), sent, "access_denied")
		}},
		{"rfc9700-4.11.2-redirector", "RFC 9700", "4.11.2", "an error leads nobody to a client who has not signed in", func(p *probe) {
			sent := p.request(p.confidential(), with("response_type", "token"))
			got := p.get(p.endpoint("authorization_endpoint") + "?" + sent.Encode())
			if leadsTo(got.header.Get("Location"), sent.Get("redirect_uri")) {
				p.warn("the browser is sent on at once")
			}
		}},
		{"oauth21-7.5-303", oauth21, "7.5.3", "redirects are 302 or 303, which repeat no password", func(p *probe) {
			made := p.browser().authorize(p.request(p.confidential()))
			p.must(made.page.status == http.StatusFound || made.page.status == http.StatusSeeOther, "the redirect is %d", made.page.status)
		}},
		{"core-3.1.2.1-post", core, "3.1.2.1", "an authorization request can be posted", func(p *probe) {
			p.user()
			sent := p.request(p.confidential())
			ended := p.stranger().drive(http.MethodPost, p.endpoint("authorization_endpoint"), sent.Values, sent.Get("redirect_uri"))
			p.must(ended.response.Get("code") != "", "it ends at %d %s", ended.page.status, ended.response.Encode())
		}},
		{"rfc8252-7.3-port", "RFC 8252", "7.3", "a loopback redirect URI may have any port", func(p *probe) {
			c := p.public()
			parsed, err := url.Parse(c.RedirectURI)
			if err != nil || parsed.Scheme != "http" || parsed.Hostname() != "127.0.0.1" {
				p.skip("the public client has no redirect URI at 127.0.0.1")
			}
			parsed.Host = "127.0.0.1:49152"
			c.RedirectURI = parsed.String()
			p.signIn(c)
		}},
	}
}

// p0 is a check that the browser is sent nowhere.
func p0(do func(p *probe) landing) func(p *probe) {
	return func(p *probe) { p.nowhere(do(p)) }
}

// nearlyTheSame are URIs that a comparison which tidies up would take for the same.
func nearlyTheSame() map[string]func(uri string) string {
	inHost := func(insert string) func(string) string {
		return func(uri string) string { return strings.Replace(uri, "://", "://"+insert, 1) }
	}
	return map[string]func(string) string{
		"a slash at the end":    func(uri string) string { return uri + "/" },
		"another scheme":        func(uri string) string { return "x" + uri },
		"capital letters":       strings.ToUpper,
		"a parent directory":    inPath("/x/.."),
		"an encoded one":        inPath("/x/%2e%2e"),
		"the name of a user":    inHost("evil.example@"),
		"a subdomain":           inHost("evil."),
		"a backslash":           inPath(`\x`),
		"a line break":          func(uri string) string { return uri + "\r\nx" },
		"a space":               func(uri string) string { return uri + " " },
		"an encoded null":       func(uri string) string { return uri + "%00" },
		"an empty query":        func(uri string) string { return uri + "?" },
		"a doubly encoded dot":  inPath("/%252e"),
		"a semicolon":           func(uri string) string { return uri + ";x" },
		"another host after it": inPath(".evil.example"),
	}
}

// inPath puts a text between the host and the path.
func inPath(insert string) func(uri string) string {
	return func(uri string) string {
		parsed, err := url.Parse(uri)
		if err != nil {
			return uri + insert
		}
		return parsed.Scheme + "://" + parsed.Host + insert + parsed.EscapedPath()
	}
}

// redirecting asks for another redirect URI than the registered one.
func (p *probe) redirecting(alter func(uri string) string) landing {
	c := p.confidential()
	c.RedirectURI = alter(c.RedirectURI)
	return p.browser().authorize(p.request(c))
}
