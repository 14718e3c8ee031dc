package conformance_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const watching = "/oidc/check-session"

// goodbyePage changes the page that a logout ends at.
func goodbyePage(pattern, replacement string) func(*testing.T, *http.Response) {
	return func(t *testing.T, response *http.Response) {
		if response.Request.URL.Path == endingSession && strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			replaceBody(response, regexp.MustCompile(pattern).ReplaceAll(bodyOf(t, response), []byte(replacement)))
		}
	}
}

func frontChannelMutants() []mutant {
	cookie := func(change func(header http.Header)) func(*testing.T, *http.Response) {
		return func(_ *testing.T, response *http.Response) { change(response.Header) }
	}
	const state = "authly_browser_state="
	return []mutant{
		{name: "scripts can read the cookie that lets people in", response: cookie(func(header http.Header) {
			for i, each := range header.Values("Set-Cookie") {
				if strings.HasPrefix(each, "authly_session=") {
					header["Set-Cookie"][i] = strings.Replace(each, "; HttpOnly", "", 1)
				}
			}
		}), fails: []string{"rfc6265-8.3-cookies"}},
		{name: "scripts can read a cookie though there is no frame", response: set(openIDDocument, "check_session_iframe", nil), fails: []string{"rfc6265-8.3-cookies"}},
		{name: "front-channel logout is without sessions", response: set(openIDDocument, "frontchannel_logout_session_supported", false), fails: []string{"frontchannel-3-metadata"}},
		{name: "every logout address is registered", response: always(registering, http.StatusCreated, `{"client_id":"x"}`), fails: []string{"frontchannel-2-fragment", "frontchannel-2-origin"}},
		{name: "no frame", response: goodbyePage(`<iframe`, "<div"), fails: []string{"frontchannel-2-frame", "frontchannel-2-session"}},
		{name: "a frame without sid", response: goodbyePage(`&amp;sid=[0-9a-f-]+"`, `"`), fails: []string{"frontchannel-2-session"}},
		{name: "the sid of another session", response: goodbyePage(`sid=[0-9a-f]`, `sid=x`), fails: []string{"frontchannel-2-session"}},
		{name: "a frame without iss", response: goodbyePage(`iss=`, `x=`), fails: []string{"frontchannel-2-session"}},
		{name: "the registered query is lost", response: goodbyePage(`x=y`, `z=y`), fails: []string{"frontchannel-2-session"}},
		{name: "no way on", response: goodbyePage(`state=s`, `state=x`), fails: []string{"frontchannel-3-onward"}},
		{name: "no refresh", response: goodbyePage(`http-equiv="refresh"`, ``), warns: []string{"frontchannel-3-onward"}},
		{name: "frames are forbidden", response: headers(endingSession, having("Content-Security-Policy", "default-src 'none'")), fails: []string{"frontchannel-3-policy"}},
		{name: "no page", response: func(_ *testing.T, response *http.Response) {
			if response.Request.URL.Path == endingSession {
				response.StatusCode = http.StatusSeeOther
				response.Header.Set("Location", "https://app.example/goodbye?state=s")
			}
		}, fails: []string{"frontchannel-2-frame", "frontchannel-2-session", "frontchannel-3-onward", "frontchannel-3-policy"}},
		{name: "everybody sees the frames", answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != endingSession {
				return false
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<iframe src="https://app.example/framed?x=y"></iframe>`))
			return true
		}, fails: []string{"frontchannel-3-others"}},
		{name: "the frame can't be framed", response: headers(watching, having("X-Frame-Options", "DENY")), fails: []string{"session-3.3-frame"}},
		{name: "its policy forbids frames", response: headers(watching, having("Content-Security-Policy", "frame-ancestors 'none'")), fails: []string{"session-3.3-frame"}},
		{name: "no session_state", response: redirecting(func(parameters url.Values) { parameters.Del("session_state") }), fails: []string{"session-2-state"}},
		{name: "a session_state with a space", response: redirecting(func(parameters url.Values) { parameters.Set("session_state", "a b") }), fails: []string{"session-2-state"}},
		{name: "a session_state of something else", response: redirecting(func(parameters url.Values) { parameters.Set("session_state", "a.b") }), warns: []string{"session-3.2-hash"}},
		{name: "the state survives the logout", response: cookie(func(header http.Header) {
			var kept []string
			for _, each := range header.Values("Set-Cookie") {
				if !strings.HasPrefix(each, state+";") {
					kept = append(kept, each)
				}
			}
			header["Set-Cookie"] = kept
		}), fails: []string{"session-3.2-changes"}},
	}
}
