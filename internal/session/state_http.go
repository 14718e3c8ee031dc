package session

import (
	"net/http"
	"strings"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
)

const (
	// CheckPath is the path of the frame of OpenID Connect Session Management 1.0, below the issuer.
	CheckPath   = "/oidc/check-session"
	stateCookie = "authly_browser_state"
)

// BrowserStates lets clients detect through a frame that a browser's session
// has changed (OpenID Connect Session Management 1.0). The state is a random value in a
// cookie that the frame's script can read. It is independent of the session's token, grants nothing,
// is replaced at each sign-in, and removed at each sign-out.
type BrowserStates struct {
	cookies      *httpx.Cookies
	clock        clock.Clock
	page, script string
}

// NewBrowserStates returns the states stored in the cookies.
func NewBrowserStates(cookies *httpx.Cookies, at clock.Clock) *BrowserStates {
	script := strings.Replace(checkScript, "COOKIE", cookies.FullName(stateCookie), 1)
	return &BrowserStates{cookies: cookies, clock: at, script: script, page: strings.Replace(checkPage, "SCRIPT", script, 1)}
}

// Mount adds the route of the frame.
func (s *BrowserStates) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+CheckPath, s.check, httpx.Quiet())
}

// SessionState returns the session_state of a response to a client, "" if its
// redirect URI has no origin. A browser that signed in before states were enabled
// gets one.
func (s *BrowserStates) SessionState(w http.ResponseWriter, r *http.Request, clientID, redirectURI string, current Session) string {
	cookie, _ := s.cookies.Get(r, stateCookie)
	state := cookie.Reveal()
	if !isBrowserState(state) {
		state = s.renew(w, current.ExpiresAt.Sub(s.clock.Now()))
	}
	return sessionState(clientID, redirectURI, state, newSalt())
}

// NobodySignedIn makes a browser forget a state whose session has expired, or was
// ended elsewhere, so that clients that watch it notice. In a frame on another site the state is sent
// without the session's own cookie, which means nothing; so only a top-level page counts.
func (s *BrowserStates) NobodySignedIn(w http.ResponseWriter, r *http.Request) {
	if _, there := s.cookies.Get(r, stateCookie); there && r.Header.Get("Sec-Fetch-Dest") == "document" {
		s.forget(w)
	}
}

// renew gives the browser a new state, for the maximum lifetime of its session.
func (s *BrowserStates) renew(w http.ResponseWriter, lifetime time.Duration) string {
	state := secret.New()
	s.cookies.SetForScripts(w, stateCookie, state, lifetime)
	return state.Reveal()
}

func (s *BrowserStates) forget(w http.ResponseWriter) { s.cookies.Clear(w, stateCookie) }

// check answers with the frame. Every site may embed it: the request doesn't say which
// client it is for, and the frame shows nothing, has no controls,
// and answers only sites that have a session_state whether it still holds.
func (s *BrowserStates) check(w http.ResponseWriter, _ *http.Request) {
	httpx.AllowFraming(w)
	httpx.AllowScript(w, s.script)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(s.page))
}

const checkPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Session</title></head>
<body><script>SCRIPT</script></body>
</html>
`

// checkScript answers messages of the form "client_id session_state" (sections 3.1 and
// 3.2) with "unchanged", "changed" or "error", and only to the origin that they came from.
// The origin is part of the hash, so that a client learns nothing with another's session_state.
const checkScript = `
"use strict";
(function () {
  var name = "COOKIE=";
  function browserState() {
    var found = document.cookie.split("; ").filter(function (each) { return each.startsWith(name); });
    return found.length === 1 ? found[0].slice(name.length) : "";
  }
  function base64url(digest) {
    return btoa(String.fromCharCode.apply(null, new Uint8Array(digest))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  async function judge(message, origin) {
    if (typeof message !== "string" || message.length > 1000) { return "error"; }
    var parts = /^([\x21-\x7e]+) ([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{1,64})$/.exec(message);
    if (!parts) { return "error"; }
    var state = browserState();
    if (!state) { return "changed"; }
    var text = new TextEncoder().encode(parts[1] + " " + origin + " " + state + " " + parts[3]);
    return base64url(await crypto.subtle.digest("SHA-256", text)) === parts[2] ? "unchanged" : "changed";
  }
  addEventListener("message", function (event) {
    if (!event.source || !/^https?:\/\//.test(event.origin)) { return; }
    judge(event.data, event.origin).catch(function () { return "error"; }).then(function (said) {
      event.source.postMessage(said, event.origin);
    });
  });
})();
`
