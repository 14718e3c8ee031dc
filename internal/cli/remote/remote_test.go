package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/cli/remote"
	"authly/internal/platform/secret"
)

// tokens gives "first", and "second" in place of it; a more recent sign-in gives "fresh".
type tokens struct {
	renewed int
	maxAges []time.Duration // of what was asked for
}

func (*tokens) Token(context.Context, string) (secret.Redacted, error) {
	return secret.FromString("first"), nil
}

func (t *tokens) StepUp(_ context.Context, _ string, maxAge time.Duration) (secret.Redacted, error) {
	t.maxAges = append(t.maxAges, maxAge)
	return secret.FromString("fresh"), nil
}

func (t *tokens) Renew(_ context.Context, _ string, refused secret.Redacted) (secret.Redacted, error) {
	if refused.Reveal() != "first" {
		return secret.Redacted{}, errors.New("renewed a token that was not refused")
	}
	t.renewed++
	return secret.FromString("second"), nil
}

// served returns a client of what handler answers, and what it was asked.
func served(t *testing.T, handler http.HandlerFunc) (*remote.Client, func() []*http.Request) {
	t.Helper()
	return servedWith(t, &tokens{}, handler)
}

func servedWith(t *testing.T, by *tokens, handler http.HandlerFunc) (*remote.Client, func() []*http.Request) {
	t.Helper()
	var (
		mu    sync.Mutex
		asked []*http.Request
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		kept := r.Clone(context.Background())
		kept.Body = io.NopCloser(bytes.NewReader(body))
		mu.Lock()
		asked = append(asked, kept)
		mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return remote.New(remote.Options{Server: server.URL, HTTP: &http.Client{Timeout: 10 * time.Second}, Tokens: by, Agent: "test"}), func() []*http.Request {
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
}

// dropped ends a connection without an answer.
func dropped(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		t.Error("the connection can't be taken")
		return
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_ = connection.Close()
}

func TestCreationIsSentAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	broken := 2
	client, asked := served(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken > 0 {
			broken--
			dropped(t, w)
			return
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, `{"client_id":"a"}`)
	})
	answer, err := client.Do(t.Context(), remote.Request{Method: http.MethodPost, Path: "/clients", Body: map[string]string{"client_name": "x"}, Once: true})
	if err != nil || answer.Status != http.StatusCreated || !answer.Replayed {
		t.Fatalf("got %+v, %v", answer, err)
	}
	keys := map[string]bool{}
	for _, request := range asked() {
		keys[request.Header.Get("Idempotency-Key")] = true
	}
	if len(asked()) != 3 || len(keys) != 1 || keys[""] {
		t.Errorf("%d requests with the keys %v", len(asked()), keys)
	}
}

