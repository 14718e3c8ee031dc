package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/session"
)

func TestBrowser(t *testing.T) {
	w := newWorld(dbtest.Open(t, db.SQLite))
	browser := session.NewBrowser(w.sessions, httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example"}))
	started, token := w.begin(t, session.New{Person: recognized(w.user(t, "ada"))})
	w.clock.Advance(time.Minute)

	answer := httptest.NewRecorder()
	browser.Write(answer, token, started)
	cookie := answer.Result().Cookies()[0]
	want := &http.Cookie{
		Name: "__Host-authly_session", Value: token.Reveal(), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int((absolute - time.Minute) / time.Second), Raw: cookie.Raw,
	}
	if diff := cmp.Diff(want, cookie); diff != "" {
		t.Errorf("cookie (-want +got):\n%s", diff)
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	if _, live, err := browser.Read(request); err != nil || live {
		t.Errorf("without a cookie: live %v, %v", live, err)
	}
	request.AddCookie(&http.Cookie{Name: "authly_session", Value: token.Reveal()}) // any site beside ours could set this one
	if _, live, err := browser.Read(request); err != nil || live {
		t.Errorf("with a cookie without the prefix: live %v, %v", live, err)
	}
	request.AddCookie(cookie)
	if found, live, err := browser.Read(request); err != nil || !live || found.ID != started.ID {
		t.Errorf("with the cookie: live %v, %v", live, err)
	}
	answer = httptest.NewRecorder()
	browser.Clear(answer)
	if cleared := answer.Result().Cookies()[0]; cleared.Name != cookie.Name || cleared.MaxAge >= 0 || cleared.Value != "" {
		t.Errorf("cleared: %v", cleared)
	}
}
