package session

import (
	"net/http"

	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
)

const cookieName = "authly_session"

// Browser connects sessions with the cookie that carries their token.
type Browser struct {
	service *Service
	cookies *httpx.Cookies
	clock   clock.Clock
	states  *BrowserStates // nil if clients can't watch them
}

// NewBrowser returns a Browser.
func NewBrowser(service *Service, cookies *httpx.Cookies) *Browser {
	return &Browser{service: service, cookies: cookies, clock: service.clock}
}

// WithStates returns the browser with states that clients can watch.
func (b *Browser) WithStates(states *BrowserStates) *Browser {
	watched := *b
	watched.states = states
	return &watched
}

// Read returns the session of the browser, and whether there is a live one.
func (b *Browser) Read(r *http.Request) (Session, bool, error) {
	return b.service.Current(r.Context(), b.Token(r))
}

// Token returns the value of the browser's cookie, valid or not, or the
// empty secret.
func (b *Browser) Token(r *http.Request) secret.Redacted {
	token, _ := b.cookies.Get(r, cookieName)
	return token
}

// Write gives the browser the token of a session for as long as the session lives.
func (b *Browser) Write(w http.ResponseWriter, token secret.Redacted, started Session) {
	lifetime := started.ExpiresAt.Sub(b.clock.Now())
	b.cookies.Set(w, cookieName, token, lifetime)
	if b.states != nil {
		b.states.renew(w, lifetime)
	}
}

// Clear makes the browser forget its session; see [Service.End] for ending it.
func (b *Browser) Clear(w http.ResponseWriter) {
	b.cookies.Clear(w, cookieName)
	if b.states != nil {
		b.states.forget(w)
	}
}
