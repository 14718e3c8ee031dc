package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

const registration = "OpenID Connect Registration 1.0"

// registrationChecks register clients, and delete them again.
func registrationChecks() []Check {
	base := map[string]any{"redirect_uris": []string{"https://app.example/callback"}, "client_name": "Conformance kit", "contacts": []string{"ops@app.example"}}
	changed := func(changes map[string]any) map[string]any {
		metadata := map[string]any{}
		for _, members := range []map[string]any{base, changes} {
			for name, value := range members {
				metadata[name] = value
			}
		}
		return metadata
	}
	accepted := func(p *probe, changes map[string]any) answer {
		got := p.register(changed(changes))
		p.must(got.status == http.StatusCreated, "the answer is %s", got.says())
		p.removed(got)
		return got
	}
	refused := func(p *probe, changes map[string]any, codes ...string) {
		got := p.register(changed(changes))
		if got.status == http.StatusCreated {
			p.removed(got)
		}
		p.refusal(got, http.StatusBadRequest, codes...)
	}
	return []Check{
		{"registration-3.2-response", registration, "3.2", "a client is registered with 201, and gets what it needs", func(p *probe) {
			got := accepted(p, nil)
			p.must(got.text("client_id") != "", "there is no client_id")
			if got.text("client_secret") != "" {
				_, there := got.object()["client_secret_expires_at"]
				p.must(there, "client_secret_expires_at is missing")
			}
			if got.object()["client_id_issued_at"] == nil {
				p.warn("client_id_issued_at is missing")
			}
			p.must((got.text("registration_client_uri") == "") == (got.text("registration_access_token") == ""), "one of registration_client_uri and registration_access_token is missing")
		}},
		{"rfc7591-2-unknown", "RFC 7591", "2", "unknown members of a registration are ignored", func(p *probe) { accepted(p, map[string]any{"urn:example:unheard-of": map[string]any{"x": 1}}) }},
		{"rfc7591-3.2.1-method", "RFC 7591", "3.2.1", "the authentication method that is registered is said", func(p *probe) {
			p.needs("token_endpoint_auth_methods_supported", "client_secret_post")
			got := accepted(p, map[string]any{"token_endpoint_auth_method": "client_secret_post"})
			p.must(got.text("token_endpoint_auth_method") == "client_secret_post", "it is %q", got.text("token_endpoint_auth_method"))
		}},
		{"rfc7591-2-defaults", "RFC 7591", "2", "what a client leaves out has the defaults of the specification, and is said", func(p *probe) {
			got := accepted(p, nil)
			grants, types := textsOf(got.object()["grant_types"]), textsOf(got.object()["response_types"])
			p.must(slices.Equal(grants, []string{"authorization_code"}) || slices.Equal(grants, []string{"authorization_code", "refresh_token"}), "grant_types are %v", grants)
			p.must(slices.Equal(types, []string{"code"}), "response_types are %v", types)
			method := got.text("token_endpoint_auth_method")
			p.must(method == "client_secret_basic", "token_endpoint_auth_method is %q", method)
		}},
		{"rfc7591-3.2.1-no-store", "RFC 7591", "3.2.1", "the answer to a registration is not to be stored", func(p *probe) {
			got := accepted(p, nil)
			p.must(strings.Contains(got.header.Get("Cache-Control"), "no-store"), "Cache-Control is %q", got.header.Get("Cache-Control"))
		}},
		{"registration-2-keys-and-secret", registration, "2", "a client may register keys beside its secret", func(p *probe) {
			accepted(p, map[string]any{"jwks": p.keyPair(0).set()})
		}},
		{"registration-2-native", registration, "2", "a client at a loopback address that doesn't say that it is native is not turned away", func(p *probe) {
			got := p.register(map[string]any{"redirect_uris": []string{"http://127.0.0.1:3000/callback"}, "token_endpoint_auth_method": "none"})
			if got.status != http.StatusCreated {
				p.warn("the answer is %s", got.says())
				return
			}
			p.removed(got)
		}},
		{"registration-2-malformed", registration, "3.3", "a registration that is no JSON object is an error, in JSON", func(p *probe) {
			if p.env.Registration != "open" && p.env.InitialAccessToken == "" {
				p.skip("no initial access token is configured")
			}
			changes := []change{jsonBody([]byte("[1"))}
			if p.env.InitialAccessToken != "" {
				changes = append(changes, bearer(p.env.InitialAccessToken))
			}
			got := p.call(http.MethodPost, p.endpoint("registration_endpoint"), nil, changes...)
			p.refusal(got, http.StatusBadRequest, "invalid_client_metadata", "invalid_request")
		}},
		{"registration-2-fragment", registration, "2", "a redirect URI with a fragment can't be registered", func(p *probe) {
			refused(p, map[string]any{"redirect_uris": []string{"https://app.example/callback#x"}}, "invalid_redirect_uri", "invalid_client_metadata")
		}},
		{"oauth21-8.4.2-scheme", oauth21, "8.4.2", "a redirect URI that runs code is refused", func(p *probe) {
			for _, uri := range []string{"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "about:blank", "blob:x"} {
				refused(p, map[string]any{"redirect_uris": []string{uri}}, "invalid_redirect_uri", "invalid_client_metadata")
			}
		}},
		{"registration-2-no-uris", registration, "2", "a client without redirect URIs can't be registered", func(p *probe) {
			refused(p, map[string]any{"redirect_uris": []string{}}, "invalid_redirect_uri", "invalid_client_metadata")
		}},
		{"registration-2-two-key-sets", registration, "2", "a client with jwks and jwks_uri can't be registered", func(p *probe) {
			refused(p, map[string]any{"jwks": map[string]any{"keys": []any{}}, "jwks_uri": "https://app.example/jwks"}, "invalid_client_metadata")
		}},
		{"registration-2-private-key", registration, "2", "a client that gives away a secret key can't be registered", func(p *probe) {
			refused(p, map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "AAAA"}}}}, "invalid_client_metadata")
		}},
		{"registration-2-initiate-login", registration, "2", "initiate_login_uri has to be https, and is said back", func(p *probe) {
			refused(p, map[string]any{"initiate_login_uri": "http://app.example/login"}, "invalid_client_metadata")
			got := accepted(p, map[string]any{"initiate_login_uri": "https://app.example/login"})
			p.must(got.text("initiate_login_uri") == "https://app.example/login", "it is %q", got.text("initiate_login_uri"))
		}},
		{"registration-2-none", registration, "2", "ID tokens without a signature can't be registered", func(p *probe) {
			if slices.Contains(p.list("id_token_signing_alg_values_supported"), "none") {
				p.skip("none is advertised")
			}
			refused(p, map[string]any{"id_token_signed_response_alg": "none"}, "invalid_client_metadata")
		}},
		{"registration-4-read", registration, "4", "the client can read its record, and nobody else can", func(p *probe) {
			got := p.register(changed(nil))
			address, token := got.text("registration_client_uri"), got.text("registration_access_token")
			if address == "" {
				p.skip("there is no registration_client_uri")
			}
			read := p.get(address, bearer(token))
			p.must(read.status == http.StatusOK && read.text("client_id") == got.text("client_id"), "the answer is %s", read.says())
			p.must(p.get(address, bearer("nonsense")).status == http.StatusUnauthorized, "a wrong token is taken")
			p.removed(got)
			p.must(p.get(address, bearer(token)).status == http.StatusUnauthorized, "the record is there after it was deleted")
		}},
		{"registration-4-initiate-login", registration, "4", "initiate_login_uri is in the record that the client reads", func(p *probe) {
			got := p.register(changed(map[string]any{"initiate_login_uri": "https://app.example/login"}))
			p.must(got.status == http.StatusCreated, "the answer is %s", got.says())
			if got.text("registration_client_uri") == "" {
				p.skip("there is no registration_client_uri")
			}
			read := p.get(got.text("registration_client_uri"), bearer(got.text("registration_access_token")))
			p.must(read.text("initiate_login_uri") == "https://app.example/login", "it is %q", read.text("initiate_login_uri"))
			p.removed(got)
		}},
		{"rfc7591-3-preflight", "RFC 7591", "3", "scripts may ask with the header of the Model Context Protocol", func(p *probe) {
			if p.env.Registration != "open" {
				p.skip("registration is not open")
			}
			got := p.call(http.MethodOptions, p.endpoint("registration_endpoint"), nil, header("Origin", "https://app.example"),
				header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "content-type,mcp-protocol-version"))
			if !strings.Contains(strings.ToLower(got.header.Get("Access-Control-Allow-Headers")), "mcp-protocol-version") {
				p.warn("Access-Control-Allow-Headers is %q", got.header.Get("Access-Control-Allow-Headers"))
			}
		}},
		{"rfc7591-3-cors", "RFC 7591", "3", "scripts can register clients where anybody may", func(p *probe) {
			if p.env.Registration != "open" {
				p.skip("registration is not open")
			}
			request := p.register(changed(nil), header("Origin", "https://app.example"))
			p.removed(request)
			if request.header.Get("Access-Control-Allow-Origin") == "" {
				p.warn("there is no Access-Control-Allow-Origin")
			}
		}},
	}
}

// register sends a registration request, and skips the check where nobody may.
func (p *probe) register(metadata map[string]any, changes ...change) answer {
	address := p.endpoint("registration_endpoint")
	if p.env.Registration != "open" && p.env.InitialAccessToken == "" {
		p.skip("no initial access token is configured")
	}
	encoded, err := json.Marshal(metadata)
	p.must(err == nil, "%v", err)
	changes = append(changes, jsonBody(encoded))
	if p.env.InitialAccessToken != "" {
		changes = append(changes, bearer(p.env.InitialAccessToken))
	}
	return p.call(http.MethodPost, address, nil, changes...)
}

// jsonBody makes a document the body of a request.
func jsonBody(encoded []byte) change {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
	}
}

// removed deletes a client that a check made, where that can be done.
func (p *probe) removed(made answer) {
	address := made.text("registration_client_uri")
	if address == "" {
		return
	}
	got := p.call(http.MethodDelete, address, nil, bearer(made.text("registration_access_token")))
	if got.status != http.StatusNoContent {
		p.warn("deleting it is answered with %d", got.status)
	}
}
