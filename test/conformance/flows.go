package conformance

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

// grant is what came of a whole sign-in.
type grant struct {
	browser  *browser
	request  request
	response url.Values
	tokens   answer
}

// plain is a request as older OpenID clients send it, for a client that may.
func (c Client) plain() url.Values {
	if c.WithoutPKCE {
		return without("code_challenge", "code_challenge_method")
	}
	return nil
}

// code signs the user in and returns the response, which must have a code.
func (b *browser) code(sent request) url.Values {
	b.p.user()
	ended := b.authorize(sent)
	if ended.response == nil {
		b.p.fail("the sign-in ends at a page: %s %d", ended.page.url, ended.page.status)
	}
	if ended.response.Get("code") == "" {
		b.p.fail("the response is %s", ended.response.Encode())
	}
	return ended.response
}

// redeem exchanges a code; changes are of the form.
func (p *probe) redeem(c Client, sent request, code string, changes ...url.Values) answer {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {sent.Get("redirect_uri")}}
	if sent.Get("code_challenge") != "" {
		form.Set("code_verifier", sent.verifier)
	}
	for _, change := range changes {
		for name, values := range change {
			form[name] = values
			if len(values) == 0 {
				delete(form, name)
			}
		}
	}
	return p.token(c, form)
}

// token sends a token request as a client.
func (p *probe) token(c Client, form url.Values) answer {
	if c.key != nil {
		return p.asserted(p.assertion(c, nil), form)
	}
	if c.Secret == "" {
		form = maps.Clone(form)
		form.Set("client_id", c.ID)
		return p.post(p.endpoint("token_endpoint"), form)
	}
	return p.post(p.endpoint("token_endpoint"), form, basic(c))
}

// signIn goes the whole way in a new browser.
func (p *probe) signIn(c Client, changes ...url.Values) grant {
	return p.browser().signIn(c, changes...)
}

func (b *browser) signIn(c Client, changes ...url.Values) grant {
	sent := b.p.request(c, append([]url.Values{c.plain()}, changes...)...)
	made := grant{browser: b, request: sent, response: b.code(sent)}
	made.tokens = b.p.redeem(c, sent, made.response.Get("code"))
	b.p.must(made.tokens.status == http.StatusOK, "the code is answered with %s", made.tokens.says())
	return made
}

func (g grant) accessToken() string { return g.tokens.text("access_token") }

// idToken verifies the ID token with the published keys and returns its claims.
func (p *probe) idToken(tokens answer) map[string]any {
	token := tokens.text("id_token")
	p.must(token != "", "there is no id_token")
	return p.verified(token)
}

func (p *probe) verified(token string) map[string]any {
	parsed, err := gojose.ParseSignedCompact(token, []gojose.SignatureAlgorithm{
		gojose.RS256, gojose.PS256, gojose.ES256, gojose.EdDSA, gojose.RS384, gojose.RS512, gojose.PS384, gojose.PS512, gojose.ES384, gojose.ES512,
	})
	p.must(err == nil, "a token is no signed JWT: %v", err)
	kid := parsed.Signatures[0].Header.KeyID
	var set gojose.JSONWebKeySet
	got := p.get(p.endpoint("jwks_uri"))
	p.must(json.Unmarshal(got.body, &set) == nil, "the JWK Set can't be read")
	found := set.Key(kid)
	p.must(kid != "" && len(found) == 1, "%d keys have the kid %q", len(found), kid)
	algorithm := parsed.Signatures[0].Header.Algorithm
	p.must(found[0].Algorithm == "" || found[0].Algorithm == algorithm, "a token is signed with %s, and its key is for %s", algorithm, found[0].Algorithm)
	payload, err := parsed.Verify(found[0])
	p.must(err == nil, "the signature does not match")
	var claims map[string]any
	p.must(json.Unmarshal(payload, &claims) == nil, "the payload is no JSON object")
	return claims
}

// headerOf returns the header of a JWT without looking at its signature.
func headerOf(token string) map[string]any {
	encoded, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	var members map[string]any
	if err != nil || json.Unmarshal(decoded, &members) != nil {
		return nil
	}
	return members
}

// userInfo asks for the claims of a token.
func (p *probe) userInfo(token string) map[string]any {
	got := p.get(p.endpoint("userinfo_endpoint"), bearer(token))
	p.must(got.status == http.StatusOK && got.object() != nil, "UserInfo answers with %s", got.says())
	return got.object()
}

// refused checks that a request ends at the client with one of the errors, or, where
// that may be, at a page.
func (p *probe) refused(ended landing, sent request, codes ...string) {
	p.must(ended.response != nil, "it ends at a page with %d", ended.page.status)
	p.must(ended.response.Get("code") == "", "a code was issued")
	p.must(slices.Contains(codes, ended.response.Get("error")), "the error is %q, expected %s", ended.response.Get("error"), strings.Join(codes, " or "))
	p.must(ended.response.Get("state") == sent.Get("state"), "state did not come back")
}

// nowhere checks that a browser stayed at the provider, with an error.
func (p *probe) nowhere(ended landing) {
	p.must(ended.response == nil, "the browser was sent to the client: %s", ended.response.Encode())
	p.must(ended.page.status >= 400 && ended.page.status < 500, "the page has the status %d", ended.page.status)
}
