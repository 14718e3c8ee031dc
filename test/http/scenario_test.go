package http_test

import (
	"crypto"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/testx/testkeys"
)

const (
	callback = "https://app.example/callback"
	resource = "https://api.example"
)

// Scenario is one story: what is done, and what the last answer has to be.
type Scenario struct {
	Name    string
	Rule    string // of the catalogue in internal/testx/rules, which counts as held when the scenario has passed; "" for none
	Do      func(w *World) testx.Answer
	Want    Want
	WantNot []string // texts that are neither in the body nor in a header, and headers that are not there
}

// Want describes an answer. What is left at its zero value may be anything.
type Want struct {
	Status   int
	Error    oauth.ErrorCode   // of a JSON body or, for a redirect, of its query
	Header   map[string]string // parts of headers, and some as a whole: see hasHeader
	Body     []string          // parts of the body
	Redirect map[string]string // parameters of the Location header; "" means that it must be absent
	Active   string            // "true" or "false": what an introspection says
}

// World is what every story may use.
type World struct {
	*testx.Server
	T   *testing.T
	Ada testx.Person
	// App is confidential, Native public, Guard the resource server of resource,
	// Other has nothing to do with any of them.
	App, Native, Guard, Other testx.Client
	clientKeys                func(jose.Algorithm) (crypto.Signer, error)
}

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, engine db.Engine, options ...testx.Option) *World {
	t.Helper()
	s := testx.NewServer(t, engine, append([]testx.Option{testx.WithFakeClock(start)}, options...)...)
	withResource := func(n *client.Metadata) { n.Resources = []string{resource} }
	return &World{
		Server: s, T: t, Ada: s.Person("ada"), App: s.Confidential(callback, withResource), Native: s.Public("http://127.0.0.1/callback", nil),
		Guard:      s.Confidential("https://guard.example/callback", func(n *client.Metadata) { n.ProtectedResources = []string{resource} }),
		Other:      s.Confidential("https://other.example/callback", nil),
		clientKeys: testkeys.OfClients(),
	}
}

// play tells the stories on each engine.
func play(t *testing.T, scenarios []Scenario, options ...testx.Option) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, options...)
			for _, scenario := range scenarios {
				t.Run(scenario.Name, func(t *testing.T) {
					told := *w
					told.T, told.Server = t, w.In(t)
					if scenario.Rule != "" {
						told.Holds(scenario.Rule)
					}
					answer := scenario.Do(&told)
					scenario.Want.check(t, answer)
					for _, unwanted := range scenario.WantNot {
						refuseText(t, answer, unwanted)
					}
				})
			}
		})
	}
}

// Holds declares that the running scenario holds rules of the catalogue.
func (w *World) Holds(list ...string) {
	w.T.Helper()
	ledger.Holds(w.T, list...)
}

func refuseText(t *testing.T, answer testx.Answer, unwanted string) {
	t.Helper()
	if strings.Contains(answer.Body, unwanted) {
		t.Errorf("%q is in the body:\n%s", unwanted, answer.Body)
	}
	if len(answer.Header.Values(unwanted)) > 0 {
		t.Errorf("there is a header %s: %s", unwanted, answer.Header.Get(unwanted))
	}
	for name, values := range answer.Header {
		if strings.Contains(strings.Join(values, "\n"), unwanted) {
			t.Errorf("%q is in the header %s", unwanted, name)
		}
	}
}

func (want Want) check(t *testing.T, answer testx.Answer) {
	t.Helper()
	if want.Status != 0 && answer.Status != want.Status {
		t.Errorf("status %d, want %d; Location %q:\n%s", answer.Status, want.Status, answer.Header.Get("Location"), answer.Body)
	}
	if want.Error != "" {
		got := answer.Text("error")
		if answer.Header.Get("Location") != "" {
			got = answer.Query().Get("error")
		}
		if got != string(want.Error) {
			t.Errorf("error %q, want %q; Location %q:\n%s", got, want.Error, answer.Header.Get("Location"), answer.Body)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Header)) {
		if got := answer.Header.Get(name); !hasHeader(name, got, want.Header[name]) {
			t.Errorf("%s is %q, want %q", name, got, want.Header[name])
		}
	}
	for _, text := range want.Body {
		if !strings.Contains(answer.Body, text) {
			t.Errorf("%q is not in the body:\n%s", text, answer.Body)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Redirect)) {
		if got := answer.Query().Get(name); got != want.Redirect[name] {
			t.Errorf("%s is %q in the response, want %q: %s", name, got, want.Redirect[name], answer.Header.Get("Location"))
		}
	}
	if want.Active != "" {
		if got, ok := answer.JSON["active"].(bool); !ok || got != (want.Active == "true") {
			t.Errorf("active is %v, want %s: %s", answer.JSON["active"], want.Active, answer.Body)
		}
		if want.Active == "false" && len(answer.JSON) != 1 {
			t.Errorf("the answer says more than that the token is not active: %s", answer.Body)
		}
	}
}

// hasHeader reports whether a header is as wanted: lists as a whole and in any order, since an entry too many
// in them allows something; other headers by a part. "" is no header.
func hasHeader(name, got, wanted string) bool {
	switch name {
	case "Allow", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Allow-Origin", "Cache-Control", "Retry-After":
		return slices.Equal(entries(got), entries(wanted))
	default:
		return strings.Contains(got, wanted)
	}
}

// entries returns the entries of a list in a header, in order.
func entries(list string) []string {
	var all []string
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.ToLower(strings.TrimSpace(entry)); entry != "" {
			all = append(all, entry)
		}
	}
	slices.Sort(all)
	return all
}

// A list of methods with one too many is not the wanted one.
func TestWantedHeaders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, got, wanted string
		is                bool
	}{
		{"Allow", "GET, HEAD, POST", "POST", false},
		{"Allow", "POST, GET", "GET, POST", true},
		{"Allow", "GET", "GET, POST", false},
		{"Allow", "", "", true},
		{"Cache-Control", "no-store, public", "no-store", false},
		{"Access-Control-Allow-Origin", "*", "", false},
		{"Content-Type", "application/json; charset=utf-8", "application/json", true},
	} {
		if hasHeader(test.name, test.got, test.wanted) != test.is {
			t.Errorf("%s: %q for %q is %v", test.name, test.got, test.wanted, !test.is)
		}
	}
}

// jsonError is what every endpoint for programs says when it refuses.
func jsonError(status int, code oauth.ErrorCode) Want {
	want := Want{Status: status, Error: code, Header: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}}
	if status == http.StatusUnauthorized {
		want.Header["WWW-Authenticate"] = "Basic "
	}
	return want
}

// SignedIn returns a browser in which Ada is signed in and has allowed App.
func (w *World) SignedIn() *testx.Browser {
	w.T.Helper()
	browser := w.Browser()
	browser.Through(browser.Open(w.AuthorizeURL(w.Request(w.App))), w.Ada)
	return browser
}

// Authorize opens an authorization request of App in a browser.
func (w *World) Authorize(browser *testx.Browser, changes ...url.Values) testx.Answer {
	w.T.Helper()
	return browser.Open(w.AuthorizeURL(w.Request(w.App, changes...)))
}

// set is a change of parameters; a name without values is removed.
func set(name string, values ...string) url.Values { return url.Values{name: values} }
