package conformance

import (
	"net/http"
	"net/url"
	"strings"
)

// logoutChecks are about RP-Initiated Logout, and what the metadata says of the others.
func logoutChecks() []Check {
	const rpInitiated = "OpenID Connect RP-Initiated Logout 1.0"
	client := func(p *probe) Client {
		c := p.confidential()
		if c.PostLogoutRedirectURI == "" {
			p.skip("the client has no post_logout_redirect_uri")
		}
		return c
	}
	ended := func(p *probe, made grant) {
		sent := p.request(p.confidential(), with("prompt", "none"))
		p.refused(made.browser.authorize(sent), sent, "login_required", "interaction_required", "consent_required", "account_selection_required")
	}
	stays := func(id, title string, parameters func(c Client, made grant) url.Values) Check {
		return Check{"logout-" + id, rpInitiated, "4", title, func(p *probe) {
			c := client(p)
			made := p.stranger().signIn(c)
			got := p.endSession(made, parameters(c, made))
			p.must(got.response == nil, "the browser was sent to the client")
		}}
	}
	return []Check{
		{"logout-2.1-endpoint", rpInitiated, "2.1", "end_session_endpoint is an absolute URL", func(p *probe) {
			p.must(isAbsolute(p.endpoint("end_session_endpoint")), "it is %s", p.text("end_session_endpoint"))
		}},
		{"logout-3-state", rpInitiated, "3", "with hint and registered URI the browser comes back with state and nothing else, signed out", func(p *probe) {
			c := client(p)
			made := p.stranger().signIn(c)
			got := p.endSession(made, url.Values{
				"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI}, "state": {longText},
			})
			p.must(got.response != nil, "it ends at a page with %d", got.page.status)
			p.must(got.response.Get("state") == longText && len(got.response) == 1, "the parameters are %s", got.response.Encode())
			ended(p, made)
		}},
		{"logout-3-no-state", rpInitiated, "3", "without state the browser comes back without, signed out", func(p *probe) {
			c := client(p)
			made := p.stranger().signIn(c)
			got := p.endSession(made, url.Values{"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI}})
			p.must(got.response != nil && len(got.response) == 0, "it ends at %d %s", got.page.status, got.response.Encode())
			ended(p, made)
		}},
		stays("3-bad-uri", "a post_logout_redirect_uri that is not registered leads nowhere", func(_ Client, made grant) url.Values {
			return url.Values{"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {"https://evil.example/"}}
		}),
		stays("3-query", "a post_logout_redirect_uri with another query leads nowhere", func(c Client, made grant) url.Values {
			return url.Values{"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI + "?x=y"}}
		}),
		stays("4-modified-hint", "an id_token_hint without a signature leads nowhere", func(c Client, made grant) url.Values {
			parts := strings.Split(made.tokens.text("id_token"), ".")
			return url.Values{"id_token_hint": {"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + "."}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI}}
		}),
		stays("4-forged-hint", "an id_token_hint with another signature leads nowhere", func(c Client, made grant) url.Values {
			token := made.tokens.text("id_token")
			return url.Values{"id_token_hint": {token[:strings.LastIndex(token, ".")+1] + "AAAA"}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI}}
		}),
		stays("4-no-hint", "a post_logout_redirect_uri without a hint leads nowhere", func(c Client, _ grant) url.Values {
			return url.Values{"post_logout_redirect_uri": {c.PostLogoutRedirectURI}}
		}),
		stays("2-foreign-uri", "a post_logout_redirect_uri at another host leads nowhere", func(c Client, made grant) url.Values {
			return url.Values{"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {strings.Replace(c.PostLogoutRedirectURI, "://", "://other.", 1)}}
		}),
		stays("2-other-client", "a hint that was issued to another client than client_id leads nowhere", func(c Client, made grant) url.Values {
			return url.Values{"id_token_hint": {made.tokens.text("id_token")}, "client_id": {"somebody-else"}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI}}
		}),
		{"logout-2-post", rpInitiated, "2", "the end session endpoint takes a POST, from other sites too", func(p *probe) {
			c := client(p)
			made := p.stranger().signIn(c)
			form := url.Values{"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {c.PostLogoutRedirectURI}, "state": {"s"}}
			got := p.onward(made.browser.drive(http.MethodPost, p.endpoint("end_session_endpoint"), form, c.PostLogoutRedirectURI), c.PostLogoutRedirectURI)
			p.must(got.response.Get("state") == "s", "it ends at %d %s", got.page.status, got.response.Encode())
		}},
		{"logout-2-hint-only", rpInitiated, "2", "with a hint alone the browser stays, and is signed out", func(p *probe) {
			made := p.stranger().signIn(client(p))
			got := p.endSession(made, with("id_token_hint", made.tokens.text("id_token")))
			p.must(got.page.status == http.StatusOK, "the page has the status %d", got.page.status)
			ended(p, made)
		}},
		{"logout-6-confirmation", rpInitiated, "6", "a link from anywhere signs nobody out who has not been asked", func(p *probe) {
			made := p.stranger().signIn(client(p))
			made.browser.send(http.MethodGet, p.endpoint("end_session_endpoint"), nil) // and nothing is pressed
			got := made.browser.authorize(p.request(p.confidential(), with("prompt", "none")))
			if got.response.Get("code") == "" {
				p.warn("the person was signed out")
			}
		}},
		{"logout-2-nobody", rpInitiated, "2", "somebody who is not signed in is told so, or nothing", func(p *probe) {
			got := p.stranger().drive(http.MethodGet, p.endpoint("end_session_endpoint"), nil, "")
			p.must(got.page.status < 500, "the page has the status %d", got.page.status)
		}},
		{"logout-2-no-parameters", rpInitiated, "2", "without parameters the person is asked, and then signed out", func(p *probe) {
			made := p.stranger().signIn(client(p))
			p.endSession(made, url.Values{})
			ended(p, made)
		}},
		{"logout-2-only-state", rpInitiated, "2", "with state alone the person is asked, and then signed out", func(p *probe) {
			made := p.stranger().signIn(client(p))
			p.endSession(made, with("state", "x"))
			ended(p, made)
		}},
		{"logout-2-tokens", rpInitiated, "2", "the tokens of the session end with it", func(p *probe) {
			made := p.stranger().signIn(client(p))
			p.endSession(made, with("id_token_hint", made.tokens.text("id_token")))
			if got := p.get(p.endpoint("userinfo_endpoint"), bearer(made.accessToken())); got.status != http.StatusUnauthorized {
				p.warn("UserInfo still takes the access token")
			}
		}},
		{"backchannel-2.1-metadata", "OpenID Connect Back-Channel Logout 1.0", "2.1", "back-channel logout is announced, with the session", func(p *probe) {
			p.announced("backchannel_logout_supported", "backchannel_logout_session_supported")
		}},
		{"frontchannel-3-metadata", "OpenID Connect Front-Channel Logout 1.0", "3", "front-channel logout is announced, with the session", func(p *probe) {
			p.announced("frontchannel_logout_supported", "frontchannel_logout_session_supported")
		}},
		{"backchannel-2.1-sid", "OpenID Connect Back-Channel Logout 1.0", "2.1", "ID tokens have sid where it is announced", func(p *probe) {
			if !p.flag("backchannel_logout_session_supported") && !p.flag("frontchannel_logout_session_supported") {
				p.skip("it is not announced")
			}
			p.must(p.idToken(p.signIn(p.confidential()).tokens)["sid"] != nil, "there is none")
		}},
	}
}

func (p *probe) announced(member, session string) {
	if !p.flag(member) {
		p.skip("%s is not true", member)
	}
	p.must(p.flag(session), "%s is not true", session)
}
