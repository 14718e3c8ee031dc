package testx

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Browser keeps cookies, follows redirects within the server, and fills in forms.
type Browser struct {
	server *Server
	client *http.Client
}

// Browser returns a browser without cookies.
func (s *Server) Browser() *Browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &Browser{s, NewHTTPClient(s.t, jar)}
}

// At returns the same browser, with its cookies, at another server.
func (b *Browser) At(other *Server) *Browser { return &Browser{other, b.client} }

// maxRedirects ends a circle.
const maxRedirects = 12

// Open gets a page and follows redirects until there is one that leads away
// from the server; that one is returned.
func (b *Browser) Open(address string) Answer {
	b.server.t.Helper()
	return b.follow(b.server.send(b.client, http.MethodGet, address, nil))
}

// Send posts a form and follows redirects as Open does.
func (b *Browser) Send(address string, form url.Values, options ...RequestOption) Answer {
	b.server.t.Helper()
	return b.follow(b.server.send(b.client, http.MethodPost, address, form, options...))
}

func (b *Browser) follow(answer Answer) Answer {
	b.server.t.Helper()
	for range maxRedirects {
		location := answer.Header.Get("Location")
		if location == "" || !b.isOurs(location) {
			return answer
		}
		answer = b.server.send(b.client, http.MethodGet, location, nil)
	}
	b.server.t.Fatalf("redirects go round in circles, at last at %s", answer.URL)
	return answer
}

func (b *Browser) isOurs(location string) bool {
	origin, _, _ := strings.Cut(strings.TrimPrefix(b.server.Issuer, "http://"), "/")
	return strings.HasPrefix(location, "http://"+origin+"/")
}

// Cookies returns the cookies that the server would get.
func (b *Browser) Cookies() []*http.Cookie {
	at, err := url.Parse(b.server.Issuer)
	if err != nil {
		b.server.t.Fatal(err)
	}
	return b.client.Jar.Cookies(at)
}

var (
	formPattern   = regexp.MustCompile(`(?s)<form id="([a-z-]+)" method="post" action="([^"]*)">(.*?)</form>`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// Form is a form of a page with its hidden fields.
type Form struct {
	ID, Action string
	Fields     url.Values
}

// Form returns the only form of a page; its ID is "" if there is none.
func (a Answer) Form() Form {
	found := formPattern.FindStringSubmatch(a.Body)
	if found == nil {
		return Form{}
	}
	form := Form{ID: found[1], Action: html.UnescapeString(found[2]), Fields: url.Values{}}
	for _, hidden := range hiddenPattern.FindAllStringSubmatch(found[3], -1) {
		form.Fields.Set(html.UnescapeString(hidden[1]), html.UnescapeString(hidden[2]))
	}
	return form
}

// With returns the form's fields with others.
func (f Form) With(fields url.Values) url.Values {
	all := maps.Clone(f.Fields)
	maps.Copy(all, fields)
	return all
}

// Submit sends the form of a page.
func (b *Browser) Submit(page Answer, fields url.Values) Answer {
	b.server.t.Helper()
	form := page.Form()
	if form.ID == "" {
		b.server.t.Fatalf("no form at %s (%d):\n%s", page.URL, page.Status, page.Body)
	}
	at, err := url.Parse(page.URL)
	if err != nil {
		b.server.t.Fatal(err)
	}
	action, err := at.Parse(form.Action)
	if err != nil {
		b.server.t.Fatal(err)
	}
	return b.Send(action.String(), form.With(fields))
}

// SignIn fills in the sign-in page.
func (b *Browser) SignIn(page Answer, person Person) Answer {
	b.server.t.Helper()
	if id := page.Form().ID; id != "login-form" {
		b.server.t.Fatalf("the form at %s is %q, not the sign-in (%d):\n%s", page.URL, id, page.Status, page.Body)
	}
	return b.Submit(page, url.Values{"username": {person.Username}, "password": {person.Password}})
}

// Decide answers the consent page: "allow" or "deny".
func (b *Browser) Decide(page Answer, decision string) Answer {
	b.server.t.Helper()
	if id := page.Form().ID; id != "consent-form" {
		b.server.t.Fatalf("the form at %s is %q, not the consent (%d):\n%s", page.URL, id, page.Status, page.Body)
	}
	return b.Submit(page, url.Values{"decision": {decision}})
}

// Through goes on from a page as a person does who signs in and allows
// everything, and returns the redirect, or the form, that leads to the client.
func (b *Browser) Through(page Answer, person Person) Answer {
	b.server.t.Helper()
	if page.Form().ID == "login-form" {
		page = b.SignIn(page, person)
	}
	if page.Form().ID == "consent-form" {
		page = b.Decide(page, "allow")
	}
	if page.Header.Get("Location") == "" && page.Form().ID != "form-post" {
		b.server.t.Fatalf("the sign-in ends at %s (%d) without a redirect:\n%s", page.URL, page.Status, page.Body)
	}
	return page
}

// Request is an authorization request with what the client keeps for itself.
type Request struct {
	url.Values
	Verifier string
}

// Request returns an authorization request of a client with PKCE, state and nonce.
func (s *Server) Request(known Client, changes ...url.Values) Request {
	verifier := rand.Text() + rand.Text()
	digest := sha256.Sum256([]byte(verifier))
	made := url.Values{
		"response_type": {"code"}, "client_id": {known.ClientID}, "redirect_uri": {known.RedirectURIs[0]}, "scope": {"openid profile offline_access"},
		"state": {rand.Text()}, "nonce": {rand.Text()}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])},
	}
	for _, change := range changes {
		for name, values := range change {
			made[name] = values
			if len(values) == 0 {
				delete(made, name)
			}
		}
	}
	s.Secret(verifier)
	return Request{made, verifier}
}

// AuthorizeURL returns where a browser is sent with a request.
func (s *Server) AuthorizeURL(request Request) string {
	return s.Issuer + "/oauth/authorize?" + request.Encode()
}

// Redeem exchanges the code of a response.
func (s *Server) Redeem(known Client, request Request, response Answer) Answer {
	s.t.Helper()
	return s.Token(known, url.Values{
		"grant_type": {"authorization_code"}, "code": {response.Query().Get("code")},
		"redirect_uri": {request.Get("redirect_uri")}, "code_verifier": {request.Verifier},
	})
}

// Tokens signs a person in to a client in a new browser and returns the tokens.
func (s *Server) Tokens(known Client, person Person, changes ...url.Values) Answer {
	s.t.Helper()
	request, browser := s.Request(known, changes...), s.Browser()
	answer := s.Redeem(known, request, browser.Through(browser.Open(s.AuthorizeURL(request)), person))
	if answer.Status != http.StatusOK {
		s.t.Fatalf("the code was answered with %d: %s", answer.Status, answer.Body)
	}
	return answer
}

// Response returns the parameters of an authorization response that the browser
// is about to take to a client: in the query of a redirect, or in a form.
func (a Answer) Response() url.Values {
	if form := a.Form(); form.ID == "form-post" {
		return form.Fields
	}
	return a.Query()
}
