package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// metadataChecks are about what the values of the metadata mean, and whether they
// are true.
func metadataChecks() []Check {
	return []Check{
		{"rfc8414-2-issuer", rfc8414, "2", "the issuer has no query, no fragment and no name of a user", func(p *probe) {
			parsed, err := url.Parse(p.text("issuer"))
			p.must(err == nil && parsed.RawQuery == "" && !parsed.ForceQuery && parsed.Fragment == "" && parsed.User == nil, "it is %q", p.text("issuer"))
			if strings.HasSuffix(parsed.Path, "/") {
				p.warn("it ends with a slash, which clients leave out or add")
			}
		}},
		{"rfc8414-2-host", rfc8414, "2", "what a request says about its host changes nothing", func(p *probe) {
			got := p.get(p.env.base()+"/.well-known/openid-configuration", func(r *http.Request) {
				r.Header.Set("X-Forwarded-Host", "evil.example")
				r.Header.Set("X-Forwarded-Proto", "gopher")
				r.Header.Set("Forwarded", "host=evil.example;proto=gopher")
			})
			p.must(!strings.Contains(string(got.body), "evil.example") && !strings.Contains(string(got.body), "gopher"), "the document has it")
		}},
		{"discovery-3-subject-types", oidcDiscovery, "3", "the subject types are public or pairwise", func(p *probe) {
			for _, kind := range p.list("subject_types_supported") {
				p.must(kind == "public" || kind == "pairwise", "%s is listed", kind)
			}
		}},
		{"discovery-3-code", oidcDiscovery, "3", "the response type code is listed", func(p *probe) { p.mustList("response_types_supported", "code") }},
		{"oauth21-4-response-types", oauth21, "4", "no response type gives a token at the authorization endpoint", func(p *probe) {
			for _, responseType := range p.list("response_types_supported") {
				words := strings.Fields(responseType)
				p.must(!slices.Contains(words, "token"), "%q is listed", responseType)
				if slices.Contains(words, "id_token") {
					p.warn("%q is listed", responseType)
				}
			}
		}},
		{"rfc8414-2-auth-methods", rfc8414, "2", "the authentication methods of the clients are listed", func(p *probe) {
			methods := p.list("token_endpoint_auth_methods_supported")
			if methods == nil {
				methods = []string{"client_secret_basic"}
			}
			p.must(p.env.Client.Secret == "" || slices.Contains(methods, "client_secret_basic"), "client_secret_basic is not in %v", methods)
			p.must(p.env.PostClient.Secret == "" || slices.Contains(methods, "client_secret_post"), "client_secret_post is not in %v", methods)
			p.must(p.env.Public.ID == "" || slices.Contains(methods, "none"), "none is not in %v", methods)
		}},
		{"rfc8414-2-auth-algorithms", rfc8414, "2", "where clients sign assertions, the algorithms are listed, and none is not", func(p *probe) {
			for _, endpoint := range []string{"token", "revocation", "introspection"} {
				methods, algorithms := p.list(endpoint+"_endpoint_auth_methods_supported"), p.list(endpoint+"_endpoint_auth_signing_alg_values_supported")
				signs := slices.Contains(methods, "private_key_jwt") || slices.Contains(methods, "client_secret_jwt")
				p.must(!signs || len(algorithms) > 0, "%s_endpoint_auth_signing_alg_values_supported is missing", endpoint)
				p.must(!slices.Contains(algorithms, "none"), "none is listed for the %s endpoint", endpoint)
			}
		}},
		{"discovery-3-request-object-rs256", oidcDiscovery, "3", "algorithms of request objects have RS256, where they are listed", func(p *probe) {
			algorithms := p.list("request_object_signing_alg_values_supported")
			if algorithms != nil && !slices.Contains(algorithms, "RS256") {
				p.warn("they are %v", algorithms)
			}
		}},
		{"discovery-3-locales", oidcDiscovery, "3", "locales are language tags", func(p *probe) {
			for _, member := range []string{"ui_locales_supported", "claims_locales_supported"} {
				for _, tag := range p.list(member) {
					_, err := language.Parse(tag)
					p.must(err == nil, "%s has %q", member, tag)
				}
			}
		}},
		{"discovery-3-sub", oidcDiscovery, "3", "sub is among the claims, and the kinds of claims are known ones", func(p *probe) {
			if p.env.metadata["claims_supported"] == nil {
				p.skip("there is no claims_supported")
			}
			p.mustList("claims_supported", "sub")
			for _, kind := range p.list("claim_types_supported") {
				p.must(slices.Contains([]string{"normal", "aggregated", "distributed"}, kind), "claim_types_supported has %q", kind)
			}
		}},
		{"jwks-6-known", "RFC 7517", "4.1", "keys are of types and on curves that clients know", func(p *probe) {
			for _, key := range p.keys() {
				if !slices.Contains([]any{"RSA", "EC", "OKP"}, key["kty"]) {
					p.warn("%v is of the type %v", key["kid"], key["kty"])
				}
				if key["crv"] != nil && !slices.Contains([]any{"P-256", "P-384", "P-521", "Ed25519"}, key["crv"]) {
					p.warn("%v is on the curve %v", key["kid"], key["crv"])
				}
			}
		}},
		{"jwks-8.5-response", "RFC 7517", "8.5", "the key set is JSON, for everybody, and may be kept for a while", func(p *probe) {
			got := p.get(p.endpoint("jwks_uri"), header("Origin", "https://app.example"))
			kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
			p.must(kind == "application/json" || kind == "application/jwk-set+json", "it is %s", kind)
			p.must(json.Valid(got.body), "it can't be read")
			if got.header.Get("Access-Control-Allow-Origin") != "*" {
				p.warn("scripts of other origins can't read it")
			}
			if !strings.Contains(got.header.Get("Cache-Control"), "max-age") {
				p.warn("Cache-Control is %q", got.header.Get("Cache-Control"))
			}
		}},
		{"rfc10017-preflight", "RFC 10017", "6", "scripts may call what they need: tokens, keys, metadata, UserInfo and revocation", func(p *probe) {
			for _, name := range []string{"token_endpoint", "userinfo_endpoint", "revocation_endpoint"} {
				if p.text(name) == "" {
					continue
				}
				got := p.call(http.MethodOptions, p.text(name), nil, header("Origin", "https://app.example"),
					header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "authorization"))
				if got.header.Get("Access-Control-Allow-Origin") == "" {
					p.warn("%s does not allow it", name)
				}
				p.must(got.header.Get("Access-Control-Allow-Credentials") == "", "%s allows credentials", name)
			}
		}},
	}
}
