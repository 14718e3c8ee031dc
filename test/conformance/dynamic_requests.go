package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"authly/internal/platform/clock"
)

// redirectChecks are about redirect URIs that need a client of their own.
func redirectChecks() []Check {
	const withQuery = dynamicCallback + "?bar=foo"
	nowhere := func(id, title, sent string) Check {
		return Check{"core-3.1.2.1-" + id, core, "3.1.2.1", title, func(p *probe) {
			c := p.dynamic(map[string]any{"redirect_uris": []string{withQuery}})
			c.RedirectURI = sent
			p.nowhere(p.browser().authorize(p.request(c)))
		}}
	}
	return []Check{
		{"core-3.1.2.1-two-uris", core, "3.1.2.1", "without redirect_uri a client that has two gets no response", func(p *probe) {
			c := p.dynamic(map[string]any{"redirect_uris": []string{dynamicCallback, dynamicCallback + "2"}})
			p.nowhere(p.browser().authorize(p.request(c, without("redirect_uri"))))
		}},
		{"rfc6749-3.1.2-query", rfc6749, "3.1.2", "the query of a registered redirect URI is kept", func(p *probe) {
			c := p.dynamic(map[string]any{"redirect_uris": []string{withQuery}})
			made := p.signIn(c)
			p.must(made.response.Get("bar") == "foo", "the response is %s", made.response.Encode())
		}},
		nowhere("query-mismatch", "a redirect URI with another value in its registered query leads nowhere", dynamicCallback+"?bar=baz"),
		nowhere("query-added", "a redirect URI with a parameter more than the registered query leads nowhere", withQuery+"&more=x"),
		nowhere("query-missing", "a redirect URI without its registered query leads nowhere", dynamicCallback),
		{"rfc8252-8.4-native", "RFC 8252", "7.3", "a client with a loopback redirect URI can register, and use any port", func(p *probe) {
			c := p.dynamic(map[string]any{
				"redirect_uris": []string{"http://127.0.0.1/callback"}, "application_type": "native", "token_endpoint_auth_method": "none",
			})
			p.must(c.Secret == "", "a public client has a secret")
			c.RedirectURI = "http://127.0.0.1:49153/callback"
			p.signIn(c)
		}},
		{"registration-2-web-http", registration, "2", "a web client can't have a redirect URI without TLS", func(p *probe) {
			got := p.register(map[string]any{"redirect_uris": []string{"http://app.example/callback"}, "application_type": "web"})
			if got.status == http.StatusCreated {
				p.removed(got)
			}
			p.refusal(got, http.StatusBadRequest, "invalid_redirect_uri", "invalid_client_metadata")
		}},
	}
}

// subjectChecks are about pairwise subjects.
func subjectChecks() []Check {
	at := func(p *probe, redirectURI string, more map[string]any) any {
		metadata := map[string]any{"redirect_uris": []string{redirectURI}, "subject_type": "pairwise"}
		for name, value := range more {
			metadata[name] = value
		}
		made := p.signIn(p.dynamic(metadata))
		sub := p.idToken(made.tokens)["sub"]
		p.must(sub == p.userInfo(made.accessToken())["sub"], "the sub of UserInfo is another one")
		return sub
	}
	sector := func(p *probe, uris ...string) string {
		p.needs("subject_types_supported", "pairwise")
		r := p.receiver()
		if !strings.HasPrefix(r.url, "https://") {
			p.skip("the receiver has no https")
		}
		encoded, err := json.Marshal(uris)
		p.must(err == nil, "%v", err)
		return r.serve("application/json", encoded)
	}
	return []Check{
		{"core-8.1-pairwise", core, "8.1", "a person has one sub in a sector, and another one in the next", func(p *probe) {
			p.needs("subject_types_supported", "pairwise")
			first := at(p, "https://one.example/callback", nil)
			p.must(first == at(p, "https://one.example/other", nil), "it differs within a sector")
			p.must(first != at(p, "https://two.example/callback", nil), "it is the same in two sectors")
		}},
		{"core-8.1-two-hosts", core, "8.1", "pairwise subjects at two hosts without a sector document are refused", func(p *probe) {
			p.needs("subject_types_supported", "pairwise")
			got := p.register(map[string]any{"redirect_uris": []string{"https://one.example/callback", "https://two.example/callback"}, "subject_type": "pairwise"})
			if got.status == http.StatusCreated {
				p.removed(got)
			}
			p.refusal(got, http.StatusBadRequest, "invalid_client_metadata", "invalid_redirect_uri")
		}},
		{"registration-5-sector", registration, "5", "clients at several hosts are one sector by their sector_identifier_uri", func(p *probe) {
			one, two := "https://three.example/callback", "https://four.example/callback"
			uri := map[string]any{"sector_identifier_uri": sector(p, one, two)}
			p.must(at(p, one, uri) == at(p, two, uri), "the subs differ")
		}},
		{"registration-5-sector-lacks", registration, "5", "a sector document that lacks a redirect URI is refused", func(p *probe) {
			got := p.register(map[string]any{
				"redirect_uris": []string{dynamicCallback}, "subject_type": "pairwise", "sector_identifier_uri": sector(p, "https://somebody.example/callback"),
			})
			if got.status == http.StatusCreated {
				p.removed(got)
			}
			p.refusal(got, http.StatusBadRequest, "invalid_client_metadata", "invalid_redirect_uri")
		}},
	}
}

