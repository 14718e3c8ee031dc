package login_test

import (
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/testx"
	"authly/internal/user"
)

// A password that somebody else chose begins no session: it opens the page on which another
// one is chosen, and nothing else.
func TestATemporaryPasswordBeginsNoSession(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := testx.NewServer(t, engine)
			password := "correct horse " + secret.New().Reveal()[:16]
			s.Secret(password)
			created, err := s.Users.Create(t.Context(), user.New{Username: "ada", Password: secret.FromString(password), RequirePasswordChange: true})
			if err != nil {
				t.Fatal(err)
			}
			app, browser := s.Confidential("https://app.example/callback", nil), s.Browser()
			page := browser.SignIn(browser.Open(s.AuthorizeURL(s.Request(app))), testx.Person{User: created, Password: password})
			if page.Form().ID != "password-form" {
				t.Errorf("after the sign-in: %d %q", page.Status, page.Form().ID)
			}
			var sessions int
			if err := s.Database().Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM sessions`).Scan(&sessions); err != nil || sessions != 0 {
				t.Errorf("%d sessions, %v", sessions, err)
			}
			for _, cookie := range browser.Cookies() {
				if cookie.Name == "authly_session" {
					t.Error("the browser has a session")
				}
			}
		})
	}
}
