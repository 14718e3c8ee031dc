package conformance

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"golang.org/x/net/html"
)

// dynamicCallback is the redirect URI of clients that the kit registers. Nobody is
// ever sent there: the browser stops before it.
const dynamicCallback = "https://app.example/callback"

// dynamic registers a client for one check, after which it is deleted.
func (p *probe) dynamic(metadata map[string]any) Client {
	asked := map[string]any{
		"redirect_uris": []string{dynamicCallback}, "client_name": "Conformance kit", "contacts": []string{"ops@app.example"},
		"response_types": []string{"code"}, "grant_types": []string{"authorization_code"},
	}
	for name, value := range metadata {
		asked[name] = value
	}
	got := p.register(asked)
	p.must(got.status == http.StatusCreated, "the client is not registered: %s", got.says())
	p.cleanups = append(p.cleanups, func() { p.removed(got) })
	c := Client{ID: got.text("client_id"), Secret: got.text("client_secret"), PostLogoutRedirectURI: firstOf(asked["post_logout_redirect_uris"])}
	c.RedirectURI = firstOf(asked["redirect_uris"])
	if got.text("token_endpoint_auth_method") == "private_key_jwt" {
		key := p.keyPair(0)
		c.key, c.Secret = &key, ""
	}
	return c
}

func firstOf(list any) string {
	texts, _ := list.([]string)
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// dynamicChecks are about what clients register: each makes its own.
func dynamicChecks() []Check {
	return slices.Concat(assertionChecks(), registeredChecks(), redirectChecks(), subjectChecks(), requestObjectChecks())
}

// registeredChecks hold that what is registered is what happens.
func registeredChecks() []Check {
	return []Check{
		{"registration-2-default-alg", registration, "2", "a client that registers no algorithm gets ID tokens signed with RS256", func(p *probe) {
			header := headerOf(p.signIn(p.dynamic(nil)).tokens.text("id_token"))
			p.must(header["alg"] == "RS256" && header["kid"] != nil, "the header is %v", header)
		}},
		{"registration-2-id-token-alg", registration, "2", "each advertised algorithm signs ID tokens where it is registered", func(p *probe) {
			for _, algorithm := range p.list("id_token_signing_alg_values_supported") {
				made := p.signIn(p.dynamic(map[string]any{"id_token_signed_response_alg": algorithm}))
				p.must(headerOf(made.tokens.text("id_token"))["alg"] == algorithm, "%s gives %v", algorithm, headerOf(made.tokens.text("id_token"))["alg"])
				p.idToken(made.tokens)
			}
		}},
		{"core-5.3.2-signed", core, "5.3.2", "UserInfo is a signed JWT where it is registered, with iss and aud and without a nonce", func(p *probe) {
			p.needs("userinfo_signing_alg_values_supported", "RS256")
			c := p.dynamic(map[string]any{"userinfo_signed_response_alg": "RS256"})
			made := p.signIn(c)
			got := p.get(p.endpoint("userinfo_endpoint"), bearer(made.accessToken()))
			p.must(strings.HasPrefix(got.header.Get("Content-Type"), "application/jwt"), "it is %s", got.header.Get("Content-Type"))
			p.must(headerOf(string(got.body))["alg"] == "RS256", "alg is %v", headerOf(string(got.body))["alg"])
			claims := p.verified(string(got.body))
			p.must(claims["sub"] == p.idToken(made.tokens)["sub"], "sub is %v", claims["sub"])
			p.must(claims["nonce"] == nil, "it has a nonce")
			if claims["iss"] != p.env.Issuer || claims["aud"] != c.ID {
				p.warn("iss is %v, aud is %v", claims["iss"], claims["aud"])
			}
		}},
		{"core-10.2-id-token", core, "10.2", "an ID token is signed and then encrypted where it is registered", func(p *probe) {
			p.needs("id_token_encryption_alg_values_supported", "RSA-OAEP-256")
			c := p.dynamic(map[string]any{"jwks": p.keyPair(0).set(), "id_token_encrypted_response_alg": "RSA-OAEP-256"})
			claims := p.verified(p.decrypted(p.signIn(c).tokens.text("id_token")))
			p.must(claims["iss"] == p.env.Issuer && claims["aud"] == c.ID, "iss is %v, aud is %v", claims["iss"], claims["aud"])
		}},
		{"core-10.2-userinfo", core, "10.2", "UserInfo is signed and then encrypted where it is registered", func(p *probe) {
			p.needs("userinfo_encryption_alg_values_supported", "RSA-OAEP-256")
			p.needs("userinfo_signing_alg_values_supported", "RS256")
			c := p.dynamic(map[string]any{
				"jwks": p.keyPair(0).set(), "userinfo_signed_response_alg": "RS256", "userinfo_encrypted_response_alg": "RSA-OAEP-256",
			})
			got := p.get(p.endpoint("userinfo_endpoint"), bearer(p.signIn(c).accessToken()))
			p.must(p.verified(p.decrypted(string(got.body)))["sub"] != nil, "there is no sub")
		}},
		{"registration-2-require-auth-time", registration, "2", "auth_time is in the ID token of a client that requires it, or has a default_max_age", func(p *probe) {
			for _, metadata := range []map[string]any{{"require_auth_time": true}, {"default_max_age": 3600}} {
				p.must(p.idToken(p.signIn(p.dynamic(metadata)).tokens)["auth_time"] != nil, "it is missing with %v", metadata)
			}
		}},
		{"rfc7591-2-default-scopes", "RFC 7591", "2", "a client that registers no scope gets default ones, not none", func(p *probe) {
			p.needs("scopes_supported", "profile")
			p.userInfo(p.signIn(p.dynamic(nil), with("scope", "openid profile")).accessToken())
		}},
		{"registration-2-sign-in-page", registration, "2", "the sign-in page links the client's policy and terms", func(p *probe) {
			const policy, terms = "https://app.example/policy", "https://app.example/terms"
			page := p.signInPage(p.dynamic(map[string]any{"policy_uri": policy, "tos_uri": terms}))
			p.must(slices.Contains(page.values("a", "href"), policy), "there is no link to the policy")
			p.must(slices.Contains(page.values("a", "href"), terms), "there is no link to the terms")
		}},
		{"registration-2-logo", registration, "2", "the sign-in page shows the client's logo", func(p *probe) {
			var logo bytes.Buffer
			p.must(png.Encode(&logo, image.NewNRGBA(image.Rect(0, 0, 8, 8))) == nil, "no logo")
			c := p.dynamic(map[string]any{"logo_uri": p.receiver().serve("image/png", logo.Bytes())})
			for range 20 { // it may be fetched in the background
				for _, source := range p.signInPage(c).values("img", "src") {
					address, err := url.Parse(p.endpoint("authorization_endpoint"))
					p.must(err == nil, "%v", err)
					address, err = address.Parse(source)
					p.must(err == nil, "the logo's address is %q", source)
					if p.get(address.String()).status == http.StatusOK {
						return
					}
				}
				p.pause(500 * time.Millisecond)
			}
			p.fail("there is no logo")
		}},
		{"registration-2-response-type", registration, "2", "a response type that is not advertised can't be registered", func(p *probe) {
			if slices.Contains(p.list("response_types_supported"), "id_token token") {
				p.skip("it is advertised")
			}
			got := p.register(map[string]any{
				"redirect_uris": []string{dynamicCallback}, "response_types": []string{"id_token token"}, "grant_types": []string{"implicit"},
			})
			if got.status == http.StatusCreated {
				p.removed(got)
				p.must(!slices.Contains(textsOf(got.object()["response_types"]), "id_token token"), "it was registered")
				return
			}
			p.refusal(got, http.StatusBadRequest, "invalid_client_metadata")
		}},
		{"rfc7592-2.2-replace", "RFC 7592", "2.2", "a client replaces its own record, under its own client_id only", replaceRecord},
	}
}

func textsOf(value any) []string {
	var texts []string
	list, _ := value.([]any)
	for _, each := range list {
		if text, ok := each.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func replaceRecord(p *probe) {
	made := p.register(map[string]any{"redirect_uris": []string{dynamicCallback}, "client_name": "Before"})
	address, token := made.text("registration_client_uri"), made.text("registration_access_token")
	if address == "" {
		p.skip("there is no registration_client_uri")
	}
	p.cleanups = append(p.cleanups, func() { p.removed(made) })
	put := func(metadata map[string]any) answer {
		return p.call(http.MethodPut, address, nil, bearer(token), body(p, metadata))
	}
	changed := map[string]any{"client_id": made.text("client_id"), "redirect_uris": []string{dynamicCallback}, "client_name": "After"}
	got := put(changed)
	p.must(got.status == http.StatusOK && got.text("client_name") == "After", "the answer is %s", got.says())
	p.must(p.get(address, bearer(token)).text("client_name") == "After", "the record did not change")
	changed["client_id"] = "somebody-else"
	got = put(changed)
	p.must(got.status == http.StatusBadRequest, "with another client_id the answer is %s", got.says())
}

// decrypted takes the encryption off a token.
func (p *probe) decrypted(token string) string {
	parsed, err := gojose.ParseEncryptedCompact(
		token, []gojose.KeyAlgorithm{gojose.RSA_OAEP_256}, []gojose.ContentEncryption{gojose.A128CBC_HS256, gojose.A256CBC_HS512, gojose.A128GCM, gojose.A256GCM},
	)
	p.must(err == nil, "it is not encrypted: %v", err)
	payload, err := parsed.Decrypt(p.keyPair(0).private)
	p.must(err == nil, "it can't be decrypted: %v", err)
	return string(payload)
}

// tree is a page.
type tree struct{ root *html.Node }

// signInPage returns the page at which somebody who is not signed in arrives.
func (p *probe) signInPage(c Client) tree {
	root, err := html.Parse(bytes.NewReader(p.signInAnswer(c).body))
	p.must(err == nil, "the sign-in page is no HTML")
	return tree{root}
}

// values returns an attribute of all elements of a kind.
func (t tree) values(element, name string) []string {
	var found []string
	for node := range t.root.Descendants() {
		if node.Type == html.ElementNode && node.Data == element {
			found = append(found, attribute(node, name))
		}
	}
	return found
}

// body sends a JSON document.
func body(p *probe, metadata map[string]any) change {
	encoded, err := json.Marshal(metadata)
	p.must(err == nil, "%v", err)
	return jsonBody(encoded)
}
