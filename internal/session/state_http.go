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
	// CheckPath is where the frame of OpenID Connect Session Management 1.0 is, below the issuer.
	CheckPath   = "/oidc/check-session"
	stateCookie = "authly_browser_state"
)

// BrowserStates lets clients see by a frame that something about a browser's session
// has changed (OpenID Connect Session Management 1.0). The state is a random value in a
// cookie that the frame's script can read: it has nothing to do with the session's token, lets nobody in,
// and is a new one after each sign-in, and gone after each sign-out.
type BrowserStates struct {
	cookies      *httpx.Cookies
	clock        clock.Clock
	page, script string
}

// NewBrowserStates returns the states that cookies hold.
func NewBrowserStates(cookies *httpx.Cookies, at clock.Clock) *BrowserStates {
	script := strings.Replace(checkScript, "COOKIE", cookies.FullName(stateCookie), 1)
	return &BrowserStates{cookies: cookies, clock: at, script: script, page: strings.Replace(checkPage, "SCRIPT", script, 1)}
}

// Mount adds the frame.
func (s *BrowserStates) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+CheckPath, s.check, httpx.Quiet())
}

// SessionState returns the session_state of a response to a client, "" for one whose
// redirect URI has no origin. A browser that has no state yet, because it signed in before there were
// any, gets one.
func (s *BrowserStates) SessionState(w http.ResponseWriter, r *http.Request, clientID, redirectURI string, current Session) string {
	known, _ := s.cookies.Get(r, stateCookie)
	state := known.Reveal()
	if !isBrowserState(state) {
		state = s.renew(w, current.ExpiresAt.Sub(s.clock.Now()))
	}
	return sessionState(clientID, redirectURI, state, newSalt())
}

// NobodySignedIn makes a browser forget a state whose session has expired, or was
// ended elsewhere: clients that watch it learn of that now. In a frame on another site the state comes
// without the session's own cookie, which says nothing; so only a page of its own counts.
func (s *BrowserStates) NobodySignedIn(w http.ResponseWriter, r *http.Request) {
	if _, there := s.cookies.Get(r, stateCookie); there && r.Header.Get("Sec-Fetch-Dest") == "document" {
		s.forget(w)
	}
}

// renew gives the browser a new state, for as long as its session can last.
func (s *BrowserStates) renew(w http.ResponseWriter, lifetime time.Duration) string {
	state := secret.New()
	s.cookies.SetForScripts(w, stateCookie, state, lifetime)
	return state.Reveal()
}

func (s *BrowserStates) forget(w http.ResponseWriter) { s.cookies.Clear(w, stateCookie) }

// check answers with the frame. Every site may have it in a page of its own: who the
// clients are is not known without asking which one it is, and the frame shows nothing, has
// nothing to press, and tells only those who know a session_state whether it still holds.
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

// checkScript answers messages of the form "client_id session_state" (section 3.1 and
// 3.2) with "unchanged", "changed" or "error", to the origin that they came from and to no other.
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
