package http_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// secretOf returns the secret of a link, which is its last part.
func secretOf(w *World, link string) string {
	w.T.Helper()
	text := link[strings.LastIndexAny(link, "/=#")+1:]
	if len(text) < 20 {
		w.T.Fatal("there is no secret in the link")
	}
	w.Secret(text)
	return text
}

// handles returns one secret of each kind that this server gives away, all of them good.
func (s *stolen) handles(initial string) map[string]string {
	w := s.w
	w.T.Helper()
	notice, err := w.Notice(w.T.Context())
	must(w.T, err)
	opaque := w.Confidential(callback, func(m *client.Metadata) { m.AccessTokenFormat = client.FormatOpaque })
	known := w.Confidential(callback, func(m *client.Metadata) {
		m.Name, m.PostLogoutRedirectURIs = "Who asks for a logout", []string{afterLogout}
	})
	asked := s.mallory.Send(w.Issuer+"/oidc/logout", url.Values{"client_id": {known.ClientID}, "post_logout_redirect_uri": {afterLogout}})
	made := map[string]string{
		"code": s.code.Get("code"), "refresh token": s.tokens.Text("refresh_token"), "access token": w.Tokens(opaque, w.Ada).Text("access_token"),
		"client secret": w.App.Secret, "initial access token": initial, "registration token": s.record.Text("registration_access_token"),
		"invitation": secretOf(w, s.invitation), "ticket": s.ticket.Form().Fields.Get("ticket"), "setup token": secretOf(w, notice.SetupURL.Reveal()),
		"logout request": asked.Form().Fields.Get("interaction"), "form token": s.page.Form().Fields.Get("csrf_token"),
	}
	for _, kind := range []string{sessionCookie, interactionCookie} {
		made[kind] = s.cookie(kind).Value
	}
	return made
}

const (
	sessionCookie     = "session cookie"
	interactionCookie = "interaction cookie"
)

// cookie returns the victim's first cookie of a kind.
func (s *stolen) cookie(kind string) *http.Cookie {
	s.w.T.Helper()
	for _, each := range s.victim.Cookies() {
		if strings.Contains(each.Name, "session") == (kind == sessionCookie) && !strings.Contains(each.Name, "state") {
			return each
		}
	}
	s.w.T.Fatalf("there is no %s", kind)
	return nil
}