func TestOtherChangesAreNotSentTwice(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		client, asked := served(t, func(w http.ResponseWriter, _ *http.Request) { dropped(t, w) })
		_, err := client.Do(t.Context(), remote.Request{Method: method, Path: "/clients/a"})
		var unreachable *remote.UnreachableError
		if !errors.As(err, &unreachable) || len(asked()) != 1 {
			t.Errorf("%s: %d requests, %v", method, len(asked()), err)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	client := remote.New(remote.Options{Server: "http://127.0.0.1:1", HTTP: http.DefaultClient, Tokens: &tokens{}})
	_, err := client.Do(t.Context(), remote.Request{Method: http.MethodDelete, Path: "/clients/a"})
	var unreachable *remote.UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Do(ctx, remote.Request{Method: http.MethodGet, Path: "/clients"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for want, status := range map[string]int{"second": http.StatusOK, "third": http.StatusUnauthorized} {
		client, asked := served(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+want {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = fmt.Fprint(w, `{"type":"urn:authly:problem:invalid_token"}`)
		})
		_, err := client.Do(t.Context(), remote.Request{Method: http.MethodPatch, Path: "/clients/a", Body: json.RawMessage(`{}`), IfMatch: `"1"`})
		if status == http.StatusOK && err != nil || status != http.StatusOK && !remote.IsStatus(err, status) {
			t.Errorf("%s: %v", want, err)
		}
		if len(asked()) != 2 || asked()[1].Header.Get("If-Match") != `"1"` {
			t.Errorf("%s: %d requests", want, len(asked()))
		}
	}
}

// A request whose sign-in is too old is sent once more after a more recent one, with the same body
// and the same key, also where the first token had to be renewed.
func TestSignInIsRenewedOnce(t *testing.T) {
	t.Parallel()
	const challenge = `Bearer realm="authly", error="insufficient_user_authentication", max_age="900"`
	for name, test := range map[string]struct {
		known     []string // tokens that the server knows
		fresh     []string // those of a recent sign-in
		challenge string
		requests  int
		maxAges   []time.Duration
		refused   bool
	}{
		"at once":             {[]string{"first", "fresh"}, []string{"fresh"}, challenge, 2, []time.Duration{15 * time.Minute}, false},
		"after a renewal":     {[]string{"second", "fresh"}, []string{"fresh"}, challenge, 3, []time.Duration{15 * time.Minute}, false},
		"never recent enough": {[]string{"first", "fresh"}, nil, challenge, 2, []time.Duration{15 * time.Minute}, true},
		"without a max_age":   {[]string{"first", "fresh"}, []string{"fresh"}, `Bearer error="insufficient_user_authentication"`, 2, []time.Duration{0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			by := &tokens{}
			client, asked := servedWith(t, by, func(w http.ResponseWriter, r *http.Request) {
				token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				switch {
				case !slices.Contains(test.known, token):
					w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
					w.WriteHeader(http.StatusUnauthorized)
				case !slices.Contains(test.fresh, token):
					w.Header().Set("WWW-Authenticate", test.challenge)
					w.WriteHeader(http.StatusUnauthorized)
				default:
					_, _ = fmt.Fprint(w, `{}`)
				}
			})
			_, err := client.Do(t.Context(), remote.Request{Method: http.MethodPost, Path: "/users", Body: json.RawMessage(`{"administrator":true}`), Once: true})
			if test.refused != remote.IsStatus(err, http.StatusUnauthorized) || !test.refused && err != nil {
				t.Errorf("got %v", err)
			}
			all := asked()
			if len(all) != test.requests || !slices.Equal(by.maxAges, test.maxAges) {
				t.Fatalf("%d requests, and sign-ins within %v", len(all), by.maxAges)
			}
			body, err := io.ReadAll(all[len(all)-1].Body)
			if err != nil || string(body) != `{"administrator":true}` || all[0].Header.Get("Idempotency-Key") != all[len(all)-1].Header.Get("Idempotency-Key") {
				t.Errorf("the last one has %s, %v", body, err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	client, asked := served(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
	})
	_, err := client.Do(t.Context(), remote.Request{Method: http.MethodGet, Path: "/clients"})
	if !remote.IsStatus(err, http.StatusTemporaryRedirect) || len(asked()) != 1 {
		t.Errorf("%d requests, %v", len(asked()), err)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contentType, challenge, body string
		want                         remote.Problem
		text                         string
	}{
		"fields": {
			"application/problem+json", "", `{"type":"urn:authly:problem:client.invalid","title":"Unprocessable Entity","detail":"the request breaks a rule","errors":[{"location":"body.redirect_uris","message":"client.redirect_uri"}]}`,
			remote.Problem{Kind: "client.invalid", Title: "Unprocessable Entity", Detail: "the request breaks a rule", Fields: []remote.Field{{"redirect_uris", "client.redirect_uri"}}},
			"the request breaks a rule: redirect_uris: client.redirect_uri",
		},
		"a header, which nobody has typed": {
			"application/problem+json", "", `{"type":"urn:authly:problem:admin.precondition_failed","detail":"read it again","errors":[{"location":"header.If-Match","message":"it is not the present ETag"}]}`,
			remote.Problem{Kind: "admin.precondition_failed", Title: "I'm a teapot", Detail: "read it again", Fields: []remote.Field{{"header.If-Match", "it is not the present ETag"}}},
			"read it again (admin.precondition_failed)",
		},
		"scope": {
			"application/problem+json; charset=utf-8", `Bearer realm="authly", error="insufficient_scope", scope="admin:clients:write"`, `{"type":"urn:authly:problem:insufficient_scope","detail":"no"}`,
			remote.Problem{Kind: "insufficient_scope", Title: "I'm a teapot", Detail: "no", Scope: "admin:clients:write"},
			"no (insufficient_scope)",
		},
		"not ours":   {"text/html", "", `<h1>no</h1>`, remote.Problem{Title: "I'm a teapot"}, "I'm a teapot"},
		"broken":     {"application/problem+json", "", `{`, remote.Problem{Title: "I'm a teapot"}, "I'm a teapot"},
		"nasty":      {"application/problem+json", "", `{"detail":"\u001b[2Jgone\n\u202ered\u009b"}`, remote.Problem{Title: "I'm a teapot", Detail: "\x1b[2Jgone\n\u202ered\u009b"}, "[2Jgone red"},
		"wrong type": {"application/problem+json", "", `{"type":"about:blank","detail":"d"}`, remote.Problem{Kind: "", Title: "I'm a teapot", Detail: "d"}, "d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				w.Header().Set("WWW-Authenticate", test.challenge)
				w.WriteHeader(http.StatusTeapot)
				_, _ = fmt.Fprint(w, test.body)
			})
			_, err := client.Do(t.Context(), remote.Request{Method: http.MethodGet, Path: "/clients"})
			var got *remote.Problem
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if got.Kind != test.want.Kind || got.Title != test.want.Title || got.Detail != test.want.Detail || got.Scope != test.want.Scope ||
				!slices.Equal(got.Fields, test.want.Fields) || got.Status != http.StatusTeapot {
				t.Errorf("got %+v", got)
			}
			if got.Error() != test.text {
				t.Errorf("it says %q", got.Error())
			}
		})
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][]string{
		"/clients/a%2Fb":         {"clients", "a/b"},
		"/clients/%2E%2E":        {"clients", ".."},
		"/clients/%2E/secrets":   {"clients", ".", "secrets"},
		"/scopes/a:b%3Fc%23d%25": {"scopes", "a:b?c#d%"},
	} {
		if got := remote.Join(parts...); got != want {
			t.Errorf("%q: got %s, want %s", parts, got, want)
		}
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	client, asked := served(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = fmt.Fprint(w, `{"clients":[1,2],"next_cursor":"b"}`)
		case "b":
			_, _ = fmt.Fprint(w, `{"clients":[3],"next_cursor":"c"}`)
		default:
			_, _ = fmt.Fprint(w, `{"clients":[4]}`)
		}
	})
	for most, want := range map[int]string{0: "1234", 1: "1", 2: "12", 3: "123", 9: "1234"} {
		var got string
		for item, err := range client.Items(t.Context(), remote.Request{Method: http.MethodGet, Path: "/clients", Query: url.Values{"state": {"active"}, "limit": {"50"}}}, "clients", most) {
			if err != nil {
				t.Fatal(err)
			}
			got += string(item)
		}
		if got != want {
			t.Errorf("%d: got %s, want %s", most, got, want)
		}
	}
	for _, request := range asked() {
		if request.URL.Query().Get("state") != "active" {
			t.Errorf("asked %s", request.URL)
		}
	}
}

func TestItemsThatAreNone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"clients":[1],"next_cursor":"b"}`: "round in circles", `{"users":[]}`: `the list "clients"`, `[]`: "read", `{"clients":[],"next_cursor":5}`: "goes on",
	} {
		client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) })
		var last error
		for _, err := range client.Items(t.Context(), remote.Request{Method: http.MethodGet, Path: "/clients"}, "clients", 0) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("%s: %v", body, last)
		}
	}
}
