package http_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
)

// told is what a client was told: the path that it is told at, and the form.
type told struct {
	path string
	form url.Values
}

// newListener starts a client that can be told; its certificate is the option's.
func newListener(t *testing.T) (string, <-chan told, testx.Option) {
	t.Helper()
	heard := make(chan told, 64)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		heard <- told{r.Method + " " + r.URL.Path, form}
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	return server.URL, heard, testx.WithConfig(func(c *config.Config) {
		c.Egress.AdditionalCAFile, c.Egress.AllowLoopback = file, true
	})
}

// hears waits for one logout token and returns its claims.
func (w *World) hears(heard <-chan told, path string) map[string]any {
	w.T.Helper()
	select {
	case got := <-heard:
		if got.path != "POST "+path || len(got.form) != 1 || len(got.form["logout_token"]) != 1 {
			w.T.Fatalf("heard %s %v, want a logout token at %s", got.path, got.form, path)
		}
		header, claims := jwt(w.T, got.form.Get("logout_token"))
		if header["typ"] != "logout+jwt" || header["kid"] == "" {
			w.T.Errorf("the header is %v", header)
		}
		_, err := w.Keys().Verify(got.form.Get("logout_token"), jose.TypeLogoutToken)
		must(w.T, err)
		return claims
	case <-time.After(20 * time.Second):
		w.T.Fatal("nobody was told")
		return nil
	}
}

func hearsNothing(t *testing.T, heard <-chan told) {
	t.Helper()
	select {
	case got := <-heard:
		t.Errorf("told without need: %s", got.path)
	case <-time.After(200 * time.Millisecond):
	}
}

// Whatever ends a session, its clients are told, with the sub and the sid of their
// own ID tokens; and soon, without anybody waiting for them.
func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			address, heard, option := newListener(t)
			w := newWorld(t, engine, option)
			backChannel := func(path string, change func(*client.Metadata)) func(*client.Metadata) {
				return func(n *client.Metadata) {
					n.BackChannelLogoutURI, n.BackChannelLogoutSessionRequired = address+path, true
					if change != nil {
						change(n)
					}
				}
			}
			pairwise := func(n *client.Metadata) {
				n.SubjectType, n.IDTokenAlgorithm = client.SubjectPairwise, jose.ES256
			}
			for _, test := range []struct {
				name   string
				change func(*client.Metadata)
				end    func(w *World, s shopper)
			}{
				{"by the client", nil, func(w *World, s shopper) {
					isExactly(w.T, s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout)), afterLogout)
				}},
				{"by a pairwise client", pairwise, func(_ *World, s shopper) { s.ask(set("id_token_hint", s.hint)) }},
				{"on the page", nil, func(w *World, s shopper) { s.decide(s.Open(w.Issuer+"/logout"), "logout") }},
				{"by another user's sign-in", pairwise, func(w *World, s shopper) {
					s.SignIn(s.Open(w.Issuer+"/login?switch=1"), w.Person("mallory"))
				}},
				{"by an administrator", pairwise, func(w *World, s shopper) {
					a := &administration{w.Server, w.T}
					token := testx.Bearer(a.own(a.robot(), "admin:sessions:write", w.Issuer+adminPath))
					a.wants(a.send(token, http.MethodDelete, "/sessions/"+w.sessionOf("client_id="+s.shop.ClientID).String(), ""), http.StatusNoContent)
				}},
				{"a new password", nil, func(w *World, s shopper) {
					must(w.T, w.Users.SetPassword(w.T.Context(), w.Ada.ID, secret.FromString("purple bicycles in winter")))
				}},
				{"the user is disabled", nil, func(w *World, s shopper) { must(w.T, w.Users.Disable(w.T.Context(), w.Ada.ID)) }},
				{"the user is deleted", pairwise, func(w *World, s shopper) { must(w.T, w.Users.Delete(w.T.Context(), w.Ada.ID)) }},
			} {
				t.Run(test.name, func(t *testing.T) {
					each := *w
					each.T, each.Server = t, w.In(t)
					each.Ada = each.Person("ada-" + strings.ToLower(strings.NewReplacer(" ", "-", "'", "").Replace(test.name)))
					s := each.shopper(backChannel("/shop", test.change))
					hearsNothing(t, heard)
					test.end(&each, s)
					claims := each.hears(heard, "/shop")
					_, idToken := jwt(t, s.hint)
					for _, name := range []string{"iss", "sub", "aud", "sid"} {
						if claims[name] == nil || claims[name] != idToken[name] {
							t.Errorf("%s is %v, and %v in the ID token", name, claims[name], idToken[name])
						}
					}
					var names []string
					for name := range claims {
						names = append(names, name)
					}
					slices.Sort(names)
					if !slices.Equal(names, []string{"aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"}) {
						t.Errorf("the claims are %v", names)
					}
					hearsNothing(t, heard)
				})
			}
		})
	}
}

