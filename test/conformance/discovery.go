package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	oidcDiscovery = "OpenID Connect Discovery 1.0"
	rfc8414       = "RFC 8414"
	rfc7636       = "RFC 7636"
)

// isAbsolute tells whether a text is a URL that a client can follow.
func isAbsolute(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Host != "" && (parsed.Scheme == "https" || parsed.Scheme == "http" && isLoopback(parsed.Hostname()))
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

// discoveryChecks has two checks for each of eight members, as every kit has, and
// then what the members must be together.
func discoveryChecks() []Check {
	var checks []Check
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		checks = append(checks, present(name), Check{
			"discovery-3-type-" + name, oidcDiscovery, "3", name + " is a text",
			func(p *probe) { p.must(p.text(name) != "", "%s is %s", name, p.env.metadata[name]) },
		})
	}
	for _, name := range []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		checks = append(checks, present(name), Check{
			"discovery-3-type-" + name, oidcDiscovery, "3", name + " is a list of texts",
			func(p *probe) { p.must(len(p.list(name)) > 0, "%s is %s", name, p.env.metadata[name]) },
		})
	}
	checks = append(checks, Check{"discovery-3-https", oidcDiscovery, "3", "the issuer is https, or on this machine", func(p *probe) {
		p.must(isAbsolute(p.text("issuer")), "issuer is %s", p.text("issuer"))
	}})
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		checks = append(checks, Check{"discovery-3-absolute-" + name, oidcDiscovery, "3", name + " is an absolute URL", func(p *probe) {
			p.must(isAbsolute(p.endpoint(name)), "%s is %s", name, p.text(name))
		}})
	}
	return append(
		checks,
		Check{"rfc7636-5-s256", rfc7636, "5", "S256 is listed in code_challenge_methods_supported", func(p *probe) {
			p.must(slices.Contains(p.list("code_challenge_methods_supported"), "S256"), "the methods are %v", p.list("code_challenge_methods_supported"))
		}},
		Check{"discovery-4.3-issuer", oidcDiscovery, "4.3", "the issuer in the document is the one that was asked", func(p *probe) {
			p.must(p.text("issuer") == p.env.Issuer, "it is %q", p.text("issuer"))
		}},
		Check{"discovery-4.2-response", oidcDiscovery, "4.2", "the document is JSON, for everybody, and may be kept for a while", func(p *probe) {
			got := p.get(p.env.base()+"/.well-known/openid-configuration", header("Origin", "https://app.example"))
			p.must(strings.HasPrefix(got.header.Get("Content-Type"), "application/json"), "it is %s", got.header.Get("Content-Type"))
			if got.header.Get("Access-Control-Allow-Origin") != "*" {
				p.warn("scripts of other origins can't read it")
			}
			if !strings.Contains(got.header.Get("Cache-Control"), "max-age") {
				p.warn("Cache-Control is %q", got.header.Get("Cache-Control"))
			}
		}},
		Check{"rfc8414-3-same", rfc8414, "3", "the OAuth document says the same as the OpenID document", sameDocument},
		Check{"rfc8414-2-nothing-empty", rfc8414, "2", "no member is empty or null", func(p *probe) {
			for name, raw := range p.env.metadata {
				p.must(!slices.Contains([]string{"null", "[]", `""`, "{}"}, string(raw)), "%s is %s", name, raw)
			}
		}},
		Check{"rfc8414-2-registered", rfc8414, "7.1.2", "only registered names are used", func(p *probe) {
			for name := range p.env.metadata {
				if !slices.Contains(registeredMembers(), name) {
					p.warn("%s is not in the registry", name)
				}
			}
		}},
		Check{"rfc8414-2-types", rfc8414, "2", "flags are booleans and lists are lists of texts", typesOfMembers},
		Check{"rfc8414-2-endpoints", rfc8414, "2", "every endpoint is an absolute URL", func(p *probe) {
			for name := range p.env.metadata {
				p.must(!strings.HasSuffix(name, "_endpoint") || isAbsolute(p.text(name)), "%s is %s", name, p.env.metadata[name])
			}
		}},
		Check{"discovery-3-request-uri", oidcDiscovery, "3", "request_uri_parameter_supported is said, since it would be true otherwise", func(p *probe) {
			p.must(p.env.metadata["request_uri_parameter_supported"] != nil, "it is missing")
		}},
		Check{"discovery-3-grants", oidcDiscovery, "3", "grant_types_supported is said, since it would have implicit otherwise", func(p *probe) {
			grants := p.list("grant_types_supported")
			p.must(slices.Contains(grants, "authorization_code"), "the grants are %v", grants)
			p.must(!slices.Contains(grants, "implicit") && !slices.Contains(grants, "password"), "OAuth 2.1 has dropped one of %v", grants)
		}},
		Check{"discovery-3-recommended", oidcDiscovery, "3", "scopes_supported is there with openid, and so is claims_supported", func(p *probe) {
			if p.env.metadata["scopes_supported"] != nil {
				p.must(slices.Contains(p.list("scopes_supported"), "openid"), "the scopes are %v", p.list("scopes_supported"))
			} else {
				p.warn("scopes_supported is missing")
			}
			if p.env.metadata["claims_supported"] == nil {
				p.warn("claims_supported is missing")
			}
		}},
		Check{"discovery-3-rs256", oidcDiscovery, "3", "RS256 is listed for ID tokens", func(p *probe) { p.mustList("id_token_signing_alg_values_supported", "RS256") }},
		Check{"rfc8725-3.2-none", "RFC 8725", "3.2", "the algorithm none is listed nowhere", func(p *probe) {
			for name := range p.env.metadata {
				p.must(!strings.Contains(name, "_alg_") || !slices.Contains(p.list(name), "none"), "%s lists none", name)
			}
		}},
		Check{"rfc7636-4.2-plain", rfc7636, "4.2", "the code challenge method plain is not listed", func(p *probe) {
			p.must(!slices.Contains(p.list("code_challenge_methods_supported"), "plain"), "the methods are %v", p.list("code_challenge_methods_supported"))
		}},
		Check{"rfc9207-3-flag", "RFC 9207", "3", "iss in responses is announced", func(p *probe) {
			if !p.flag("authorization_response_iss_parameter_supported") {
				p.warn("authorization_response_iss_parameter_supported is not true")
			}
		}},
	)
}

