package http_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/testx"
)

func document(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../docs/" + name)
	must(t, err)
	return string(content)
}

func quoted(words ...string) string { return "`" + strings.Join(words, "` `") + "`" }

// The tables of docs/openid-connect.md say what the program does.
func TestDocumentedLevelsClaimsAndProfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	var rows []string
	for _, class := range listed(t, w, "acr_values_supported") {
		rows = append(rows, "| "+quoted(class)+" |")
	}
	_, claims := jwt(t, w.Tokens(w.App, w.Ada).Text("id_token"))
	for _, method := range claims["amr"].([]any) {
		rows = append(rows, "| "+quoted(method.(string))+" |")
	}
	for _, scope := range []string{oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone} {
		rows = append(rows, "| "+quoted(scope)+" | "+quoted(oidc.ClaimsOfScope(scope)...)+" |")
	}
	member := map[string]string{}
	for _, profile := range client.SecurityProfiles() {
		set := func(m *client.Metadata) { m.SecurityProfile = profile }
		confidential, public := w.Confidential(callback, set), w.Public(callback, set)
		for name, value := range map[string]string{
			"`pkce` | `required`, `nonce_or_pkce`, `optional`": string(confidential.PKCE), "`pkce` of a public client | `required`": string(public.PKCE),
			"`assertion_audience` | `issuer`, `issuer_or_endpoint`":  string(confidential.AssertionAudience),
			"`refresh_token_rotation` | `static`, `rotate`":          string(confidential.RefreshTokenRotation),
			"`refresh_token_rotation` of a public client | `rotate`": string(public.RefreshTokenRotation),
			"`response_modes` | some of those in the metadata":       map[bool]string{true: "all"}[len(confidential.ResponseModes) == len(oauth.ResponseModes())],
		} {
			if value == "all" {
				member[name] += " | all"
			} else if value != "" {
				member[name] += " | " + quoted(value)
			}
		}
		if confidential.Consent != client.ConsentRemember || confidential.IDTokenAlgorithm != jose.RS256 || confidential.AccessTokenLifetime != 0 || confidential.RefreshTokenLifetime != 0 {
			t.Errorf("%s is not the same for both: %+v", profile, confidential.Metadata)
		}
	}
	for name, values := range member {
		rows = append(rows, "| "+name+values+" |")
	}
	text := document(t, "openid-connect.md")
	for _, row := range rows {
		if !strings.Contains(text, row) {
			t.Errorf("docs/openid-connect.md lacks %s", row)
		}
	}
}

// The texts that docs/pages.md promises are those that people and clients are told
// (certification, section 6, 3).
func TestDocumentedTextsOfErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	promised := document(t, "pages.md")
	shown := func(text string, changes ...url.Values) {
		t.Helper()
		page := w.Authorize(w.Browser(), changes...)
		if page.Status != http.StatusBadRequest || !strings.Contains(page.Body, text) || !strings.Contains(promised, `"`+text+`"`) {
			t.Errorf("%q is not shown, or not promised: %d\n%s", text, page.Status, page.Body)
		}
	}
	shown("This server doesn’t know the application that sent you here.", set("client_id", "client_nobody"))
	shown("The application did not say where to send you afterwards: redirect_uri is missing.", set("redirect_uri"))
	shown("The application wants to send you to an address that is not registered for it: redirect_uri is wrong.", set("redirect_uri", callback+"/x"))
	shown("The application’s request can’t be believed: its request object or request_uri is wrong.", set("redirect_uri"), set("request", "x.y.z"))
	shown("The application’s request can’t be believed: its request object or request_uri is wrong.", set("redirect_uri"), set("request_uri", "https://app.example/object"))

	said := map[string]bool{}
	told := func(answer testx.Answer, text string) {
		t.Helper()
		got, row := answer.Query(), "| `"+answer.Query().Get("error")+"` | `"+text+"` |\n"
		if got.Get("error_description") != text || !strings.Contains(promised, row) {
			t.Errorf("%v is told, want %q; or it is not promised", got, text)
		}
		said[row] = true
	}
	silently := func(changes ...url.Values) testx.Answer {
		return w.Authorize(w.Browser(), append([]url.Values{set("prompt", "none")}, changes...)...)
	}
	told(silently(set("response_type")), "response_type is missing")
	told(silently(set("response_type", "token")), "only the response_type code is supported")
	told(silently(set("request_uri", "https://app.example/object")), "the request_uri parameter is not supported")
	told(silently(set("request", "x.y.z")), "the request object is not signed with a key of the client")
	told(silently(set("id_token_hint", "x.y.z")), "id_token_hint is not an ID token that this server signed")
	told(silently(set("id_token_hint", w.Tokens(w.Other, w.Ada).Text("id_token"))), "id_token_hint was issued to another client")
	told(silently(set("prompt", "none register")), "prompt has a value that is not supported")
	told(silently(), "the user is not signed in")
	browser := w.SignedIn()
	told(browser.Open(w.AuthorizeURL(w.Request(w.Confidential(callback, nil), set("prompt", "none")))), "the user has not allowed this client yet")
	told(browser.Decide(w.Authorize(browser, set("prompt", "consent")), "deny"), "the user did not allow the request")

	w = newWorld(t, db.SQLite, testx.WithConfig(everything))
	told(silently(set("request_uri", "https://app.example/object")), "the request_uri is not registered for this client")
	unreachable := w.Confidential(callback, func(m *client.Metadata) { m.RequestURIs = []string{"https://nowhere.invalid/object"} })
	told(w.Browser().Open(w.AuthorizeURL(w.Request(unreachable, set("prompt", "none"), set("request_uri", "https://nowhere.invalid/object")))), "the request_uri could not be fetched")

	_, table, _ := strings.Cut(promised, "| `error` | `error_description` |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for row := range strings.Lines(table + "\n") {
		if !said[row] {
			t.Errorf("promised, and not told here: %s", row)
		}
	}
}
