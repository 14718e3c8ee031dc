package ui

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hostile are texts that a client, a person or an attacker may hand in.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' autofocus onfocus='alert(1)`,
	`</title><script>alert(1)</script>`,
	`</h1><form action=https://evil.example>`,
	`<!--`, `--><svg onload=alert(1)>`,
	`{{.}}`, `{{text "login.title"}}`, `{client}`, `{host}`,
	`javascript:alert(1)`,
	"line\r\nSet-Cookie: a=b",
	"\u202egnp.exe", "a\u0000b", "\xff\xfe<b>", "\u2028x",
	strings.Repeat("A", 100_000),
}

func everywhere(text string) []Page {
	wrong := map[string]string{"username": text, "email": text, "password": text, "password_confirmation": text}
	return []Page{
		LoginPage{Action: "/login", Interaction: text, Token: text, Identifier: text, ClientName: text, ClientHost: text, User: text, Error: text},
		LoginPage{Action: "/login", ClientName: text, OtherUser: text, Notice: text, Warning: text, PolicyURI: text, TermsURI: text},
		LoginPage{Action: "/login", ClientName: text},
		ConsentPage{
			Action: "/consent", Interaction: text, Token: text, ClientName: text, ClientHost: text, ClientURI: text,
			UserName: text, Scopes: []ScopeView{{text, text}, {text, ""}}, Resources: []ResourceView{{text, text, []ScopeView{{text, text}, {text, ""}}}}, Shown: text, PolicyURI: text, TermsURI: text, Error: text,
		},
		ConsentPage{Action: "/consent", ClientName: text, Claims: []string{text}, Warning: text},
		SelectAccountPage{Action: "/select-account", Interaction: text, Token: text, ClientName: text, ClientHost: text, UserName: text, Email: text},
		FormPostPage{Action: "https://app.example/callback", Host: text, Fields: []Field{{"state", text}, {"code", text}, {"error_description", text}}},
		LeavePage{Host: text, Code: text, ContinueURL: "https://app.example/callback?state=" + url.QueryEscape(text)},
		LeavePage{Host: text, Code: text, Action: "https://app.example/callback", Fields: []Field{{"state", text}}},
		LogoutPage{Action: "/logout", Interaction: text, Token: text, UserName: text, ClientName: text},
		SignedOutPage{Frames: []string{"https://app.example/out"}, ContinueURL: "https://app.example/bye?state=" + url.QueryEscape(text), ContinueHost: text},
		SetupPage{Action: "/setup", Token: text, SetupToken: text, Username: text, Email: text, Error: text, Errors: wrong},
		PasswordPage{Action: "/login/password", Interaction: text, Token: text, Ticket: text, UserName: text, Error: text, Errors: wrong},
		PasswordPage{Action: "/invitation", Ticket: text, Invitation: true, UserName: text},
		ErrorPage{Title: text, Message: text, Code: text, Description: text, RequestID: text},
		MessagePage{Title: text, Message: text, Link: text, LinkURL: "/"},
		HomePage{Issuer: text, UserName: text},
	}
}

// skeleton is a page with every text and attribute value taken out: what is left
// is the structure, which no text may change.
func skeleton(page string) string {
	page = regexp.MustCompile(`="[^"<>]*"`).ReplaceAllString(page, "=V")
	page = regexp.MustCompile(`\s(autofocus|aria-invalid=V|aria-describedby=V)`).ReplaceAllString(page, "")
	return regexp.MustCompile(`>[^<]*`).ReplaceAllString(page, ">")
}

func TestNoTextBecomesMarkup(t *testing.T) {
	r := newRenderer(t, "")
	plainPages := everywhere("harmless")
	for _, text := range hostile {
		for i, page := range everywhere(text) {
			got := render(t, r, 200, page).Body.String()
			want := render(t, r, 200, plainPages[i]).Body.String()
			if plain(text) == "" {
				continue
			}
			if skeleton(got) != skeleton(want) {
				t.Errorf("%.30q changes the structure of %s:\n%s", text, page.template(), got)
			}
		}
	}
}

func TestNoTextBecomesMarkupProperty(t *testing.T) {
	r := newRenderer(t, "")
	rapid.Check(t, func(rt *rapid.T) {
		text := "x" + rapid.StringOf(rapid.RuneFrom([]rune(`<>"'&=/{}`+"`"+`;:()!- abAB`+"\u202e\r\n\t"))).Draw(rt, "text")
		for i, page := range everywhere(text) {
			got, want := render(t, r, 200, page).Body.String(), render(t, r, 200, everywhere("harmless")[i]).Body.String()
			if skeleton(got) != skeleton(want) {
				rt.Fatalf("%q changes the structure of %s", text, page.template())
			}
		}
	})
}

func TestClientTextsAreShortAndOnOneLine(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Garden Planner", "Garden Planner"},
		{"  a \t b\r\nc ", "a b c"},
		{"\u202eevil\u202c", "evil"},
		{"a\u200b\u2066b\ufeff", "ab"},
		{"a\x00\x1b[31mb", "a[31mb"},
		{"\xff", ""},
		{"Ünïcödé 庭 🌱", "Ünïcödé 庭 🌱"},
		{strings.Repeat("é", 121), strings.Repeat("é", 120) + "…"},
		{strings.Repeat("é", 120), strings.Repeat("é", 120)},
	} {
		if got := plain(test.text); got != test.want {
			t.Errorf("plain(%q) is %q, want %q", test.text, got, test.want)
		}
	}
	for name, want := range map[string]string{"garden": "G", "«émile»": "É", "  🌱 7up": "7", "!!!": "?", "": "?"} {
		if got := initial(name); got != want {
			t.Errorf("initial(%q) is %q", name, got)
		}
	}
}

