package http_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/registration"
	"authly/internal/scope"
	"authly/internal/testx"
)

// Each operation of the administration on something that exists, by callers who may not: the
// person or client that it is about, another person or client, and an administrator whose token
// has every scope but the one that is needed. They are refused, and nothing changes. The
// operations are those of the description: a new one is in here by itself, and fails the test
// until it is known what to ask about.
func TestIDsOfOthersInTheAdministration(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "access: others' things by their ids")
			k := newAsker(t, engine)
			services, declared, callers := k.services(), k.declarations(), k.lesser()
			before := rows(t, k.Database(), aside...)
			var tried []request
			for _, operation := range k.operations {
				sent := request{operation: operation, path: k.pathOf(operation, func(name string) string { return k.idFor(operation, name) }), body: k.effective(operation)}
				tried = append(tried, sent)
				needed := declared[operation.method+" "+operation.path].scope
				callers["an administrator without the scope"] = refusedFor("insufficient_scope", testx.Bearer(services["but "+needed]))
				for name, by := range callers {
					options := slices.Clone(by.options)
					if sent.body != nil {
						options = append(options, testx.JSON(string(sent.body)))
					}
					answer := k.Call(operation.method, sent.path, nil, options...)
					if !slices.Contains(by.want, answer.Status) || by.kind != "" && answer.Text("type") != "urn:authly:problem:"+by.kind {
						t.Errorf("%s by %s: %d %s", operation.ID, name, answer.Status, answer.Body)
					}
				}
				if after := rows(t, k.Database(), aside...); !slices.Equal(before, after) {
					t.Fatalf("%s was refused and has changed:\n%s", operation.ID, difference(before, after))
				}
			}
			k.letThrough(t, tried)
		})
	}
}

// letThrough is the control: the same requests by somebody who may are understood. What deletes
// comes last, and what it was about may be gone.
func (k *asker) letThrough(t *testing.T, tried []request) {
	t.Helper()
	slices.SortStableFunc(tried, func(a, b request) int { return isDelete(a) - isDelete(b) })
	for _, sent := range tried {
		k.renew()
		answer := k.do(t, sent)
		switch {
		case answer.Status < http.StatusBadRequest, answer.Status == http.StatusConflict:
		case answer.Status == http.StatusNotFound && isDelete(sent) > 0:
		default:
			t.Errorf("%s %s %s by an administrator: %d %s", sent.operation.method, sent.path, sent.body, answer.Status, answer.Body)
		}
	}
}

func isDelete(sent request) int {
	if sent.operation.method == http.MethodDelete {
		return 1
	}
	return 0
}

// idFor returns something that there is for the parameter of an operation's path.
func (k *asker) idFor(operation describedOperation, name string) string {
	k.t.Helper()
	if name == "token_id" && strings.HasPrefix(operation.path, adminPath+"/tokens/") {
		return k.ids[name][len(k.ids[name])-1] // the first ones are initial access tokens
	}
	return k.existing(name)
}

// effective returns a body that would change something.
func (k *asker) effective(operation describedOperation) []byte {
	k.t.Helper()
	bodies := map[string]string{
		"create-client": `{"client_name":"Stolen","redirect_uris":["https://evil.example/callback"]}`, "update-client": `{"client_name":"Stolen"}`,
		"create-client-secret": `{}`, "check-client-secret": `{"client_secret":"a guess that is long enough"}`,
		"create-initial-access-token": `{"name":"stolen"}`, "create-scope": `{"name":"stolen","description":"Stolen"}`, "update-scope": `{"description":"Stolen"}`,
		"create-user": `{"username":"stolen","password":"engine of analysis 1843"}`, "update-user": `{"nickname":"Stolen"}`, "rotate-keys": `{"algorithms":["RS256"],"force":true}`,
	}
	body, known := bodies[operation.ID]
	switch {
	case known:
		return []byte(body)
	case operation.RequestBody != nil && operation.RequestBody.Required:
		k.t.Errorf("%s takes a body: say here what changes something", operation.ID)
	}
	return nil
}