// Each secret is tried at each place where a secret opens something. It opens its own place, and
// no other: nothing that is stored once is found under another name.
func TestEveryHandleOpensItsOwnDoor(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "access: every handle opens its own door")
			w := newWorld(t, engine, testx.WithConfig(everything), withRegistration(registration.InitialAccessToken), unlimited)
			w.T = t
			initial := w.permit(registration.NewInitialToken{})
			s := w.stealWith(initial)
			differs := url.Values{"password": {"my own new horse 1843"}, "password_confirmation": {"another horse 1843"}}
			doors := map[string]struct {
				own  []string
				open func(handle string) bool
			}{
				"code": {[]string{"code"}, func(handle string) bool {
					form := url.Values{"grant_type": {"authorization_code"}, "code": {handle}, "redirect_uri": {callback}, "code_verifier": {strings.Repeat("v", 43)}}
					return !strings.Contains(w.Token(w.App, form).Text("error_description"), "invalid, expired")
				}},
				"refresh token": {[]string{"refresh token"}, func(handle string) bool { return w.Token(w.App, refreshWith(handle)).Status == http.StatusOK }},
				"bearer token": {[]string{"access token"}, func(handle string) bool {
					return w.Get("/oidc/userinfo", testx.Bearer(handle)).Status == http.StatusOK
				}},
				"bearer token of the administration": {nil, func(handle string) bool {
					return w.Get(adminPath+"/users", testx.Bearer(handle)).Status != http.StatusUnauthorized
				}},
				"client secret": {[]string{"client secret"}, func(handle string) bool {
					return w.Token(testx.Client{Client: w.App.Client, Secret: handle}, machine()).Status == http.StatusOK
				}},
				"registration": {[]string{"initial access token"}, func(handle string) bool { return w.enroll(handle, plain).Status == http.StatusCreated }},
				"record": {[]string{"registration token"}, func(handle string) bool {
					return w.Get(s.record.Text("registration_client_uri"), testx.Bearer(handle)).Status == http.StatusOK
				}},
				"invitation": {[]string{"invitation"}, func(handle string) bool {
					return w.Post("/invitation", testx.Form{Fields: set("ticket", handle)}.With(differs)).Status == http.StatusBadRequest
				}},
				"new password": {[]string{"ticket"}, func(handle string) bool {
					answer := s.hurried.Submit(s.ticket, testx.Form{Fields: set("ticket", handle)}.With(differs))
					return answer.Form().ID == "password-form"
				}},
				"setup": {[]string{"setup token"}, func(handle string) bool {
					return w.Post("/setup", testx.Form{Fields: set("setup_token", handle)}.With(differs)).Status == http.StatusBadRequest
				}},
				"session cookie": {[]string{sessionCookie}, func(handle string) bool {
					return w.Get(w.AuthorizeURL(w.Request(w.App, set("prompt", "none"))), testx.Header("Cookie", s.cookie(sessionCookie).Name+"="+handle)).Query().Get("code") != ""
				}},
				"interaction cookie": {[]string{interactionCookie}, func(handle string) bool {
					name := s.cookie(interactionCookie).Name
					id := name[strings.LastIndex(name, "_")+1:]
					return w.Get("/login?interaction="+id, testx.Header("Cookie", name+"="+handle)).Status != http.StatusNotFound
				}},
				"logout request": {[]string{"logout request"}, func(handle string) bool {
					return strings.Contains(s.victim.Open(w.Issuer+"/oidc/logout?handle="+url.QueryEscape(handle)).Body, "Who asks for a logout")
				}},
			}
			once := []string{"code"} // its door needs its verifier too
			for kind, handle := range s.handles(initial) {
				if len(handle) < 20 {
					t.Fatalf("the %s is %q", kind, handle)
				}
				for door, at := range doors {
					isOwn := slices.Contains(at.own, kind)
					if isOwn && slices.Contains(once, kind) {
						continue
					}
					if opened := at.open(handle); opened != isOwn {
						t.Errorf("the %s at %s: opened is %t, want %t", kind, door, opened, isOwn)
					}
				}
			}
			if answer := w.Token(w.App, s.code); answer.Status != http.StatusOK {
				t.Errorf("the code at its own door: %d %s", answer.Status, answer.Body)
			}
		})
	}
}

