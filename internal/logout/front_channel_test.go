package logout_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/client"
	"authly/internal/logout"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/session"
)

func (w *world) service() *logout.Service {
	return logout.New(logout.Deps{Database: w.database, Clock: w.clock, Issuer: issuer, Clients: w.clients, Subjects: w.subjects, Sessions: w.sessions, Outbox: w.outbox, Audit: w.log})
}

// framed registers a client that the browser tells at an address below its own origin.
func (w *world) framed(origin, rest string, change func(*client.Metadata)) client.Client {
	w.t.Helper()
	return w.client("", func(m *client.Metadata) {
		m.BackChannelLogoutURI, m.RedirectURIs, m.FrontChannelLogoutURI = "", []string{origin + "/callback"}, origin+rest
		if change != nil {
			change(m)
		}
	})
}

func (w *world) frames(of session.Session) logout.Frames {
	w.t.Helper()
	found, err := w.service().Frames(w.t.Context(), of)
	w.must(err)
	return found
}

func byThemselves(m *client.Metadata) { m.RegisteredBy = client.ByClient }

// The browser tells the clients of the session, and only those that are active
// and want it, with iss and the sid of the session.
func TestFrames(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		plain := w.framed("https://one.example", "/out", nil)
		query := w.framed("https://two.example:8443", "/out?a=b&c=d%26e", func(m *client.Metadata) { m.FrontChannelLogoutSessionRequired = true })
		pairwise := w.framed("https://apart.example", "/out", func(m *client.Metadata) { m.SubjectType = client.SubjectPairwise })
		same := w.framed("https://two.example:8443", "/again", nil)
		loopback := w.framed("http://127.0.0.1:3000", "/", nil)
		disabled, deleted, elsewhere := w.framed("https://off.example", "/out", nil), w.framed("https://gone.example", "/out", nil), w.framed("https://far.example", "/out", nil)
		ended := w.session(plain, query, same, pairwise, loopback, disabled, deleted, w.client("/back", nil))
		w.session(elsewhere)
		w.must(w.clients.Disable(t.Context(), disabled.ID))
		w.must(w.clients.Delete(t.Context(), deleted.ID))
		w.end(ended)
		got := w.frames(ended)
		slices.Sort(got.URIs)
		slices.Sort(got.Origins)
		added := "iss=" + url.QueryEscape(issuer) + "&sid=" + ended.ID.String()
		want := logout.Frames{
			URIs: []string{
				"http://127.0.0.1:3000/?" + added,
				"https://apart.example/out?iss=" + url.QueryEscape(issuer) + "&sid=" + w.subjects.SessionOf(pairwise, ended.ID), "https://one.example/out?" + added, "https://two.example:8443/again?" + added,
				"https://two.example:8443/out?a=b&c=d%26e&" + added,
			},
			Origins: []string{"http://127.0.0.1:3000", "https://apart.example", "https://one.example", "https://two.example:8443"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// What was registered before there were rules is left out, and keeps nobody else from being told.
		for _, old := range []string{"http://[::1]:3000/out", "javascript:alert(1)", "https://one.example; script-src *"} {
			_, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE clients SET frontchannel_logout_uri = $1 WHERE id = $2`, old, loopback.ID)
			w.must(err)
			if got := w.frames(ended); len(got.URIs) != 4 || len(got.Origins) != 3 {
				t.Errorf("%s: %v", old, got)
			}
		}
		if none := w.frames(w.session(w.client("/back", nil))); len(none.URIs)+len(none.Origins) > 0 {
			t.Errorf("nobody wants to be told so: %v", none)
		}
	})
}

// However many clients take part, or how often, the page is bounded, and who was
// registered by an administrator or was there first is on it.
func TestFramesAreBounded(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		first, trusted := w.framed("https://first.example", "/out", byThemselves), w.framed("https://trusted.example", "/out", nil)
		ended := w.session(first)
		w.clock.Advance(time.Second)
		for i := range 300 {
			hostile := w.framed(fmt.Sprintf("https://h%d.evil.example", i), "/out", byThemselves)
			for range 4 {
				w.must(w.outbox.TookPart(t.Context(), ended.ID, hostile.ID))
			}
		}
		w.clock.Advance(time.Second)
		w.must(w.outbox.TookPart(t.Context(), ended.ID, trusted.ID))
		w.end(ended)
		got := w.frames(ended)
		if len(got.URIs) != 20 || len(got.Origins) != 20 || got.Origins[0] != "https://trusted.example" || got.Origins[1] != "https://first.example" {
			t.Errorf("%d frames: %v", len(got.URIs), got.Origins)
		}

		long := strings.Repeat(strings.Repeat("x", 60)+".", 3)
		var parts []client.Client
		for i := range 15 {
			parts = append(parts, w.framed(fmt.Sprintf("https://%sh%d.example", long, i), "/out", nil))
		}
		ended = w.session(parts...)
		w.end(ended)
		got = w.frames(ended)
		if size := len(strings.Join(got.Origins, " ")); size > 2000 || len(got.URIs) < 5 || len(got.URIs) != len(got.Origins) {
			t.Errorf("%d frames, %d bytes", len(got.URIs), size)
		}
	})
}

// An address that could widen a policy, that is somebody else's, or that has the
// parameters already, is none that a client may have.
func TestFrontChannelAddressesThatAreRefused(t *testing.T) {
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	register := func(uri string) error {
		_, err := w.clients.Register(t.Context(), client.Metadata{
			Name: "x", ApplicationType: oauth.Native, FrontChannelLogoutURI: uri,
			RedirectURIs: []string{"https://app.example/callback", "https://app.example:8443/callback", "http://[::1]:3000/x", "http://localhost:3000/x", "com.example.app:/x"},
		})
		return err
	}
	for _, uri := range []string{
		"https://app.example/out", "https://app.example", "https://app.example?a=b", "https://app.example:443/out", "https://app.example:8443/out;a=b", "http://localhost:3000/out",
		"https://app.example/out?a='b';c,d*",
	} {
		if err := register(uri); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for _, uri := range []string{
		"https://app.example/out#x", "https://evil.example/out", "https://sub.app.example/", "https://app.example.evil.example/", "http://app.example/out",
		"https://app.example:8080/out", "http://localhost/out", "http://localhost:3001/out", "http://[::1]:3000/out", "com.example.app:/x",
		"https://app.example; script-src *", "https://app.example;script-src/", "https://app.example *", "https://*.example/", "https://app.example,https://evil.example",
		"https://user@app.example/", "https://app.example@evil.example/", "https://APP.example/out", "https://app.example\r\nX: y", "https://app.example\\@evil.example/",
		"//app.example/out", "/out", "javascript:alert(1)", "data:text/html,x", "https:app.example", "https://", "https://app.example:/out", "https://app.example:0443/out",
		"https://app.example/out?iss=https://evil.example", "https://app.example/out?a=b&sid=x", "https://app.example/out?%73id=x", "https://app.example/out?a=%zz",
		"https://app.example/" + strings.Repeat("x", 2000), "https://äpp.example/out", "'self'", "*", "https:",
	} {
		if register(uri) == nil {
			t.Errorf("%q was registered", uri)
		}
	}
}