// lesser are callers who know ids and may not administer, though each of their tokens is good for something.
func (k *asker) lesser() map[string]caller {
	k.t.Helper()
	here := k.Issuer + adminPath
	if err := k.Scopes.Create(k.t.Context(), scope.Scope{Name: "reports", Description: "Read reports", Active: true}); err != nil {
		k.t.Fatal(err)
	}
	// They got the scopes by a change of the database, so that only the flag of the account is missing.
	app := k.Confidential("https://own.example/callback", func(m *client.Metadata) {
		m.Resources, m.Scopes = []string{here}, append(m.Scopes, "reports")
	})
	owner, other := k.Person("owner"), k.Person("mallory")
	ofOwner, ofOther, ofClient := k.on(app, owner, "openid"), k.on(app, other, "openid"), k.own(app, "reports", here)
	plain := k.Tokens(app, owner, set("scope", "openid")).Text("access_token")
	if _, err := k.Database().Write(k.t.Context()).Exec(k.t.Context(), `UPDATE access_tokens SET scopes = $1 WHERE client = $2`, db.Strings(adminScopes()), app.ID); err != nil {
		k.t.Fatal(err)
	}
	k.ids["user_id"] = append([]string{owner.ID.String()}, k.ids["user_id"]...)
	k.ids["client_id"] = append([]string{app.ClientID}, k.ids["client_id"]...)
	k.ids["secret_id"] = k.all("/clients/"+app.ClientID+"/secrets", "id")
	return map[string]caller{
		"nobody":                           unknown(),
		"its person, with an app's token":  unknown(testx.Bearer(plain)),
		"its client, with its own secret":  unknown(testx.As(app)),
		"its person":                       refusedFor("not_administrator", testx.Bearer(ofOwner)),
		"another person":                   refusedFor("not_administrator", testx.Bearer(ofOther)),
		"its client, with its own token":   refusedFor("not_administrator", testx.Bearer(ofClient)),
		"a token in a cookie, of somebody": unknown(testx.Header("Cookie", "access_token="+ofOwner)),
	}
}

// stolen is what another person or client tries with something that is not theirs.
type stolen struct {
	w                       *World
	victim, mallory         *testx.Browser
	hurried                 *testx.Browser // of somebody who has to choose a password
	malloryTokens, tokens   testx.Answer   // Mallory's own and the victim's
	record, malloryRecord   testx.Answer   // registrations
	page                    testx.Answer   // the victim's consent page
	login                   testx.Answer   // the victim's sign-in page
	choice                  testx.Answer   // the victim's choice of an account
	ticket                  testx.Answer   // the page where the victim chooses a password
	signOut                 testx.Answer   // the page that asks whether to sign out
	code                    url.Values     // what redeems the victim's code
	invitation, malloryName string
}

// attempt is one try and whether it was refused.
type attempt struct {
	name    string
	answer  testx.Answer
	refused bool
}

func refusedWith(name string, answer testx.Answer, statuses ...int) attempt {
	return attempt{name, answer, slices.Contains(statuses, answer.Status)}
}

// Each other route, with what belongs to somebody else. A route that is not in the table fails
// the test: say what can be tried with it, or that it has nothing of anybody.
func TestThingsOfOthersAtEveryRoute(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "access: others' things at every route")
			w := newWorld(t, engine, testx.WithConfig(everything), withRegistration(registration.Open), unlimited)
			w.T = t
			s := w.steal()
			tries := s.tries()
			for _, route := range w.Routes() {
				name := route.Method + " " + strings.TrimPrefix(route.Path, w.Path())
				if strings.HasPrefix(route.Path, adminPath+"/") || isPublic(route) {
					continue
				}
				try, known := tries[name]
				if delete(tries, name); !known {
					t.Errorf("%s: it is not known what can be tried with it", name)
					continue
				}
				before := rows(t, w.Database(), aside...)
				for _, each := range try() {
					if !each.refused {
						t.Errorf("%s, %s: %d %v\n%s", name, each.name, each.answer.Status, each.answer.Header.Get("Location"), each.answer.Body)
					}
				}
				if after := rows(t, w.Database(), aside...); !slices.Equal(before, after) {
					t.Errorf("%s has changed:\n%s", name, difference(before, after))
				}
			}
			for name := range tries {
				t.Errorf("%s is not mounted", name)
			}
			s.stillWorks()
		})
	}
}