// Each kind of client that has something to prove, at each endpoint that authenticates clients, in
// each way: only its own way is let in, and what is refused uses up and ends nothing. The endpoints
// and grants are those of the metadata; a new one fails the test until it is said what to send to it.
func TestClientsAuthenticateInTheirOwnWay(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "clients: each in its own way, everywhere")
			w := newWorld(t, engine)
			w.T = t
			key := w.Keyed(jose.ES256, nil)
			stranger := w.Keyed(jose.ES256, nil)
			post := w.Confidential(callback, func(m *client.Metadata) { m.AuthenticationMethod = oauth.ClientSecretPost })
			for kind, known := range map[string]testx.Client{"basic": w.App, "post": post, "assertion": key.Client} {
				right := func(form url.Values) url.Values {
					switch kind {
					case "assertion":
						return asserted(form, w.assert(key, jose.TypeJWT, w.claims(key, nil)))
					case "post":
						return testx.Form{Fields: form}.With(url.Values{"client_id": {known.ClientID}, "client_secret": {known.Secret}})
					default:
						return form
					}
				}
				for name, form := range w.authenticated(known, kind, right) {
					path, _, _ := strings.Cut(name, " ")
					send := func(way string) testx.Answer {
						sent, options := url.Values{}, []testx.RequestOption(nil)
						for member, values := range form {
							sent[member] = values
						}
						switch way {
						case "nothing":
							sent.Set("client_id", known.ClientID)
						case "basic":
							options = append(options, func(r *http.Request) { r.SetBasicAuth(known.ClientID, cmp.Or(known.Secret, w.Other.Secret)) })
						case "post":
							sent.Set("client_id", known.ClientID)
							sent.Set("client_secret", cmp.Or(known.Secret, w.Other.Secret))
						case "another's secret, basic":
							options = append(options, func(r *http.Request) { r.SetBasicAuth(known.ClientID, w.Other.Secret) })
						case "another's secret, post":
							sent.Set("client_id", known.ClientID)
							sent.Set("client_secret", w.Other.Secret)
						case "an empty secret":
							options = append(options, func(r *http.Request) { r.SetBasicAuth(known.ClientID, "") })
						case "assertion":
							sent = asserted(sent, w.assert(keyed{known, key.key}, jose.TypeJWT, w.claims(keyed{known, key.key}, nil)))
						case "another's assertion":
							sent = asserted(sent, w.assert(keyed{known, stranger.key}, jose.TypeJWT, w.claims(keyed{known, stranger.key}, nil)))
						case "another's assertion beside its id":
							sent = asserted(sent, w.assert(stranger, jose.TypeJWT, w.claims(stranger, nil)))
							sent.Set("client_id", known.ClientID)
						}
						return w.Post(path, sent, options...)
					}
					for _, way := range []string{
						"nothing", "basic", "post", "assertion", "another's secret, basic", "another's secret, post", "an empty secret", "another's assertion", "another's assertion beside its id",
					} {
						if way == kind || kind != "assertion" && (way == "basic" || way == "post") {
							continue // one secret, in either place
						}
						answer := send(way)
						if code := answer.Text("error"); answer.Status != http.StatusUnauthorized && answer.Status != http.StatusBadRequest ||
							code != string(oauth.InvalidClient) && code != string(oauth.InvalidRequest) {
							t.Errorf("%s by %s of a client that authenticates with %s: %d %s", name, way, kind, answer.Status, answer.Body)
						}
					}
					if answer := send(kind); answer.Status != http.StatusOK {
						t.Errorf("%s by a client that authenticates with %s: %d %s", name, kind, answer.Status, answer.Body)
					}
				}
			}
		})
	}
}

// authenticated returns what a client may send to each endpoint that authenticates clients, by
// "path what".
func (w *World) authenticated(known testx.Client, kind string, right func(url.Values) url.Values) map[string]url.Values {
	w.T.Helper()
	told := w.Get("/.well-known/openid-configuration")
	forms := map[string]url.Values{}
	code := func() url.Values {
		request, browser := w.Request(known), w.Browser()
		response := browser.Through(browser.Open(w.AuthorizeURL(request)), w.Ada)
		return url.Values{"grant_type": {"authorization_code"}, "code": {response.Query().Get("code")}, "redirect_uri": {request.Get("redirect_uri")}, "code_verifier": {request.Verifier}}
	}
	tokens := func() testx.Answer {
		as := testx.Client{Client: known.Client}
		if kind == "basic" {
			as.Secret = known.Secret
		}
		answer := w.Post("/oauth/token", right(code()), testx.As(as))
		if answer.Status != http.StatusOK {
			w.T.Fatalf("no tokens for a client that authenticates with %s: %d %s", kind, answer.Status, answer.Body)
		}
		return answer
	}
	for member := range told.JSON {
		endpoint, found := strings.CutSuffix(member, "_auth_methods_supported")
		path := strings.TrimPrefix(told.Text(endpoint), w.Issuer)
		switch {
		case !found:
		case endpoint == "token_endpoint":
			grants, _ := told.JSON["grant_types_supported"].([]any)
			for _, grant := range grants {
				switch grant {
				case "authorization_code":
					forms[path+" code"] = code()
				case "refresh_token":
					forms[path+" refresh"] = refreshWith(tokens().Text("refresh_token"))
				case "client_credentials":
					forms[path+" own"] = machine()
				default:
					w.T.Errorf("the grant %v: say here what is sent", grant)
				}
			}
		case endpoint == "introspection_endpoint":
			forms[path+" introspection"] = url.Values{"token": {tokens().Text("access_token")}}
		case endpoint == "revocation_endpoint":
			forms[path+" revocation"] = url.Values{"token": {tokens().Text("refresh_token")}}
		default:
			w.T.Errorf("%s: say here what is sent", endpoint)
		}
	}
	if len(forms) < 3 {
		w.T.Fatalf("only %d forms: %s", len(forms), told.Body)
	}
	return forms
}
