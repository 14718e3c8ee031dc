package revoke_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

const callback = "https://app.example/callback"

type world struct {
	*testx.Server
	t             *testing.T
	ada           testx.Person
	app, stranger testx.Client
}

func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := testx.NewServer(t, engine, testx.WithFakeClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)))
			rotate := func(n *client.Metadata) { n.RefreshTokenRotation = client.Rotate }
			test(t, &world{s, t, s.Person("ada"), s.Confidential(callback, rotate), s.Confidential(callback, nil)})
		})
	}
}

func (w *world) refresh(tokens testx.Answer) testx.Answer {
	w.t.Helper()
	return w.Token(w.app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}})
}

func (w *world) active(tokens testx.Answer) bool {
	w.t.Helper()
	return w.Introspect(w.app, tokens.Text("access_token")).JSON["active"] == true
}

// RFC 7009 section 2.1: whichever token is given back, the authorization ends.
func TestAnyTokenEndsItsFamily(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for name, pick := range map[string]func(first, second testx.Answer) string{
			"the refresh token":         func(_, second testx.Answer) string { return second.Text("refresh_token") },
			"a rotated refresh token":   func(first, _ testx.Answer) string { return first.Text("refresh_token") },
			"the access token":          func(_, second testx.Answer) string { return second.Text("access_token") },
			"an earlier access token":   func(first, _ testx.Answer) string { return first.Text("access_token") },
			"with a hint that is wrong": func(first, _ testx.Answer) string { return first.Text("access_token") },
		} {
			first := w.Tokens(w.app, w.ada)
			second := w.refresh(first)
			unrelated := w.Tokens(w.app, w.ada)
			form := url.Values{"token": {pick(first, second)}, "token_type_hint": {"refresh_token"}}
			if answer := w.Post("/oauth/revoke", form, testx.As(w.app)); answer.Status != http.StatusOK || answer.Body != "" || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
			if w.active(first) || w.active(second) {
				t.Errorf("%s: an access token lives", name)
			}
			if again := w.refresh(second); again.Text("error") != string(oauth.InvalidGrant) {
				t.Errorf("%s: the refresh token lives: %s", name, again.Body)
			}
			if !w.active(unrelated) {
				t.Errorf("%s: another authorization of the same user and client ended too", name)
			}
		}
	})
}

// RFC 7009 section 2.2: 200 for what is none of the caller's business, and nothing happens.
func TestOthersTokensAreLeftAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		native := w.Public("http://127.0.0.1/callback", nil)
		tokens := w.Tokens(w.app, w.ada)
		own := w.Token(w.app, url.Values{"grant_type": {"client_credentials"}})
		for _, caller := range []testx.Client{w.stranger, native} {
			for name, token := range map[string]string{
				"access token": tokens.Text("access_token"), "refresh token": tokens.Text("refresh_token"), "client's own": own.Text("access_token"),
				"ID token": tokens.Text("id_token"), "unknown": "unknown", "long": strings.Repeat("x", 8000), "half": tokens.Text("access_token")[:50],
			} {
				if answer := w.Revoke(caller, token); answer.Status != http.StatusOK || answer.Body != "" {
					t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
				}
			}
		}
		if !w.active(tokens) || !w.active(own) {
			t.Error("somebody else ended a token")
		}
		if answer := w.refresh(tokens); answer.Status != http.StatusOK {
			t.Errorf("somebody else ended a refresh token: %s", answer.Body)
		}
	})
}

func TestClientsOwnTokenEndsAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		one, two := w.Token(w.app, url.Values{"grant_type": {"client_credentials"}}), w.Token(w.app, url.Values{"grant_type": {"client_credentials"}})
		w.Revoke(w.app, one.Text("access_token"))
		if w.active(one) || !w.active(two) {
			t.Errorf("active: %v, %v", w.active(one), w.active(two))
		}
		w.Revoke(w.app, one.Text("access_token")) // twice is as good as once
	})
}

func TestWhoMayRevoke(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		tokens := w.Tokens(w.app, w.ada)
		wrong := w.app
		wrong.Secret = w.stranger.Secret
		disabled := w.Confidential(callback, nil)
		if err := w.Clients.Disable(t.Context(), disabled.ID); err != nil {
			t.Fatal(err)
		}
		form := url.Values{"token": {tokens.Text("refresh_token")}}
		for name, test := range map[string]struct {
			form    url.Values
			options []testx.RequestOption
			status  int
			code    oauth.ErrorCode
		}{
			"nobody":                  {form, nil, 401, oauth.InvalidClient},
			"a name without a secret": {url.Values{"token": form["token"], "client_id": {w.app.ClientID}}, nil, 401, oauth.InvalidClient},
			"a wrong secret":          {form, []testx.RequestOption{testx.As(wrong)}, 401, oauth.InvalidClient},
			"a disabled client":       {form, []testx.RequestOption{testx.As(disabled)}, 401, oauth.InvalidClient},
			"two methods": {
				url.Values{"token": form["token"], "client_id": {w.app.ClientID}, "client_secret": {w.app.Secret}},
				[]testx.RequestOption{testx.As(w.app)},
				400, oauth.InvalidRequest,
			},
			"no token":   {url.Values{}, []testx.RequestOption{testx.As(w.app)}, 400, oauth.InvalidRequest},
			"two tokens": {url.Values{"token": {"a", "b"}}, []testx.RequestOption{testx.As(w.app)}, 400, oauth.InvalidRequest},
		} {
			answer := w.Post("/oauth/revoke", test.form, test.options...)
			if answer.Status != test.status || answer.Text("error") != string(test.code) {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
		}
		if !w.active(tokens) {
			t.Error("one of them ended a token")
		}
	})
}
