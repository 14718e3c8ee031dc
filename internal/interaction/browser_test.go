package interaction_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"authly/internal/interaction"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
)

// jar is what a browser keeps: cookies by name.
type jar map[string]*http.Cookie

func (j jar) request() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, cookie := range j {
		r.AddCookie(cookie)
	}
	return r
}

func (j jar) take(answer *httptest.ResponseRecorder) {
	for _, cookie := range answer.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(j, cookie.Name)
			continue
		}
		j[cookie.Name] = cookie
	}
}

func newBrowser(w *world) *interaction.Browser {
	return interaction.NewBrowser(w.Service, httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example"}), "https://id.example/oauth/authorize")
}

func TestBrowserKeepsItsInteractions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	browser, own, others := newBrowser(w), jar{}, jar{}
	answer := httptest.NewRecorder()
	begun, err := browser.Begin(answer, own.request(), w.request())
	if err != nil {
		t.Fatal(err)
	}
	own.take(answer)
	cookie := own["__Host-authly_interaction_"+begun.ID.String()]
	if cookie == nil || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != int(lifetime.Seconds()) {
		t.Fatalf("the cookies are %v", own)
	}
	if got := browser.ContinueURL(begun.ID); got != "https://id.example/oauth/authorize?interaction="+begun.ID.String() {
		t.Errorf("it goes on at %s", got)
	}
	if found, err := browser.Load(own.request(), begun.ID.String()); err != nil || found.FormToken("x") != begun.FormToken("x") {
		t.Errorf("its own browser: %v", err)
	}
	for name, id := range map[string]string{
		"empty": "", "no UUID": "x", "braces": "{" + begun.ID.String() + "}", "URN": begun.ID.URN(),
		"without hyphens": strings.ReplaceAll(begun.ID.String(), "-", ""), "a line break": begun.ID.String() + "\n",
	} {
		_, err := browser.Load(own.request(), id)
		w.wantKind(name, err, fault.NotFound)
	}
	_, err = browser.Load(others.request(), begun.ID.String())
	w.wantKind("another browser", err, fault.NotFound)
	_, err = browser.LoadOrClaim(httptest.NewRecorder(), others.request(), begun.ID.String())
	w.wantKind("another browser's claim", err, fault.NotFound)
	planted := own.request()
	planted.AddCookie(&http.Cookie{Name: cookie.Name, Value: "planted"})
	_, err = browser.Load(planted, begun.ID.String())
	w.wantKind("two cookies of one name", err, fault.NotFound)
	_, err = browser.LoadOrClaim(httptest.NewRecorder(), planted, begun.ID.String())
	w.wantKind("a claim with two cookies of one name", err, fault.NotFound)
}

func TestBrowserClaimsWhatWasPostedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	browser, own, posted := newBrowser(w), jar{}, w.begin()
	answer := httptest.NewRecorder()
	claimed, err := browser.LoadOrClaim(answer, own.request(), posted.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	own.take(answer)
	again, err := browser.LoadOrClaim(httptest.NewRecorder(), own.request(), posted.ID.String())
	if err != nil || again.FormToken("x") != claimed.FormToken("x") {
		t.Errorf("the same browser again: %v", err)
	}
	for _, id := range []string{"", "x", "%00"} {
		_, err := browser.LoadOrClaim(httptest.NewRecorder(), own.request(), id)
		w.wantKind("the identifier "+id, err, fault.NotFound)
	}
}

func TestBrowserNeverHasTooManyCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	browser, own := newBrowser(w), jar{"__Host-authly_session": {Name: "__Host-authly_session", Value: "s"}}
	var names []string
	for range 20 {
		answer := httptest.NewRecorder()
		begun, err := browser.Begin(answer, own.request(), w.request())
		if err != nil {
			t.Fatal(err)
		}
		own.take(answer)
		names = append(names, "__Host-authly_interaction_"+begun.ID.String())
	}
	if len(own) != 13 || own["__Host-authly_session"] == nil {
		t.Errorf("%d cookies", len(own))
	}
	slices.Sort(names)
	for i, name := range names {
		if _, kept := own[name]; kept != (i >= 8) {
			t.Errorf("number %d of 20 is kept: %v", i, kept)
		}
	}
}