func present(name string) Check {
	return Check{"discovery-3-" + name, oidcDiscovery, "3", name + " is there", func(p *probe) {
		p.must(p.env.metadata[name] != nil, "it is missing")
	}}
}

func (p *probe) mustList(member, value string) {
	p.must(slices.Contains(p.list(member), value), "%s is %v", member, p.list(member))
}

func sameDocument(p *probe) {
	parsed, err := url.Parse(p.env.Issuer)
	p.must(err == nil, "the issuer is no URL")
	path := strings.TrimSuffix(parsed.Path, "/")
	parsed.Path = "/.well-known/oauth-authorization-server" + path
	got := p.get(parsed.String())
	if got.status == 404 {
		p.skip("there is no document at %s", parsed)
	}
	var members map[string]json.RawMessage
	p.must(json.Unmarshal(got.body, &members) == nil, "%s is no JSON object", parsed)
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"} {
		p.must(string(members[name]) == string(p.env.metadata[name]), "%s is %s there", name, members[name])
	}
}

func typesOfMembers(p *probe) {
	for name, raw := range p.env.metadata {
		var flag bool
		isFlag := json.Unmarshal(raw, &flag) == nil
		wantsFlag := slices.Contains([]string{
			"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration",
			"authorization_response_iss_parameter_supported", "backchannel_logout_supported", "backchannel_logout_session_supported",
			"frontchannel_logout_supported", "frontchannel_logout_session_supported", "require_pushed_authorization_requests",
			"tls_client_certificate_bound_access_tokens", "require_signed_request_object", "client_id_metadata_document_supported",
		}, name)
		p.must(isFlag == wantsFlag, "%s is %s", name, raw)
		if !wantsFlag && (strings.HasSuffix(name, "_supported") || strings.HasSuffix(name, "_values_supported")) {
			p.must(p.list(name) != nil, "%s is %s", name, raw)
		}
	}
}

