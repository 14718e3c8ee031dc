package conformance

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"authly/internal/platform/clock"
)

// backChannelChecks let the provider tell the kit of the end of a session.
func backChannelChecks() []Check {
	const backChannel = "OpenID Connect Back-Channel Logout 1.0"
	return []Check{
		{"backchannel-2.5-request", backChannel, "2.5", "a client is told of a logout by a POST of a logout token, and of nothing else", func(p *probe) {
			_, got := p.loggedOut()
			p.must(strings.HasPrefix(got.contentType, "application/x-www-form-urlencoded"), "it is %s", got.contentType)
			p.must(len(got.form) == 1 && len(got.form["logout_token"]) == 1, "the parameters are %s", got.form.Encode())
		}},
		{"backchannel-2.4-claims", backChannel, "2.4", "the logout token is for the client, new, and about one event", func(p *probe) {
			made, got := p.loggedOut()
			claims := p.verified(got.form.Get("logout_token"))
			now := float64(clock.System().Now().Unix())
			iat, _ := claims["iat"].(float64)
			exp, _ := claims["exp"].(float64)
			p.must(claims["iss"] == p.env.Issuer && claims["aud"] == made.request.Get("client_id"), "iss is %v, aud is %v", claims["iss"], claims["aud"])
			p.must(iat > now-300 && iat < now+60 && exp > now, "iat is %v, exp is %v", claims["iat"], claims["exp"])
			p.must(claims["jti"] != nil, "there is no jti")
			events, _ := claims["events"].(map[string]any)
			event, isObject := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
			p.must(len(events) == 1 && isObject && len(event) == 0, "events is %v", claims["events"])
		}},
		{"backchannel-2.4-session", backChannel, "2.4", "the logout token names person and session as the ID token does, and has no nonce", func(p *probe) {
			made, got := p.loggedOut()
			claims, known := p.verified(got.form.Get("logout_token")), p.idToken(made.tokens)
			p.must(claims["sub"] != nil || claims["sid"] != nil, "there is neither sub nor sid")
			for _, name := range []string{"sub", "sid"} {
				p.must(claims[name] == nil || claims[name] == known[name], "%s is %v, and %v in the ID token", name, claims[name], known[name])
			}
			p.must(claims["sid"] != nil, "the client requires sid, and there is none")
			_, there := claims["nonce"]
			p.must(!there, "there is a nonce")
		}},
		{"backchannel-2.4-type", backChannel, "2.4", "the header of the logout token says what it is", func(p *probe) {
			_, got := p.loggedOut()
			if kind := headerOf(got.form.Get("logout_token"))["typ"]; kind != "logout+jwt" {
				p.warn("typ is %v", kind)
			}
		}},
		{"backchannel-2.7-tokens", backChannel, "2.7", "refresh tokens end with the session, unless offline_access was granted", func(p *probe) {
			p.needs("grant_types_supported", "refresh_token")
			c := p.dynamic(map[string]any{"grant_types": []string{"authorization_code", "refresh_token"}})
			made := p.stranger().signIn(c)
			if made.tokens.text("refresh_token") == "" {
				p.skip("the client gets no refresh token without offline_access")
			}
			p.endSession(made, url.Values{"id_token_hint": {made.tokens.text("id_token")}})
			got := p.token(c, refreshWith(made.tokens.text("refresh_token")))
			if got.status == http.StatusOK {
				p.warn("the refresh token still works")
			}
		}},
		{"backchannel-2.7-offline", backChannel, "2.7", "refresh tokens with offline_access stay when the session ends", func(p *probe) {
			p.needs("scopes_supported", "offline_access")
			c := p.dynamic(map[string]any{"grant_types": []string{"authorization_code", "refresh_token"}})
			made := p.stranger().signIn(c, with("scope", "openid offline_access"), with("prompt", "consent"))
			if made.tokens.text("refresh_token") == "" {
				p.skip("the client gets no refresh token")
			}
			p.endSession(made, url.Values{"id_token_hint": {made.tokens.text("id_token")}})
			if got := p.token(c, refreshWith(made.tokens.text("refresh_token"))); got.status != http.StatusOK {
				p.warn("the refresh token is answered with %s", got.says())
			}
		}},
	}
}

// loggedOut signs in at a client that wants to be told, signs out, and returns what
// it was told.
func (p *probe) loggedOut() (grant, delivery) {
	if !p.flag("backchannel_logout_supported") {
		p.skip("backchannel_logout_supported is not true")
	}
	address, arrived := p.receiver().box()
	const goodbye = "https://app.example/goodbye"
	made := p.stranger().signIn(p.dynamic(map[string]any{
		"backchannel_logout_uri": address, "backchannel_logout_session_required": true, "post_logout_redirect_uris": []string{goodbye},
	}))
	ended := p.endSession(made, url.Values{"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {goodbye}})
	p.must(ended.response != nil, "the logout ends at a page with %d", ended.page.status)
	return made, p.await(arrived)
}

// endSession goes to the end session endpoint with the browser of a sign-in.
func (p *probe) endSession(made grant, parameters url.Values) landing {
	address, target := p.endpoint("end_session_endpoint")+"?"+parameters.Encode(), parameters.Get("post_logout_redirect_uri")
	return p.onward(made.browser.drive(http.MethodGet, address, nil, target), target)
}

// onward follows a page that leads to the client by itself, as one does that tells
// clients in frames first (Front-Channel Logout section 3).
func (p *probe) onward(ended landing, target string) landing {
	if ended.response != nil || target == "" {
		return ended
	}
	root, err := html.Parse(bytes.NewReader(ended.page.body))
	p.must(err == nil, "the page can't be read: %v", err)
	for _, content := range (tree{root}).values("meta", "content") {
		if _, address, found := strings.Cut(content, "url="); found && leadsTo(address, target) {
			ended.response = queryOf(address)
		}
	}
	return ended
}

// await waits for a delivery.
func (p *probe) await(arrived <-chan delivery) delivery {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case got := <-arrived:
		return got
	case <-p.ctx.Done():
		p.fail("interrupted")
	case <-timer.C:
		p.fail("nothing arrived within %s", timeout)
	}
	return delivery{}
}
