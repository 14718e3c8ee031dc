package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	frontChannel      = "OpenID Connect Front-Channel Logout 1.0"
	sessionManagement = "OpenID Connect Session Management 1.0"

	// These are at the origin of dynamicCallback, and nobody goes there either.
	dynamicGoodbye = "https://app.example/goodbye"
	dynamicFramed  = "https://app.example/framed?x=y"
)

// frontChannelChecks are about what a browser is told of sessions and their ends: by
// frames at a logout, and by the frame of session management.
func frontChannelChecks() []Check {
	return slices.Concat(framedChecks(), watchedChecks())
}

func framedChecks() []Check {
	refused := func(id, title, uri string) Check {
		return Check{"frontchannel-2-" + id, frontChannel, "2", title, func(p *probe) {
			p.framed()
			got := p.register(map[string]any{"redirect_uris": []string{dynamicCallback}, "client_name": "Conformance kit", "frontchannel_logout_uri": uri})
			if got.status == http.StatusCreated {
				p.removed(got)
			}
			p.refusal(got, http.StatusBadRequest, "invalid_client_metadata")
		}}
	}
	return []Check{
		refused("fragment", "a frontchannel_logout_uri with a fragment is refused", "https://app.example/framed#x"),
		refused("origin", "a frontchannel_logout_uri that is at no redirect URI's origin is refused", "https://other.example/framed"),
		{"frontchannel-2-frame", frontChannel, "2", "the page after a logout has the client's frontchannel_logout_uri in a frame", func(p *probe) {
			_, page := p.leave()
			frame := page.frame()
			p.must(frame != nil, "there is no such frame at %s", page.url)
		}},
		{"frontchannel-2-session", frontChannel, "2", "the frame has iss, the sid of the ID token, and the registered query", func(p *probe) {
			made, page := p.leave()
			frame := page.frame()
			p.must(frame != nil, "there is no such frame at %s", page.url)
			sid, _ := p.idToken(made.tokens)["sid"].(string)
			want := url.Values{"x": {"y"}, "iss": {p.env.Issuer}, "sid": {sid}}
			p.must(sid != "" && frame.Encode() == want.Encode(), "the parameters are %s", frame.Encode())
		}},
		{"frontchannel-3-onward", frontChannel, "3", "the page goes on to post_logout_redirect_uri with state, also without JavaScript", func(p *probe) {
			_, page := p.leave()
			const want = dynamicGoodbye + "?state=s"
			p.must(slices.Contains(page.values("a", "href"), want) || slices.ContainsFunc(page.values("meta", "content"), func(content string) bool {
				return strings.HasSuffix(content, "url="+want)
			}), "neither a link nor a refresh leads there")
			if !slices.ContainsFunc(page.values("meta", "http-equiv"), func(value string) bool { return strings.EqualFold(value, "refresh") }) {
				p.warn("without JavaScript the person has to press a link")
			}
		}},
		{"frontchannel-3-policy", frontChannel, "3", "the page's own policy lets the frame be loaded", func(p *probe) {
			_, page := p.leave()
			policy := page.header.Get("Content-Security-Policy")
			p.must(allowsFrame(policy, "https://app.example"), "the policy is %s", policy)
		}},
		{"frontchannel-3-others", frontChannel, "3", "a browser that was not signed in is told of nobody", func(p *probe) {
			made, _ := p.leave()
			ended := p.stranger().drive(http.MethodGet, p.goodbye(made), nil, dynamicGoodbye)
			p.must(ended.response != nil || page{ended.page, p.parse(ended.page)}.frame() == nil, "the page has the frame of somebody else's client")
		}},
	}
}

// framed skips a check where front-channel logout is not announced.
func (p *probe) framed() {
	if !p.flag("frontchannel_logout_supported") {
		p.skip("frontchannel_logout_supported is not true")
	}
}

// page is what a logout ends at.
type page struct {
	answer
	tree
}

// frame returns the parameters with which the client's address is loaded, nil if it isn't.
func (g page) frame() url.Values {
	address, _, _ := strings.Cut(dynamicFramed, "?")
	for _, source := range g.values("iframe", "src") {
		if leadsTo(source, address) {
			return queryOf(source)
		}
	}
	return nil
}

func (p *probe) parse(got answer) tree {
	// Without scripts, what is for browsers without them is part of the page.
	document, err := html.ParseWithOptions(strings.NewReader(string(got.body)), html.ParseOptionEnableScripting(false))
	p.must(err == nil, "the page can't be read: %v", err)
	return tree{document}
}

// goodbye returns the address with which a client ends the session of a sign-in.
func (p *probe) goodbye(made grant) string {
	return p.endpoint("end_session_endpoint") + "?" + url.Values{
		"id_token_hint": {made.tokens.text("id_token")}, "post_logout_redirect_uri": {dynamicGoodbye}, "state": {"s"},
	}.Encode()
}

