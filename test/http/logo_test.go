package http_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/platform/db/dbtest"
	"authly/internal/registration"
	"authly/internal/testx"
)

// DR-10: what a client says about itself is shown, and its logo comes from here.
func TestLogos(t *testing.T) {
	t.Parallel()
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 300, 300))))
	var asked atomic.Int64
	var broken atomic.Bool
	host, reachable := sectorHost(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch {
		case r.Header.Get("Cookie")+r.Header.Get("Referer") != "":
			t.Error("the host of the logo learns who is asking")
		case broken.Load() || r.URL.Path == "/broken.png":
			http.Error(w, "later", http.StatusServiceUnavailable)
		case r.URL.Path == "/script.svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`))
		case r.URL.Path == "/moved.png":
			http.Redirect(w, r, "/logo.png", http.StatusFound)
		default:
			w.Header().Set("Content-Type", "text/html") // what it is called doesn't count
			_, _ = w.Write(picture.Bytes())
		}
	})
	for _, engine := range dbtest.Engines(t) { // one after the other: they share the host
		w := newWorld(t, engine, withRegistration(registration.Open), unlimited, reachable)
		in := func(t *testing.T) *World {
			told := *w
			told.T, told.Server = t, w.In(t)
			return &told
		}
		t.Run(string(engine)+" DR-10 shown at sign-in and consent", func(t *testing.T) {
			w := in(t)
			made := w.asClient(w.enrolled("", plain.with(object{
				"logo_uri": host + "/logo.png", "policy_uri": "https://app.example/policy?a=b&c=\"d", "tos_uri": "https://app.example/terms",
			})))
			browser := w.Browser()
			page := browser.Open(w.AuthorizeURL(w.Request(made)))
			consent := browser.SignIn(page, w.Ada)
			for name, shown := range map[string]testx.Answer{"login": page, "consent": consent} {
				for _, want := range []string{`id="` + name + `-logo" src="/logos/` + made.ClientID + `?v=`, `href="https://app.example/policy?a=b&amp;c=%22d"`, `href="https://app.example/terms"`} {
					if !strings.Contains(shown.Body, want) {
						t.Errorf("%q is not on the %s page:\n%s", want, name, shown.Body)
					}
				}
				if strings.Contains(shown.Body, host) {
					t.Errorf("the %s page asks the client's address", name)
				}
			}
			before := asked.Load()
			logo := w.Get("/logos/" + made.ClientID)
			read, err := png.Decode(strings.NewReader(logo.Body))
			if err != nil || read.Bounds().Dx() != 256 || logo.Status != http.StatusOK {
				t.Errorf("the logo is %d: %v", logo.Status, err)
			}
			for name, want := range map[string]string{
				"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Cross-Origin-Resource-Policy": "same-origin", "ETag": `"`,
			} {
				if got := logo.Header.Get(name); !strings.Contains(got, want) {
					t.Errorf("%s is %q", name, got)
				}
			}
			if asked.Load() != before {
				t.Error("it is fetched again for who looks at it")
			}
		})
		for _, path := range []string{"/script.svg", "/broken.png", "/moved.png"} {
			t.Run(string(engine)+" no logo from "+slug(path), func(t *testing.T) {
				w := in(t)
				made := w.asClient(w.enrolled("", plain.with(object{"logo_uri": host + path})))
				if answer := w.Get("/logos/" + made.ClientID); answer.Status != http.StatusNotFound || strings.Contains(answer.Body, "svg onload") {
					t.Errorf("%d %s", answer.Status, answer.Body)
				}
				browser := w.Browser()
				if page := browser.Open(w.AuthorizeURL(w.Request(made))); page.Form().ID != "login-form" || strings.Contains(page.Body, "login-logo") {
					t.Errorf("the page has a logo, or is none: %d", page.Status)
				}
			})
		}
		t.Run(string(engine)+" fetched later", func(t *testing.T) {
			w := in(t)
			broken.Store(true)
			made := w.enrolled("", plain.with(object{"logo_uri": host + "/logo.png"}))
			before := asked.Load()
			must(t, w.Logos.FetchDue(t.Context()))
			if asked.Load() != before {
				t.Error("it is asked again at once")
			}
			broken.Store(false)
			w.Clock.Advance(61 * time.Second)
			must(t, w.Logos.FetchDue(t.Context()))
			if answer := w.Get("/logos/" + made.Text("client_id")); answer.Status != http.StatusOK {
				t.Errorf("there is no logo: %d", answer.Status)
			}
			// What was fetched stays until the client says something else.
			w.Clock.Advance(72 * time.Hour)
			before = asked.Load()
			must(t, w.Logos.FetchDue(t.Context()))
			if got := asked.Load() - before; got > 3 { // the three broken ones of the stories above
				t.Errorf("%d requests", got)
			}
			w.change(made, object{"logo_uri": absent})
			if answer := w.Get("/logos/" + made.Text("client_id")); answer.Status != http.StatusNotFound {
				t.Errorf("the logo of a client that has none any more: %d", answer.Status)
			}
		})
		t.Run(string(engine)+" given up at last", func(t *testing.T) {
			w := in(t)
			for range 8 {
				w.Clock.Advance(25 * time.Hour)
				must(t, w.Logos.FetchDue(t.Context()))
			}
			before := asked.Load()
			w.Clock.Advance(25 * time.Hour)
			must(t, w.Logos.FetchDue(t.Context()))
			if asked.Load() != before {
				t.Error("an address that never worked is asked for ever")
			}
		})
		t.Run(string(engine)+" no other files", func(t *testing.T) {
			w := in(t)
			for _, path := range []string{"/logos/client_unknown", "/logos/" + w.App.ClientID, "/logos/%00", "/logos/..%2f..%2fetc%2fpasswd", "/logos/" + strings.Repeat("x", 3000)} {
				if answer := w.Get(path); answer.Status != http.StatusNotFound {
					t.Errorf("%.40s: %d", path, answer.Status)
				}
			}
		})
	}
}

// A logo within the network of this server is not fetched, and the client is registered all the same.
func TestLogosAreFetchedFromThePublicOnly(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	host, _ := sectorHost(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	play(t, []Scenario{{Name: "server-side request by logo_uri", Rule: "egress: logo", Want: Want{Status: http.StatusNotFound}, Do: func(w *World) testx.Answer {
		var made testx.Answer
		for _, uri := range []string{host + "/logo.png", "https://169.254.169.254/latest/meta-data", "https://[::1]/logo.png", "https://10.0.0.1/logo.png"} {
			made = w.enrolled("", plain.with(object{"logo_uri": uri}))
		}
		if asked.Load() > 0 {
			w.T.Error("an address on this machine was asked")
		}
		return w.Get("/logos/" + made.Text("client_id"))
	}}}, withRegistration(registration.Open), unlimited)
}