// The end of a host says whose it is: a long name in front of it doesn't push it out of the page.
func TestLongHostsKeepTheirEnd(t *testing.T) {
	r := newRenderer(t, "")
	long := "accounts.example.com." + strings.Repeat("label.", 30) + "evil.example"
	for _, page := range []Page{
		LeavePage{Host: long, ContinueURL: "https://evil.example/"},
		ConsentPage{Action: "/consent", ClientName: "Notes", ClientHost: long, UserName: "alice"},
		ConsentPage{Action: "/consent", ClientName: "Notes", ClientHost: "notes.example", UserName: "alice", Resources: []ResourceView{{long, "https://" + long, nil}}},
		LoginPage{Action: "/login", ClientName: "Notes", ClientHost: long},
		SelectAccountPage{Action: "/select-account", ClientName: "Notes", ClientHost: long, UserName: "alice"},
		SignedOutPage{ContinueURL: "https://evil.example/", ContinueHost: long},
		SignedOutPage{ContinueURL: "https://evil.example/", ContinueHost: long, LinkOnly: true},
		FormPostPage{Action: "https://evil.example/", Host: long},
	} {
		body := render(t, r, 200, page).Body.String()
		if !strings.Contains(body, ".evil.example</bdi>") || !strings.Contains(body, "<bdi>accounts.example.com.") {
			t.Errorf("%T does not show both ends:\n%s", page, body)
		}
	}
	for name, want := range map[string]string{
		"": "", "shop.example:8443": "shop.example:8443", "\u202eevil.example": "evil.example", strings.Repeat("é", 120): strings.Repeat("é", 120),
		strings.Repeat("a", 100) + strings.Repeat("b", 21): strings.Repeat("a", 40) + "…" + strings.Repeat("a", 58) + strings.Repeat("b", 21),
	} {
		if got := host(name); got != want {
			t.Errorf("host(%q) is %q, want %q", name, got, want)
		}
	}
}

func TestLongDescriptionsStayWhole(t *testing.T) {
	description := strings.Repeat("word ", 100) + "end"
	page := render(t, newRenderer(t, ""), 400, ErrorPage{Description: description}).Body.String()
	if !strings.Contains(page, description) {
		t.Error("the description was cut")
	}
}

func TestOnlyWebLinksAreShown(t *testing.T) {
	r := newRenderer(t, "")
	for _, test := range []struct {
		link  string
		shown bool
	}{
		{"https://app.example/privacy?x=1&y=2", true},
		{"http://127.0.0.1:3000/", true},
		{"HTTPS://app.example/", true},
		{"javascript:alert(1)", false},
		{"JavaScript://app.example/%0aalert(1)", false},
		{"java\nscript:alert(1)", false},
		{" javascript:alert(1)", false},
		{"data:text/html,x", false},
		{"vbscript:x", false},
		{"file:///etc/passwd", false},
		{"//evil.example/", false},
		{"/login", false},
		{"https:", false},
		{"https:///x", false},
		{"https://user:password@evil.example/", false},
		{"https://app.example/\r\nX: y", false},
		{"https://app.example/\u202e", false},
		{"", false},
	} {
		page := render(t, r, 200, ConsentPage{
			Action: "/consent", ClientName: "x", ClientURI: test.link, PolicyURI: test.link, TermsURI: test.link,
		}).Body.String()
		for _, id := range []string{"consent-client-uri", "consent-policy", "consent-terms"} {
			match := regexp.MustCompile(`<a id="` + id + `" href="([^"]*)" target="_blank" rel="noopener noreferrer nofollow">`).FindStringSubmatch(page)
			if (match != nil) != test.shown {
				t.Errorf("%q: %s shown %t", test.link, id, match != nil)
			}
			if match != nil && !strings.EqualFold(html.UnescapeString(match[1]), test.link) {
				t.Errorf("%q became %s", test.link, match[1])
			}
		}
	}
}

// Addresses that were not registered by the rules must not reach a page, wherever
// they come from: there is no page then.
func TestNoHostileAddressIsFollowedOrFramed(t *testing.T) {
	r := newRenderer(t, "")
	for _, address := range []string{
		"javascript:alert(1)", "JavaScript://app.example/%0aalert(1)", "data:text/html,x", "vbscript:x", "//evil.example/", "/login", "",
		"https://app.example/\r\nX: y", "https://app.example/\u202e",
	} {
		pages := []SignedOutPage{{Frames: []string{"https://app.example/out", address}}}
		if address != "" {
			pages = append(pages, SignedOutPage{ContinueURL: address})
		}
		for _, page := range pages {
			if body := render(t, r, 500, page).Body.String(); strings.Contains(body, "iframe") || strings.Contains(body, "refresh") {
				t.Errorf("%q is on the page:\n%s", address, body)
			}
		}
	}
}