// leave signs in at a client that the browser has to tell, signs out, and returns the page.
func (p *probe) leave() (grant, page) {
	p.framed()
	made := p.stranger().signIn(p.dynamic(map[string]any{
		"frontchannel_logout_uri": dynamicFramed, "frontchannel_logout_session_required": true, "post_logout_redirect_uris": []string{dynamicGoodbye},
	}))
	ended := made.browser.drive(http.MethodGet, p.goodbye(made), nil, dynamicGoodbye)
	p.must(ended.response == nil, "the browser was sent on without a page")
	p.must(ended.page.status == http.StatusOK, "the page has the status %d", ended.page.status)
	return made, page{ended.page, p.parse(ended.page)}
}

// allowsFrame reads a policy as far as it is about frames of one origin.
func allowsFrame(policy, origin string) bool {
	for _, name := range []string{"frame-src", "child-src", "default-src"} {
		for directive := range strings.SplitSeq(policy, ";") {
			words := strings.Fields(directive)
			if len(words) == 0 || words[0] != name {
				continue
			}
			return slices.Contains(words, origin) || slices.Contains(words, "https:") || slices.Contains(words, "*")
		}
	}
	return true // nothing is said
}

func watchedChecks() []Check {
	return []Check{
		{"session-3.3-frame", sessionManagement, "3.3", "check_session_iframe is a page that clients can frame", func(p *probe) {
			got := p.get(p.endpoint("check_session_iframe"))
			p.must(got.status == http.StatusOK && strings.HasPrefix(got.header.Get("Content-Type"), "text/html"), "it is %d %s", got.status, got.header.Get("Content-Type"))
			p.must(got.header.Get("X-Frame-Options") == "", "X-Frame-Options is %s", got.header.Get("X-Frame-Options"))
			p.must(!strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'"), "its policy forbids frames")
			p.must(len(p.parse(got).values("script", "src")) > 0, "it has no script")
		}},
		{"session-2-state", sessionManagement, "2", "a response with a code has session_state, without a space", func(p *probe) {
			_, state := p.watched()
			p.must(state != "" && !strings.Contains(state, " "), "session_state is %q", state)
		}},
		{"session-3.2-hash", sessionManagement, "3.2", "session_state is a salted hash of client, origin and what the frame's script can read", func(p *probe) {
			made, state := p.watched()
			if !made.browser.recomputes(made.request.Get("client_id"), dynamicCallback, state) {
				p.warn("it is no SHA-256 of a cookie that scripts can read, so that the kit can't tell")
			}
		}},
		{"session-3.2-changes", sessionManagement, "3.2", "session_state holds no more after a logout", func(p *probe) {
			made, state := p.watched()
			if !made.browser.recomputes(made.request.Get("client_id"), dynamicCallback, state) {
				p.skip("the kit can't recompute it")
			}
			p.endSession(made, with("id_token_hint", made.tokens.text("id_token")))
			p.must(!made.browser.recomputes(made.request.Get("client_id"), dynamicCallback, state), "it is still the same")
		}},
	}
}

// watched signs in where sessions can be watched.
func (p *probe) watched() (grant, string) {
	p.endpoint("check_session_iframe")
	made := p.stranger().signIn(p.dynamic(nil))
	return made, made.response.Get("session_state")
}

// isForTheFrame tells whether a cookie may be read by scripts: the frame of session
// management needs one (section 3.3), and it must be one that lets nobody in.
func (p *probe) isForTheFrame(cookie *http.Cookie) bool {
	if p.text("check_session_iframe") == "" || cookie.Value == "" {
		return false
	}
	stranger, sent := p.stranger(), p.request(p.confidential(), with("prompt", "none"))
	address, err := url.Parse(p.endpoint("authorization_endpoint"))
	p.must(err == nil, "%v", err)
	stranger.client.Jar.SetCookies(address, []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/", Secure: cookie.Secure}})
	ended := stranger.authorize(sent)
	return ended.response.Get("code") == "" && ended.response.Get("error") != ""
}

// recomputes tells whether a session_state fits one of the cookies that scripts can
// read, by the hash of the specification's example in the usual encodings.
func (b *browser) recomputes(clientID, redirectURI, state string) bool {
	hash, salt, _ := strings.Cut(state, ".")
	parsed, err := url.Parse(redirectURI)
	if err != nil || hash == "" || salt == "" {
		return false
	}
	for _, cookie := range b.cookies {
		if cookie.HttpOnly || cookie.Value == "" {
			continue
		}
		digest := sha256.Sum256([]byte(clientID + " " + parsed.Scheme + "://" + parsed.Host + " " + cookie.Value + " " + salt))
		for _, text := range []string{hex.EncodeToString(digest[:]), base64.RawURLEncoding.EncodeToString(digest[:]), base64.StdEncoding.EncodeToString(digest[:])} {
			if text == hash {
				return true
			}
		}
	}
	return false
}