// registeredMembers are the names of the IANA registry "OAuth Authorization Server
// Metadata" that a provider of OpenID Connect can have.
func registeredMembers() []string {
	names := []string{
		"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint", "scopes_supported", "response_types_supported",
		"response_modes_supported", "grant_types_supported", "service_documentation", "ui_locales_supported", "op_policy_uri", "op_tos_uri",
		"revocation_endpoint", "introspection_endpoint", "code_challenge_methods_supported", "signed_metadata", "device_authorization_endpoint",
		"userinfo_endpoint", "acr_values_supported", "subject_types_supported", "display_values_supported", "claim_types_supported", "claims_supported",
		"claims_locales_supported", "claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported",
		"require_request_uri_registration", "require_signed_request_object", "pushed_authorization_request_endpoint",
		"require_pushed_authorization_requests", "authorization_response_iss_parameter_supported", "check_session_iframe",
		"frontchannel_logout_supported", "frontchannel_logout_session_supported", "backchannel_logout_supported", "backchannel_logout_session_supported",
		"end_session_endpoint", "dpop_signing_alg_values_supported", "authorization_details_types_supported", "prompt_values_supported",
		"protected_resources", "client_id_metadata_document_supported", "mtls_endpoint_aliases", "tls_client_certificate_bound_access_tokens",
		"authorization_signing_alg_values_supported", "authorization_encryption_alg_values_supported", "authorization_encryption_enc_values_supported",
		"backchannel_authentication_endpoint", "backchannel_token_delivery_modes_supported", "nfv_token_signing_alg_values_supported",
	}
	for _, subject := range []string{"id_token", "userinfo", "request_object", "introspection"} {
		names = append(names, subject+"_signing_alg_values_supported", subject+"_encryption_alg_values_supported", subject+"_encryption_enc_values_supported")
	}
	for _, endpoint := range []string{"token", "revocation", "introspection"} {
		names = append(names, endpoint+"_endpoint_auth_methods_supported", endpoint+"_endpoint_auth_signing_alg_values_supported")
	}
	return names
}

// keyChecks are about the JWK Set.
func keyChecks() []Check {
	check := func(id, section, title string, run func(p *probe, key map[string]any, name string)) Check {
		return Check{"jwks-" + id, "RFC 7517", section, title, func(p *probe) {
			for i, key := range p.keys() {
				run(p, key, fmt.Sprintf("key %d", i))
			}
		}}
	}
	member := func(name, section string) Check {
		return Check{"rfc7518-" + section + "-" + name, "RFC 7518", section, "RSA keys have " + name, func(p *probe) {
			for i, key := range p.keys() {
				p.must(key["kty"] != "RSA" || key[name] != nil, "key %d has no %s", i, name)
			}
		}}
	}
	return []Check{
		{"jwks-5-keys", "RFC 7517", "5", "the key set has keys", func(p *probe) { p.must(len(p.keys()) > 0, "there is none") }},
		check("4.1-kty", "4.1", "each key has kty", func(p *probe, key map[string]any, name string) { p.must(key["kty"] != nil, "%s has none", name) }),
		check("4.2-use", "4.2", "each key has use sig", func(p *probe, key map[string]any, name string) {
			p.must(key["use"] == "sig", "%s has %v", name, key["use"])
		}),
		check("4.5-kid", "4.5", "each key has kid", func(p *probe, key map[string]any, name string) {
			text, _ := key["kid"].(string)
			p.must(text != "", "%s has none", name)
		}),
		member("n", "6.3.1.1"),
		member("e", "6.3.1.2"),
		check("4.4-alg", "4.4", "each key has an asymmetric alg", func(p *probe, key map[string]any, name string) {
			alg, _ := key["alg"].(string)
			p.must(slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}, alg), "%s has %q", name, alg)
		}),
		check("9.3-private", "9.3", "no key is private or symmetric", func(p *probe, key map[string]any, name string) {
			for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
				p.must(key[member] == nil, "%s has %s", name, member)
			}
		}),
		{"jwks-4.5-distinct", "RFC 7517", "4.5", "no two keys have one kid", func(p *probe) {
			seen := map[any]bool{}
			for _, key := range p.keys() {
				p.must(!seen[key["kid"]], "%v is there twice", key["kid"])
				seen[key["kid"]] = true
			}
		}},
		{"jwks-rs256", oidcDiscovery, "3", "a key for RS256 is published", func(p *probe) {
			p.must(slices.ContainsFunc(p.keys(), func(key map[string]any) bool {
				return key["alg"] == "RS256" || key["kty"] == "RSA" && key["alg"] == nil
			}), "there is none")
		}},
	}
}

// keys returns the published keys.
func (p *probe) keys() []map[string]any {
	got := p.get(p.endpoint("jwks_uri"))
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	p.must(got.status == 200 && json.Unmarshal(got.body, &set) == nil, "jwks_uri answers with %s", got.says())
	return set.Keys
}