// Both clients of a session are told, and a client that only got a code too.
func TestBackChannelLogoutOfSeveral(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			address, heard, option := newListener(t)
			w := newWorld(t, engine, option)
			at := func(path string) func(*client.Metadata) {
				return func(n *client.Metadata) { n.BackChannelLogoutURI = address + path }
			}
			s := w.shopper(at("/one"))
			w.shopperAt(w.shop(at("/two")), s.Browser, w.Ada)
			s.Through(s.Open(w.AuthorizeURL(w.Request(w.shop(at("/three"))))), w.Ada) // its code is never redeemed
			w.shopper(at("/another-session"))
			s.ask(set("id_token_hint", s.hint))
			paths := map[string]bool{}
			for range 3 {
				select {
				case got := <-heard:
					paths[got.path] = true
				case <-time.After(20 * time.Second):
					t.Fatalf("told only %v", paths)
				}
			}
			if !paths["POST /one"] || !paths["POST /two"] || !paths["POST /three"] {
				t.Errorf("told %v", paths)
			}
			hearsNothing(t, heard)
		})
	}
}

// sessionOf returns the one session that a filter of the administration leaves.
func (w *World) sessionOf(filter string) uuid.UUID {
	w.T.Helper()
	a := &administration{w.Server, w.T}
	token := testx.Bearer(a.own(a.robot(), "admin:sessions:read", w.Issuer+adminPath))
	listed, _ := a.wants(a.send(token, http.MethodGet, "/sessions?"+filter, ""), http.StatusOK).JSON["sessions"].([]any)
	if len(listed) != 1 {
		w.T.Fatalf("%d sessions with %s, want 1", len(listed), filter)
	}
	parsed, err := uuid.Parse(fmt.Sprint(listed[0].(map[string]any)["id"]))
	must(w.T, err)
	return parsed
}

// Clients with pairwise subjects can't find out by their sids that they share a person's session; what
// each is told of its end has the sid of its own ID token, and its ID token still is the hint of the session.
func TestPairwiseSessionIdentifiers(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			address, heard, option := newListener(t)
			w := newWorld(t, engine, option)
			hosts := []string{"https://one.example", "https://two.example", "https://plain.example"}
			var taking []shopper
			browser := w.Browser()
			for i, host := range hosts {
				known := w.Confidential(host+"/callback", func(n *client.Metadata) {
					n.BackChannelLogoutURI, n.FrontChannelLogoutURI = fmt.Sprintf("%s/%d", address, i), host+"/out"
					n.PostLogoutRedirectURIs = []string{host + "/bye"}
					if i < 2 {
						n.SubjectType = client.SubjectPairwise
					}
				})
				taking = append(taking, w.shopperAt(known, browser, w.Ada))
			}
			session, seen := w.sessionOf("client_id="+taking[0].shop.ClientID).String(), map[string]bool{}
			var sids []string
			for i, s := range taking {
				_, claims := jwt(t, s.hint)
				sid, _ := claims["sid"].(string)
				if sid == "" || seen[sid] || (sid == session) != (i == 2) {
					t.Errorf("%s has the sid %q in the session %s", hosts[i], sid, session)
				}
				seen[sid], sids = true, append(sids, sid)
			}
			page := taking[1].ask(set("id_token_hint", taking[1].hint), set("post_logout_redirect_uri", hosts[1]+"/bye"))
			tells(t, page, hosts[1]+"/bye", strings.Join(hosts, " "), taking[0].told(hosts[0]+"/out"), taking[1].told(hosts[1]+"/out"), taking[2].told(hosts[2]+"/out"))
			taking[0].mustBeSignedOut()
			for range taking {
				select {
				case got := <-heard:
					_, claims := jwt(t, got.form.Get("logout_token"))
					i, err := strconv.Atoi(strings.TrimPrefix(got.path, "POST /"))
					must(t, err)
					if claims["sid"] != sids[i] {
						t.Errorf("%s is told of %v, want %s", hosts[i], claims["sid"], sids[i])
					}
				case <-time.After(20 * time.Second):
					t.Fatal("a client was not told")
				}
			}
		})
	}
}