// isPublic reports whether a route shows the same to everybody and changes nothing.
func isPublic(route httpx.Route) bool {
	return route.Method == http.MethodGet && (strings.HasPrefix(route.Path, "/.well-known/") || slices.Contains([]string{
		"/{$}", "/healthz", "/readyz", "/static/{name}", "/logos/{client_id}", "/oidc/check-session", "/api/v1/openapi.json",
	}, route.Path))
}

func (w *World) steal() *stolen {
	w.T.Helper()
	return w.stealWith("")
}

// stealWith is steal with an initial access token for registrations, "" for none.
func (w *World) stealWith(initial string) *stolen {
	w.T.Helper()
	s := &stolen{w: w, victim: w.SignedIn(), mallory: w.Browser(), malloryName: "mallory"}
	mallory := w.Person(s.malloryName)
	s.mallory.Through(s.mallory.Open(w.AuthorizeURL(w.Request(w.App))), mallory)
	s.tokens, s.malloryTokens = w.Tokens(w.App, w.Ada), w.Tokens(w.Other, mallory)
	s.record, s.malloryRecord = w.enrolled(initial, plain), w.enrolled(initial, plain)
	s.code = w.code(w.App)
	s.page = s.victim.Open(w.AuthorizeURL(w.Request(w.Other)))
	s.login = s.victim.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "login"))))
	s.choice = s.victim.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "select_account"))))
	s.signOut = s.victim.Open(w.Issuer + "/logout")
	hurried := w.Person("hurried")
	must(w.T, w.Users.RequirePasswordChange(w.T.Context(), hurried.ID))
	s.hurried = w.Browser()
	s.ticket = s.hurried.SignIn(s.hurried.Open(w.AuthorizeURL(w.Request(w.App))), hurried)
	a := &administration{w.Server, w.T}
	robot := testx.Bearer(a.own(a.robot(), adminScopes().String(), w.Issuer+adminPath))
	s.invitation = a.wants(a.send(robot, http.MethodPost, "/users/"+w.Ada.Subject()+"/invitation", ""), http.StatusCreated).Text("url")
	w.Secret(s.invitation)
	for name, page := range map[string]testx.Answer{"consent-form": s.page, "login-form": s.login, "select-account-form": s.choice, "logout-form": s.signOut, "password-form": s.ticket} {
		if page.Form().ID != name {
			w.T.Fatalf("the form is %q and not %q:\n%s", page.Form().ID, name, page.Body)
		}
	}
	return s
}

func interactionOf(page testx.Answer) string { return page.Form().Fields.Get("interaction") }

