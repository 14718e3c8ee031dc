package conformance

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const formPostMode = "OAuth 2.0 Form Post Response Mode"

// responseChecks are about what an authorization response may have, and how hard it
// is to guess.
func responseChecks() []Check {
	return []Check{
		{"rfc6749-4.1.2-parameters", rfc6749, "4.1.2", "a response is in the query alone, with the parameters of the specifications", func(p *probe) {
			ended := p.browser().authorize(p.request(p.confidential()))
			location, err := url.Parse(ended.page.header.Get("Location"))
			p.must(err == nil && location.Fragment == "", "Location is %q", ended.page.header.Get("Location"))
			p.must(ended.response.Get("code") != "", "the response is %s", ended.response.Encode())
			p.onlyKnown(ended.response, "code", "state", "iss", "session_state")
		}},
		{"rfc6749-4.1.2.1-parameters", rfc6749, "4.1.2.1", "an error has the parameters of the specifications, in characters that they allow", func(p *probe) {
			for _, wrong := range wrongRequests() {
				ended := p.stranger().authorize(p.request(p.confidential(), wrong))
				p.must(ended.response.Get("error") != "", "the response to %s is %s", wrong.Encode(), ended.response.Encode())
				p.onlyKnown(ended.response, "error", "error_description", "error_uri", "state", "iss", "session_state")
				for _, r := range ended.response.Get("error") + ended.response.Get("error_description") {
					p.must(r >= 0x20 && r <= 0x7e && r != '"' && r != '\\', "the description is %q", ended.response.Get("error_description"))
				}
			}
		}},
		{"rfc9207-2-error", "RFC 9207", "2", "iss is in errors", func(p *probe) {
			p.announcesIssuer()
			for _, wrong := range wrongRequests() {
				ended := p.stranger().authorize(p.request(p.confidential(), wrong))
				p.must(ended.response.Get("iss") == p.env.Issuer, "iss is %q after %s", ended.response.Get("iss"), wrong.Encode())
			}
		}},
		{"rfc9207-2-form-post", "RFC 9207", "2", "iss is in responses by form post", func(p *probe) {
			p.announcesIssuer()
			p.needs("response_modes_supported", "form_post")
			ended := p.browser().authorize(p.request(p.confidential(), with("response_mode", "form_post")))
			p.must(ended.response.Get("iss") == p.env.Issuer, "iss is %q", ended.response.Get("iss"))
		}},
		{"rfc6749-10.10-code", rfc6749, "10.10", "codes can't be guessed", func(p *probe) {
			p.random("codes", func() string { return p.browser().code(p.request(p.confidential())).Get("code") })
		}},
		{"rfc6749-10.10-access-token", rfc6749, "10.10", "access tokens can't be guessed", func(p *probe) {
			p.random("access tokens", func() string {
				token := p.signIn(p.confidential()).accessToken()
				return token[strings.LastIndex(token, ".")+1:] // of a JWT, its signature
			})
		}},
		{"core-3.1.2.1-parameter-order", core, "3.1.2.1", "parameters may come in any order", func(p *probe) {
			p.user()
			sent := p.request(p.confidential())
			pairs := strings.Split(sent.Encode(), "&") // which sorts them
			slices.Reverse(pairs)
			address := p.endpoint("authorization_endpoint") + "?" + strings.Join(pairs, "&")
			ended := p.browser().drive(http.MethodGet, address, nil, sent.Get("redirect_uri"))
			p.must(ended.response.Get("code") != "", "it ends at %d %s", ended.page.status, ended.response.Encode())
		}},
		{"form-post-2-page", formPostMode, "2", "the form goes to the redirect URI, and has a button for browsers without scripts", func(p *probe) {
			p.needs("response_modes_supported", "form_post")
			sent := p.request(p.confidential(), with("response_mode", "form_post"))
			ended := p.browser().authorize(sent)
			root, err := html.Parse(strings.NewReader(string(ended.page.body)))
			p.must(err == nil && ended.byPost, "there is no form")
			page := tree{root}
			p.must(slices.Contains(page.values("form", "action"), sent.Get("redirect_uri")), "the form goes to %v", page.values("form", "action"))
			p.must(slices.ContainsFunc(page.values("form", "method"), func(m string) bool { return strings.EqualFold(m, "post") }), "it is no POST")
			for _, encoding := range page.values("form", "enctype") {
				p.must(encoding == "" || encoding == "application/x-www-form-urlencoded", "it is sent as %s", encoding)
			}
			if len(page.values("button", "id"))+len(page.values("input", "type"))-len(ended.response) <= 0 {
				p.warn("there is no button")
			}
		}},
		{"form-post-2-missing-type", formPostMode, "2", "a missing response_type is told by form post, or on a page", func(p *probe) {
			p.needs("response_modes_supported", "form_post")
			sent := p.request(p.confidential(), with("response_mode", "form_post"), without("response_type"))
			ended := p.browser().authorize(sent)
			if ended.response == nil {
				p.nowhere(ended)
				return
			}
			p.must(ended.byPost, "it is told in the query")
			p.refused(ended, sent, "invalid_request", "unsupported_response_type")
		}},
		{"jarm-2.1-claims", "JWT Secured Authorization Response Mode", "2.1", "a signed response has the state and the code inside", func(p *probe) {
			p.needs("response_modes_supported", "jwt")
			sent := p.request(p.confidential(), with("response_mode", "jwt"))
			claims := p.verified(p.browser().authorize(sent).response.Get("response"))
			p.must(claims["state"] == sent.Get("state") && claims["code"] != nil, "state is %v, code is %v", claims["state"], claims["code"])
		}},
		{"rfc9700-4.12-redirect", "RFC 9700", "4.12", "no redirect after a form makes the browser send it again", func(p *probe) {
			b := p.stranger()
			b.code(p.request(p.confidential(), with("prompt", "consent")))
			p.must(len(b.afterForms) > 0, "no form was answered with a redirect")
			for _, status := range b.afterForms {
				p.must(status == http.StatusSeeOther || status == http.StatusFound, "a form is answered with %d", status)
			}
		}},
		{"rfc9700-4.2.4-referrer", "RFC 9700", "4.2.4", "pages don't tell others the address that they were reached by", func(p *probe) {
			page := p.signInAnswer(p.confidential())
			if policy := page.header.Get("Referrer-Policy"); policy != "no-referrer" && policy != "same-origin" && policy != "origin" && policy != "strict-origin" {
				p.warn("Referrer-Policy is %q", policy)
			}
		}},
		{"rfc9700-4.16-framing", "RFC 9700", "4.16", "the sign-in page can't be framed, and is not to be stored", func(p *probe) {
			page := p.signInAnswer(p.confidential())
			p.must(strings.Contains(page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || strings.EqualFold(page.header.Get("X-Frame-Options"), "DENY"),
				"neither frame-ancestors nor X-Frame-Options says so")
			p.must(strings.Contains(page.header.Get("Cache-Control"), "no-store"), "Cache-Control is %q", page.header.Get("Cache-Control"))
		}},
		{"rfc6265-8.3-cookies", "RFC 6265", "8.3", "cookies can't be read by scripts, and don't travel in the clear", func(p *probe) {
			made := p.stranger().signIn(p.confidential())
			p.must(len(made.browser.cookies) > 0, "there are no cookies")
			for name, cookie := range made.browser.cookies {
				p.must(cookie.HttpOnly || p.isForTheFrame(cookie), "scripts can read %s", name)
				p.must(cookie.Secure || strings.HasPrefix(p.env.Issuer, "http://"), "%s is sent in the clear", name)
				if cookie.SameSite == http.SameSiteDefaultMode {
					p.warn("%s has no SameSite", name)
				}
			}
		}},
	}
}

// wrongRequests are refused in several places of a server.
func wrongRequests() []url.Values {
	return []url.Values{with("response_type", "token"), with("prompt", "none"), with("prompt", "urn:example:unheard-of")}
}

func (p *probe) announcesIssuer() {
	if !p.flag("authorization_response_iss_parameter_supported") {
		p.skip("authorization_response_iss_parameter_supported is not true")
	}
}

// onlyKnown warns of parameters that no specification gives to a response.
func (p *probe) onlyKnown(response url.Values, names ...string) {
	for name, values := range response {
		if !slices.Contains(names, name) {
			p.warn("there is a parameter %s", name)
		}
		p.must(len(values) == 1, "%s is there %d times", name, len(values))
	}
}

// random judges texts that have to have 128 bits that nobody knows: their length and
// how evenly their characters are spread, and that they are not alike.
func (p *probe) random(what string, next func() string) {
	one, two := next(), next()
	for _, text := range []string{one, two} {
		p.must(len(text) >= 22, "%s have %d characters, which are too few for 128 bits", what, len(text))
		p.must(spread(text) >= 80, "%s have about %.0f bits as their characters are spread", what, spread(text))
	}
	same := 0
	for i := range min(len(one), len(two)) {
		if one[i] == two[i] {
			same++
		}
	}
	p.must(same < max(len(one), len(two))/2, "two %s have %d characters of %d in common", what, same, len(one))
}

// spread is Shannon's entropy of a text by its own characters, which is less than
// that of the text: 22 characters of base64url have about 90.
func spread(text string) float64 {
	counts := map[rune]float64{}
	for _, r := range text {
		counts[r]++
	}
	var bits float64
	for _, count := range counts {
		bits -= count * math.Log2(count/float64(len(text)))
	}
	return bits
}

// signInAnswer is the answer with the page at which somebody arrives who is not signed in.
func (p *probe) signInAnswer(c Client) answer {
	b := p.stranger()
	address := p.endpoint("authorization_endpoint") + "?" + p.request(c).Encode()
	for range maxSteps {
		got := b.send(http.MethodGet, address, nil)
		location := got.header.Get("Location")
		if location == "" {
			p.must(got.status == http.StatusOK, "the sign-in page is answered with %d", got.status)
			return got
		}
		next, err := follow(address, location)
		p.must(err == nil, "%v", err)
		address = next
	}
	p.fail("there is no sign-in page")
	return answer{}
}

// follow returns where a redirect leads.
func follow(address, location string) (string, error) {
	base, err := url.Parse(address)
	if err == nil {
		base, err = base.Parse(location)
	}
	if err != nil {
		return "", fmt.Errorf("a redirect leads to %q", location)
	}
	return base.String(), nil
}
