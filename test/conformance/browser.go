package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// browser is one without JavaScript: it keeps cookies, follows redirects and sends forms.
type browser struct {
	p      *probe
	client *http.Client
	deny   bool
	// logins counts how often the sign-in page was filled in.
	logins int
	// afterForms are the statuses of redirects after a form was sent.
	afterForms []int
	// cookies are the newest that were set, by their names.
	cookies map[string]*http.Cookie
}

// stranger is a browser that was never here.
func (p *probe) stranger() *browser { return p.browserWith(p.jar()) }

// browser is the one of somebody who has mostly signed in before, in a check of the
// same run: providers bound how often people sign in.
func (p *probe) browser() *browser {
	if p.env.cookies == nil {
		p.env.cookies = p.jar()
	}
	return p.browserWith(p.env.cookies)
}

func (p *probe) jar() http.CookieJar {
	jar, err := cookiejar.New(nil)
	p.must(err == nil, "%v", err)
	return jar
}

func (p *probe) browserWith(jar http.CookieJar) *browser {
	client := newHTTPClient(p.env.Roots)
	client.Jar = jar
	return &browser{p: p, client: client, cookies: map[string]*http.Cookie{}}
}

// landing is where a browser ends: at the client with a response, or at a page.
type landing struct {
	response url.Values // nil: at a page
	byPost   bool
	page     answer
}

// request is an authorization request with what the client keeps.
type request struct {
	url.Values
	verifier string
}

// request returns a good authorization request; a change without values takes a parameter away.
func (p *probe) request(c Client, changes ...url.Values) request {
	verifier := rand.Text() + rand.Text()
	digest := sha256.Sum256([]byte(verifier))
	made := url.Values{
		"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {c.RedirectURI}, "scope": {"openid"}, "state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"},
	}
	for _, change := range changes {
		for name, values := range change {
			made[name] = values
			if len(values) == 0 {
				delete(made, name)
			}
		}
	}
	return request{made, verifier}
}

func with(name string, values ...string) url.Values { return url.Values{name: values} }

func without(names ...string) url.Values {
	changes := url.Values{}
	for _, name := range names {
		changes[name] = nil
	}
	return changes
}

const maxSteps = 20

// authorize sends a request and does what a person would who wants to sign in.
func (b *browser) authorize(sent request) landing {
	return b.drive(http.MethodGet, b.p.endpoint("authorization_endpoint")+"?"+sent.Encode(), nil, sent.Get("redirect_uri"))
}

// drive goes from page to page until the client's redirect URI or a page where
// nothing is left to do. An empty target is a URI that nothing leads to.
func (b *browser) drive(method, address string, form url.Values, target string) landing {
	for range maxSteps {
		got := b.send(method, address, form)
		if location := got.header.Get("Location"); got.status >= 300 && got.status < 400 && location != "" {
			next, err := follow(address, location)
			if err != nil {
				b.p.fail("%v", err)
			}
			if method == http.MethodPost {
				b.afterForms = append(b.afterForms, got.status)
			}
			if target != "" && leadsTo(next, target) {
				return landing{response: queryOf(next), page: got}
			}
			method, address, form = http.MethodGet, next, nil
			continue
		}
		action, fields, ok := b.fill(got, address)
		if !ok {
			return landing{page: got}
		}
		if target != "" && leadsTo(action, target) {
			return landing{response: fields, byPost: true, page: got}
		}
		method, address, form = http.MethodPost, action, fields
	}
	b.p.fail("the pages go round in circles, at last at %s", address)
	return landing{}
}

func queryOf(address string) url.Values {
	parsed, err := url.Parse(address)
	if err != nil {
		return url.Values{}
	}
	return parsed.Query()
}

// leadsTo tells whether an address is the redirect URI, with parameters or without.
func leadsTo(address, redirectURI string) bool {
	rest, found := strings.CutPrefix(address, redirectURI)
	return found && (rest == "" || rest[0] == '?' || rest[0] == '&')
}

func (b *browser) send(method, address string, form url.Values) answer {
	through := *b.p.env
	through.http = b.client
	inside := &probe{ctx: b.p.ctx, env: &through}
	got, err := inside.send(method, address, form)
	if err != nil {
		b.p.fail("%s does not answer: %v", address, err)
	}
	for _, cookie := range (&http.Response{Header: got.header}).Cookies() {
		b.cookies[cookie.Name] = cookie
	}
	return got
}

// fill does what there is to do on a page: signs in, goes on, allows, confirms.
func (b *browser) fill(got answer, address string) (action string, fields url.Values, ok bool) {
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		return "", nil, false
	}
	document, err := html.Parse(strings.NewReader(string(got.body)))
	if err != nil {
		return "", nil, false
	}
	for _, found := range formsOf(document) {
		fields, ok := b.answers(found)
		if !ok {
			continue
		}
		base, err := url.Parse(address)
		if err != nil {
			continue
		}
		target, err := base.Parse(found.action)
		if err != nil {
			continue
		}
		return target.String(), fields, true
	}
	return "", nil, false
}

// answers returns what is sent for a form, if it is one that the browser knows.
func (b *browser) answers(found form) (url.Values, bool) {
	pages, fields := b.p.env.Pages, found.hidden
	switch {
	case found.inputs[pages.Username] && found.inputs[pages.Password]:
		b.logins++
		if b.logins > 3 {
			b.p.fail("the sign-in page comes again and again")
		}
		fields.Set(pages.Username, b.p.user().Username)
		fields.Set(pages.Password, b.p.user().Password)
		return fields, true
	case b.deny && found.press(fields, pages.Deny), !b.deny && found.press(fields, pages.Allow):
		return fields, true
	case found.press(fields, pages.Account), found.press(fields, pages.Logout):
		return fields, true
	}
	// A form that has nothing but hidden values takes a response to the client.
	return fields, len(found.inputs) == 0 && (fields.Has("code") || fields.Has("error") || fields.Has("response"))
}

// form is a form of a page.
type form struct {
	action  string
	hidden  url.Values
	inputs  map[string]bool      // names of what a person fills in
	buttons map[string][2]string // by id: name and value
}

func (f form) press(fields url.Values, id string) bool {
	button, there := f.buttons[id]
	if there && button[0] != "" {
		fields.Set(button[0], button[1])
	}
	return there
}

func formsOf(node *html.Node) []form {
	var found []form
	if node.Type == html.ElementNode && node.Data == "form" {
		made := form{action: attribute(node, "action"), hidden: url.Values{}, inputs: map[string]bool{}, buttons: map[string][2]string{}}
		collect(node, made)
		return append(found, made)
	}
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		found = append(found, formsOf(child)...)
	}
	return found
}

func collect(node *html.Node, into form) {
	if node.Type == html.ElementNode {
		name := attribute(node, "name")
		switch kind := attribute(node, "type"); {
		case node.Data == "input" && kind == "hidden":
			into.hidden.Set(name, attribute(node, "value"))
		case node.Data == "button", node.Data == "input" && kind == "submit":
			into.buttons[attribute(node, "id")] = [2]string{name, attribute(node, "value")}
		case node.Data == "input":
			into.inputs[name] = true
		}
	}
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		collect(child, into)
	}
}

func attribute(node *html.Node, name string) string {
	for _, each := range node.Attr {
		if each.Key == name {
			return each.Val
		}
	}
	return ""
}