// tries returns what can be tried with each route that is not public and not of the administration.
func (s *stolen) tries() map[string]func() []attempt {
	w := s.w
	other, own := []testx.RequestOption{testx.As(w.Other)}, testx.Bearer(s.malloryTokens.Text("access_token"))
	get := func(path string, page testx.Answer) func() []attempt {
		return func() []attempt {
			return []attempt{refusedWith("their interaction", s.mallory.Open(w.Issuer+path+"?interaction="+interactionOf(page)), http.StatusNotFound)}
		}
	}
	post := func(page testx.Answer, fields url.Values) func() []attempt {
		return func() []attempt {
			return []attempt{
				refusedWith("their form", s.mallory.Submit(page, fields), http.StatusNotFound, http.StatusForbidden),
				refusedWith("their form, without any session", w.Browser().Submit(page, fields), http.StatusNotFound, http.StatusForbidden, http.StatusOK),
			}
		}
	}
	record := func(method string) func() []attempt {
		return func() []attempt {
			body := testx.JSON(plain.with(object{"client_id": s.record.Text("client_id"), "client_name": "Stolen"}).String())
			at := s.record.Text("registration_client_uri")
			return []attempt{
				refusedWith("another client's token", w.Call(method, at, nil, body, testx.Bearer(s.malloryRecord.Text("registration_access_token"))), http.StatusUnauthorized),
				refusedWith("a person's token", w.Call(method, at, nil, body, own), http.StatusUnauthorized),
				refusedWith("another client's secret", w.Call(method, at, nil, append([]testx.RequestOption{body}, other...)...), http.StatusUnauthorized),
				refusedWith("no token", w.Call(method, at, nil, body), http.StatusUnauthorized),
				refusedWith("their id at one's own token", w.Call(method, strings.Replace(s.malloryRecord.Text("registration_client_uri"), s.malloryRecord.Text("client_id"), w.App.ClientID, 1), nil, body,
					testx.Bearer(s.malloryRecord.Text("registration_access_token"))), http.StatusUnauthorized),
			}
		}
	}
	userInfo := func(method string) func() []attempt {
		return func() []attempt {
			var all []attempt
			for _, name := range []string{"sub", "user_id", "username", "id"} {
				answer := w.Call(method, "/oidc/userinfo?"+name+"="+w.Ada.Subject(), nil, own)
				all = append(all, attempt{"their " + name, answer, !strings.Contains(answer.Body, w.Ada.Subject()) && !strings.Contains(answer.Body, w.Ada.Email)})
			}
			return all
		}
	}
	endSession := func(method string) func() []attempt {
		return func() []attempt {
			hint := url.Values{"id_token_hint": {s.tokens.Text("id_token")}}
			answer := w.Call(method, "/oidc/logout?"+hint.Encode(), nil)
			return []attempt{{"their hint", answer, answer.Status < http.StatusInternalServerError}}
		}
	}
	return map[string]func() []attempt{
		"GET /oauth/authorize":               get("/oauth/authorize", s.page),
		"POST /oauth/authorize":              nothingOf(),
		"GET /consent":                       get("/consent", s.page),
		"POST /consent":                      post(s.page, url.Values{"decision": {"allow"}}),
		"GET /login":                         get("/login", s.login),
		"POST /login":                        post(s.login, url.Values{"username": {s.malloryName}, "password": {"not the password"}}),
		"POST /login/password":               s.tryTicket,
		"GET /select-account":                get("/select-account", s.choice),
		"POST /select-account":               post(s.choice, url.Values{"account": {"current"}}),
		"GET /logout":                        nothingOf(), // one's own session alone
		"POST /logout":                       post(s.signOut, url.Values{"decision": {"logout"}}),
		"GET /oidc/logout":                   endSession(http.MethodGet),
		"POST /oidc/logout":                  nothingOf(), // it stores a request, and goes on as GET
		"GET /setup":                         nothingOf(), // a token alone, which TestRaces and package bootstrap look at
		"POST /setup":                        nothingOf(),
		"GET /setup/{token}":                 nothingOf(), // it leads to the page, see TestSetupLinkLeavesNoSecretBehind
		"GET /invitation":                    nothingOf(), // a token alone, which nobody else has
		"GET /invitation/{token}":            s.tryLink,
		"POST /invitation":                   s.tryInvitation,
		"POST /oauth/register":               nothingOf(), // it makes something new
		"GET /oidc/userinfo":                 userInfo(http.MethodGet),
		"POST /oidc/userinfo":                userInfo(http.MethodPost),
		"GET /oauth/register/{client_id}":    record(http.MethodGet),
		"PUT /oauth/register/{client_id}":    record(http.MethodPut),
		"DELETE /oauth/register/{client_id}": record(http.MethodDelete),
		"POST /oauth/token": func() []attempt {
			return []attempt{
				refusedWith("their code", w.Token(w.Other, s.code), http.StatusBadRequest),
				refusedWith("their refresh token", w.Token(w.Other, refreshWith(s.tokens.Text("refresh_token"))), http.StatusBadRequest),
				refusedWith("their refresh token, in their name", w.Token(testx.Client{Client: w.App.Client, Secret: w.Other.Secret}, refreshWith(s.tokens.Text("refresh_token"))), http.StatusUnauthorized),
			}
		},
		"POST /oauth/introspect": func() []attempt {
			var all []attempt
			for _, kind := range []string{"access_token", "refresh_token"} {
				answer := w.Introspect(w.Other, s.tokens.Text(kind))
				all = append(all, attempt{"their " + kind, answer, answer.JSON["active"] == false && len(answer.JSON) == 1})
			}
			return all
		},
		"POST /oauth/revoke": func() []attempt {
			var all []attempt
			for _, kind := range []string{"access_token", "refresh_token"} {
				all = append(all, refusedWith("their "+kind, w.Revoke(w.Other, s.tokens.Text(kind)), http.StatusOK, http.StatusBadRequest)) // and nothing has changed
			}
			return all
		},
	}
}

