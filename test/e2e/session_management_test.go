package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"

	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/testx"
)

// watch is a page that asks the provider's frame about a session as OpenID Connect
// Session Management 1.0 section 3.1 has it: it sends the message of the query, and shows the answer.
func (p *relyingParty) watch(w http.ResponseWriter, r *http.Request) {
	var endpoints struct {
		Frame string `json:"check_session_iframe"`
	}
	if err := p.provider.Claims(&endpoints); err != nil || endpoints.Frame == "" {
		http.Error(w, "no frame", http.StatusInternalServerError)
		return
	}
	message, err := json.Marshal(r.URL.Query().Get("message"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.URL.Query().Has("object") {
		message = []byte(`{"client_id": "x"}`)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!doctype html><title>Watching</title><iframe id="op" src="%s" hidden></iframe><p id="heard"></p><script>
		var op = document.getElementById("op"), issuer = new URL(op.src).origin;
		function ask() { op.contentWindow.postMessage(%s, issuer); }
		addEventListener("message", function (event) {
			if (event.source !== op.contentWindow || event.origin !== issuer) { return; }
			var answer = document.createElement("p");
			answer.id = "answer";
			answer.textContent = event.data;
			document.body.append(answer);
		});
		op.addEventListener("load", ask);
	</script>`, endpoints.Frame, message)
}

// again asks once more from a page that stays.
func again(b tab) string {
	b.t.Helper()
	b.ask(`document.getElementById("answer").remove(); ask(); ""`)
	return b.text("answer")
}

// The frame says "unchanged" for as long as the browser's session is the same, to
// the client at its own origin, and "changed" after another sign-in and after a logout.
func TestSessionManagement(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine, testx.WithConfig(func(c *config.Config) { c.Logout.SessionManagement = true }))
		ada, browser := s.Person("ada"), newBrowser(t)
		p, other := newRelyingParty(t, s, s.Confidential(loopback, nil)), newRelyingParty(t, s, s.Confidential(loopback, nil))
		b, watching := newTab(t, browser), newTab(t, browser)
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
		first := p.signedIn(b).response.Get("session_state")
		hears := func(origin, message, want string) {
			t.Helper()
			watching.do(chromedp.Navigate(origin + "/watch?" + message))
			if got := watching.text("answer"); got != want {
				t.Errorf("%s hears %q for %s, want %q", origin, got, message, want)
			}
		}
		about := func(state string) string { return url.Values{"message": {p.client.ClientID + " " + state}}.Encode() }
		for _, message := range []string{"object", "message=x", "message=", about("x"), about(first + " x"), about(first + "\n"), about(" " + first)} {
			hears(p.url, message, "error")
		}
		hears(other.url, about(first), "changed") // of another origin
		hears(p.other, about(first), "changed")   // of another site, where the frame has no cookie
		hears(p.url, url.Values{"message": {other.client.ClientID + " " + first}}.Encode(), "changed")
		hears(p.url, about(first), "unchanged")

		b.do(chromedp.Navigate(p.url + "/start?prompt=none"))
		second := p.signedIn(b).response.Get("session_state")
		if got := again(watching); got != "unchanged" || first == second {
			t.Errorf("after a silent sign-in: %s", got)
		}
		b.do(chromedp.Navigate(p.url+"/start?prompt=login"), signIn("ada", ada.Password))
		third := p.signedIn(b).response.Get("session_state")
		if got := again(watching); got != "changed" {
			t.Errorf("after another sign-in: %s", got)
		}
		hears(p.url, about(third), "unchanged")
		b.do(chromedp.Navigate(s.Issuer+"/logout"), press("logout-confirm"), shows("signed-out-title"))
		if got := again(watching); got != "changed" {
			t.Errorf("after the logout: %s", got)
		}
		b.do(chromedp.Navigate(p.url + "/start?prompt=none"))
		if found := p.result(b); found.err == nil || found.err.Error() != "login_required" || found.response.Has("session_state") {
			t.Errorf("prompt=none after the logout: %v", found.response)
		}
	})
}
