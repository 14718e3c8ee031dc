package signin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/cli/signin"
	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/relyingparty/relyingpartytest"
)

// signIn signs in; back makes of the request the addresses with which the browser comes back.
func signIn(t *testing.T, p *relyingpartytest.Provider, back func(query url.Values) []string) (relyingparty.Tokens, error) {
	t.Helper()
	provider, err := relyingparty.Discover(t.Context(), p.Client(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	return signin.Browser{
		Provider: provider, Clock: clock.NewFake(relyingpartytest.Now()), Patience: 300 * time.Millisecond,
		Request: relyingparty.Request{ClientID: relyingpartytest.ClientID, Scopes: []string{"openid"}, Resource: p.URL + "/api"},
		Show: func(ctx context.Context, address string) error {
			parsed, err := url.Parse(address)
			if err != nil {
				return err
			}
			query := parsed.Query()
			p.Begin(query)
			for _, each := range back(query) {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, query.Get("redirect_uri")+each, nil)
				if err != nil {
					return err
				}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return err
				}
				body, err := io.ReadAll(response.Body)
				isDarkAtNight := strings.Contains(string(body), `<meta name="color-scheme" content="light dark">`)
				if err != nil || !isDarkAtNight || strings.Contains(string(body), "<script") || response.Header.Get("Content-Security-Policy") == "" {
					t.Errorf("the page is %s, %v", body, err)
				}
				_ = response.Body.Close()
			}
			return nil
		},
	}.SignIn(t.Context())
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	p := relyingpartytest.New(t)
	got, err := signIn(t, p, func(query url.Values) []string {
		if query.Get("claims") != `{"id_token":{"preferred_username":null,"name":null}}` {
			t.Errorf("claims is %q", query.Get("claims"))
		}
		// What others send is not waited for, and does not end the sign-in.
		return []string{
			"?code=c&state=wrong&iss=" + p.URL, "", "/../elsewhere", "?error=access_denied", "?" + p.Response(query).Encode(), "?error=x&state=" + query.Get("state"),
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r" || got.Person.Username != "alice" || got.Lifetime != time.Minute {
		t.Errorf("got %+v", got.Person)
	}
}

// A response that is ours ends the sign-in, and another one does not.
func TestResponsesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		back func(issuer, state string) string
		want string
	}{
		"another state": {func(issuer, _ string) string { return "?code=c&state=x&iss=" + issuer }, "nobody signed in"},
		"two states":    {func(issuer, state string) string { return "?code=c&state=" + state + "&state=x&iss=" + issuer }, "nobody signed in"},
		"no issuer":     {func(_, state string) string { return "?code=c&state=" + state }, "another server"},
		"another code":  {func(issuer, state string) string { return "?code=d&state=" + state + "&iss=" + issuer }, "invalid_grant"},
		"an error":      {func(issuer, state string) string { return "?error=access_denied&state=" + state + "&iss=" + issuer }, "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := relyingpartytest.New(t)
			_, err := signIn(t, p, func(query url.Values) []string { return []string{test.back(p.URL, query.Get("state"))} })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestNobodyWaitsForever(t *testing.T) {
	t.Parallel()
	if _, err := signIn(t, relyingpartytest.New(t), func(url.Values) []string { return nil }); !errors.Is(err, signin.ErrNobodyCame) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := signin.Browser{Patience: time.Minute, Show: func(context.Context, string) error { cancel(); return nil }}.SignIn(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