// nothingOf is for a route that takes nothing of somebody else.
func nothingOf() func() []attempt { return func() []attempt { return nil } }

// tryTicket sends the victim's form for a new password from another browser: the ticket is
// bound to the interaction, and that to its browser.
func (s *stolen) tryTicket() []attempt {
	chosen := url.Values{"password": {"mallory's own horse 1843"}, "password_confirmation": {"mallory's own horse 1843"}}
	return []attempt{
		refusedWith("their ticket", s.mallory.Submit(s.ticket, chosen), http.StatusNotFound, http.StatusForbidden),
		refusedWith("their ticket, without any session", s.w.Browser().Submit(s.ticket, chosen), http.StatusNotFound, http.StatusForbidden),
	}
}

// tryInvitation makes up and cuts short the token of an invitation.
func (s *stolen) tryInvitation() []attempt {
	var all []attempt
	for name, changed := range s.changedTokens() {
		chosen := url.Values{"ticket": {changed}, "password": {"mallory's own horse 1843"}, "password_confirmation": {"mallory's own horse 1843"}}
		all = append(all, refusedWith("a token that is "+name, s.mallory.Send(s.w.Issuer+"/invitation", chosen), http.StatusNotFound))
	}
	return all
}

// tryLink follows links with such tokens, and the address of the page that the right one leads to.
func (s *stolen) tryLink() []attempt {
	var all []attempt
	for name, changed := range s.changedTokens() {
		all = append(all, refusedWith("a link with a token that is "+name, s.mallory.Open(s.w.Issuer+"/invitation/"+changed), http.StatusNotFound))
	}
	opened := s.w.Browser().Open(s.invitation)
	return append(all, refusedWith("the address of the page", s.mallory.Open(opened.URL), http.StatusNotFound))
}

// changedTokens returns tokens that aren't the one of the invitation, by what they are.
func (s *stolen) changedTokens() map[string]string {
	token := secretOf(s.w, s.invitation)
	return map[string]string{"shorter": token[:len(token)-1], "longer": token + "A", "of another kind": s.tokens.Text("refresh_token"), "its person's id": s.w.Ada.Subject()}
}

// stillWorks is the control: what was tried in vain works for those whose it is.
func (s *stolen) stillWorks() {
	w := s.w
	w.T.Helper()
	for name, answer := range map[string]testx.Answer{
		"the record": w.record(http.MethodGet, s.record), "the refresh token": w.Token(w.App, refreshWith(s.tokens.Text("refresh_token"))), "the code": w.Token(w.App, s.code),
	} {
		if answer.Status != http.StatusOK {
			w.T.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	if answer := s.victim.Decide(s.page, "allow"); answer.Query().Get("code") == "" {
		w.T.Errorf("the consent: %d %s", answer.Status, answer.Body)
	}
	if answer := w.Introspect(w.App, s.tokens.Text("access_token")); answer.JSON["active"] != true || answer.Text("sub") != w.Ada.Subject() {
		w.T.Errorf("the access token: %s", answer.Body)
	}
}