// requestObjectChecks are about signed requests (RFC 9101).
func requestObjectChecks() []Check {
	const rfc9101 = "RFC 9101"
	registered := func(p *probe, more map[string]any) Client {
		p.needs("request_object_signing_alg_values_supported", "RS256")
		metadata := map[string]any{"jwks": p.keyPair(0).set(), "request_object_signing_alg": "RS256"}
		for name, value := range more {
			metadata[name] = value
		}
		return p.dynamic(metadata)
	}
	object := func(p *probe, c Client, sent request, key keyPair) string {
		claims := map[string]any{"iss": c.ID, "aud": p.env.Issuer, "iat": clock.System().Now().Unix(), "exp": clock.System().Now().Unix() + 60}
		for name := range sent.Values {
			claims[name] = sent.Get(name)
		}
		return key.sign(p, claims)
	}
	// What stands beside an object is a good request by itself: a provider that
	// doesn't look at the object gives itself away by a code.
	outer := func(p *probe, c Client, name, value string) request { return p.request(c, with(name, value)) }
	byValue := func(p *probe) {
		if !p.flag("request_parameter_supported") {
			p.skip("request_parameter_supported is not true")
		}
	}
	refused := func(id, title string, token func(p *probe, good string, c Client, inside request) string) Check {
		return Check{"rfc9101-6-" + id, rfc9101, "6", title, func(p *probe) {
			byValue(p)
			c := registered(p, nil)
			inside := p.request(c)
			sent := outer(p, c, "request", token(p, object(p, c, inside, p.keyPair(0)), c, inside))
			ended := p.browser().authorize(sent)
			if ended.response == nil {
				p.nowhere(ended)
				return
			}
			p.refused(ended, sent, "invalid_request_object", "invalid_request")
		}}
	}
	return []Check{
		{"rfc9101-5-request", rfc9101, "5", "what a signed request object says is what counts", func(p *probe) {
			byValue(p)
			c := registered(p, nil)
			inside := p.request(c)
			sent := outer(p, c, "request", object(p, c, inside, p.keyPair(0)))
			sent.Set("nonce", "from outside")
			response := p.browser().code(sent)
			p.must(response.Get("state") == inside.Get("state"), "state is %q", response.Get("state"))
			tokens := p.redeem(c, inside, response.Get("code"))
			p.must(tokens.status == http.StatusOK, "the code is answered with %s", tokens.says())
			p.must(p.idToken(tokens)["nonce"] == inside.Get("nonce"), "nonce is %v", p.idToken(tokens)["nonce"])
		}},
		refused("signature", "a request object that was signed with another key is refused", func(p *probe, _ string, c Client, inside request) string {
			other := p.keyPair(1)
			other.id = p.keyPair(0).id
			return object(p, c, inside, other)
		}),
		refused("unsigned", "a request object without a signature is refused", func(_ *probe, good string, _ Client, _ request) string { return unsigned(good) }),
		refused("client", "a request object about another client is refused", func(p *probe, _ string, c Client, inside request) string {
			inside.Values = url.Values{
				"client_id": {"somebody-else"}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {inside.Get("redirect_uri")},
			}
			return object(p, c, inside, p.keyPair(0))
		}),
		{"rfc9101-10.5-required", rfc9101, "10.5", "a client that has to send a request object is refused without", func(p *probe) {
			byValue(p)
			sent := p.request(registered(p, map[string]any{"require_signed_request_object": true}))
			ended := p.browser().authorize(sent)
			p.must(ended.response.Get("code") == "", "a code was issued")
		}},
		{"core-6.1-redirect-uri", core, "6.1", "the redirect_uri inside of an object counts, or the request leads nowhere", func(p *probe) {
			byValue(p)
			c := registered(p, nil)
			inside := p.request(c)
			sent := outer(p, c, "request", object(p, c, inside, p.keyPair(0)))
			sent.Set("redirect_uri", "https://evil.example/callback")
			address := p.endpoint("authorization_endpoint") + "?" + sent.Encode()
			ended := p.browser().drive(http.MethodGet, address, nil, dynamicCallback)
			if ended.response == nil {
				p.nowhere(ended)
				return
			}
			p.must(ended.response.Get("state") == inside.Get("state"), "the response is %s", ended.response.Encode())
		}},
		{"core-6.2-request-uri", core, "6.2", "a request object is fetched from the very address that was registered", func(p *probe) {
			if !p.flag("request_uri_parameter_supported") {
				p.skip("request_uri_parameter_supported is not true")
			}
			r := p.receiver()
			address := r.serve("application/oauth-authz-req+jwt", nil)
			c := registered(p, map[string]any{"request_uris": []string{address + "#first"}})
			inside := p.request(c)
			r.replace(address, "application/oauth-authz-req+jwt", []byte(object(p, c, inside, p.keyPair(0))))
			response := p.browser().code(outer(p, c, "request_uri", address+"#first"))
			p.must(response.Get("state") == inside.Get("state"), "state is %q", response.Get("state"))
			other := outer(p, c, "request_uri", address+"#second")
			p.must(p.browser().authorize(other).response.Get("code") == "", "another address is taken too")
		}},
	}
}

// unsigned takes the signature from a token.
func unsigned(token string) string {
	return "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + strings.Split(token, ".")[1] + "."
}
