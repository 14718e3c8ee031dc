package ui

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// Every key that a template or this package names is in the catalogue, with the
// placeholders that are filled.
func TestEveryNamedMessageExists(t *testing.T) {
	messages, err := loadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`(?:text|sentence) "([a-z_.]+)"((?: "[a-z]+" (?:\([^)]*\)|[$.A-Za-z]+))*)`)
	found := 0
	for _, file := range files {
		content, err := os.ReadFile("templates/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range call.FindAllStringSubmatch(string(content), -1) {
			found++
			if !messages.has(match[1]) {
				t.Errorf("%s: no message %s", file.Name(), match[1])
			}
			filled := regexp.MustCompile(` "([a-z]+)" `).FindAllStringSubmatch(match[2], -1)
			for _, name := range filled {
				if !strings.Contains(messages[match[1]], "{"+name[1]+"}") {
					t.Errorf("%s: %s has no {%s}", file.Name(), match[1], name[1])
				}
			}
			if holes := strings.Count(messages[match[1]], "{"); holes != len(filled) {
				t.Errorf("%s: %s has %d placeholders, %d are filled", file.Name(), match[1], holes, len(filled))
			}
		}
	}
	if found < 50 {
		t.Errorf("found only %d uses: the pattern is wrong", found)
	}
	for status := 400; status < 600; status++ {
		if !messages.has(titleFor(status)) || !messages.has(messageFor(status)) {
			t.Errorf("no messages for status %d", status)
		}
	}
}

func TestUnknownMessageKeys(t *testing.T) {
	r := newRenderer(t, "")
	fallback := r.messages[unknownMessage]
	for _, page := range []Page{
		LoginPage{Action: "/login", Error: "no.such.key"},
		ConsentPage{Action: "/consent", Error: "no.such.key"},
		SetupPage{Action: "/setup", Errors: map[string]string{"email": "no.such.key"}},
		ErrorPage{Message: "no.such.key"},
		MessagePage{Title: "message.finished_title", Message: "no.such.key"},
	} {
		got := render(t, r, 200, page).Body.String()
		if strings.Contains(got, "no.such.key") || !strings.Contains(got, fallback) {
			t.Errorf("%s: %s", page.template(), got)
		}
	}
	if got, err := r.messages.sentence("no.such.key", "a", "b"); err != nil || string(got) != fallback {
		t.Errorf("%s %v", got, err)
	}
	if _, err := r.messages.text("login.title", "odd"); err == nil {
		t.Error("a name without a value")
	}
}

func TestWaitingTimes(t *testing.T) {
	r := newRenderer(t, "")
	for wait, want := range map[time.Duration]string{
		1: "1 second", time.Second: "1 second", 1500 * time.Millisecond: "2 seconds", time.Minute: "60 seconds",
		time.Minute + 1: "2 minutes", time.Hour: "60 minutes",
	} {
		if got, err := r.wait(wait); err != nil || got != want {
			t.Errorf("%v is %q, want %q", wait, got, want)
		}
	}
}

func TestRenderError(t *testing.T) {
	r := newRenderer(t, "")
	for _, test := range []struct {
		name    string
		err     error
		status  int
		want    []string
		wantNot string
	}{
		{"refusal", fmt.Errorf("x: %w", oauth.Refuse(oauth.InvalidRequest, "redirect_uri is missing").Because(errors.New("private"))), 400, []string{`id="error-code">invalid_request<`, `id="error-description">redirect_uri is missing<`}, "private"},
		{"invalid_client on a page is no challenge", oauth.Refuse(oauth.InvalidClient, "unknown client"), 400, []string{"invalid_client"}, "private"},
		{"busy", oauth.Refuse(oauth.TemporarilyUnavailable, "soon"), 503, []string{"We are busy"}, "private"},
		{"known key with a title", fault.New(fault.NotFound, "interaction.unknown"), 404, []string{"can’t be continued", "begun in another browser"}, "interaction.unknown"},
		{"known key", fault.New(fault.Forbidden, "consent.busy"), 403, []string{"not allowed", "in another window"}, "consent.busy"},
		{"unknown key", fault.New(fault.Limited, "no.such.key"), 429, []string{"Too many attempts"}, "no.such"},
		{"ours", errors.New("private"), 500, []string{"on our side"}, "private"},
		{"the reason is a refusal", fault.New(fault.Conflict, "x.y").Because(oauth.Refuse(oauth.InvalidGrant, "private")), 409, []string{"Somebody was faster"}, "private"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r.RenderError(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), test.err)
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			for _, want := range test.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("no %s in\n%s", want, w.Body)
				}
			}
			if strings.Contains(w.Body.String(), test.wantNot) {
				t.Errorf("%s in\n%s", test.wantNot, w.Body)
			}
			if (w.Header().Get("Retry-After") != "") != (test.status == 429 || test.status == 503) {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
		})
	}
	w := httptest.NewRecorder()
	r.RenderStatus(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), 404)
	if w.Code != 404 || !strings.Contains(w.Body.String(), "There is nothing here") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A form is shown again where the user can correct something, or can only wait; any other error is not its own.
func TestFormRefusal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err     error
		message string
		inputs  map[string]string
		ok      bool
	}{
		"wrong input":         {fault.New(fault.Invalid, "user.invalid").WithField("password", "password.short"), "", map[string]string{"password": "password.short"}, true},
		"input that is taken": {fault.New(fault.Conflict, "user.taken").WithField("username", "user.taken"), "", map[string]string{"username": "user.taken"}, true},
		"limited":             {fault.New(fault.Limited, "login.limited"), "login.limited", nil, true},
		"busy":                {fault.New(fault.Unavailable, "login.busy"), "login.busy", nil, true},
		"no input":            {fault.New(fault.Conflict, "user.changed"), "", nil, false},
		"gone":                {fault.New(fault.NotFound, "link.unknown").WithField("a", "b"), "", nil, false},
		"internal":            {errors.New("the disk is full"), "", nil, false},
	} {
		w := httptest.NewRecorder()
		message, inputs, ok := FormRefusal(w, fmt.Errorf("choose a password: %w", test.err))
		if message != test.message || !maps.Equal(inputs, test.inputs) || ok != test.ok {
			t.Errorf("%s: %q, %v, %v", name, message, inputs, ok)
		}
		if waits := w.Header().Get("Retry-After") != ""; waits != (test.message != "") {
			t.Errorf("%s: Retry-After is %q", name, w.Header().Get("Retry-After"))
		}
	}
}
