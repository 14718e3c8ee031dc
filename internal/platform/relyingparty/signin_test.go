package relyingparty_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/relyingparty/relyingpartytest"
	"authly/internal/protocol/jose"
)

// signIn signs in; respond returns the parameters of the response to those of the request.
func signIn(t *testing.T, p *relyingpartytest.Provider, respond func(query url.Values) url.Values) (relyingparty.Tokens, error) {
	t.Helper()
	provider, err := relyingparty.Discover(t.Context(), p.Client(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	begun := provider.Begin(relyingparty.Request{
		ClientID: relyingpartytest.ClientID, RedirectURI: "http://127.0.0.1/callback", Scopes: []string{"openid", "x"}, Resource: p.URL + "/api", MaxAge: time.Minute,
	}, clock.NewFake(relyingpartytest.Now()))
	address, err := url.Parse(begun.URL())
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	p.Begin(query)
	code, err := begun.Code(respond(query))
	if err != nil {
		return relyingparty.Tokens{}, err
	}
	return begun.Redeem(t.Context(), code)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	p := relyingpartytest.New(t)
	p.Metadata["authorization_endpoint"] = p.URL + "/authorize?tenant=1"
	secrets := map[string]bool{}
	for range 2 {
		delete(p.Claims, "nonce")
		got, err := signIn(t, p, func(query url.Values) url.Values {
			for name, want := range map[string]string{
				"tenant": "1", "response_type": "code", "client_id": relyingpartytest.ClientID, "redirect_uri": "http://127.0.0.1/callback", "scope": "openid x",
				"code_challenge_method": "S256", "resource": p.URL + "/api", "max_age": "60",
			} {
				if got := query.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			for _, name := range []string{"state", "nonce", "code_challenge"} {
				secrets[query.Get(name)] = true
			}
			return p.Response(query)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r" || got.Person.Username != "alice" || got.Lifetime != time.Minute || got.Scope != "x" {
			t.Errorf("got %+v", got.Person)
		}
	}
	if len(secrets) != 6 || secrets[""] {
		t.Errorf("two sign-ins share secrets: %v", secrets)
	}
}

func TestResponsesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		response string
		want     string
	}{
		"another state":      {"state=x&code=c&iss=ISSUER", relyingparty.ErrOtherSignIn.Error()},
		"no state":           {"code=c&iss=ISSUER", relyingparty.ErrOtherSignIn.Error()},
		"two states":         {"state=STATE&state=x&code=c&iss=ISSUER", relyingparty.ErrOtherSignIn.Error()},
		"two codes":          {"state=STATE&code=c&code=c&iss=ISSUER", relyingparty.ErrOtherSignIn.Error()},
		"another issuer":     {"state=STATE&code=c&iss=https://evil.example", "another server"},
		"no issuer":          {"state=STATE&code=c", "another server"},
		"no code":            {"state=STATE&iss=ISSUER", "without a code"},
		"another code":       {"state=STATE&code=d&iss=ISSUER", "invalid_grant"},
		"an error":           {"state=STATE&error=access_denied&iss=ISSUER", "access_denied"},
		"an error of others": {"state=STATE&error=access_denied", "another server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := relyingpartytest.New(t)
			_, err := signIn(t, p, func(query url.Values) url.Values {
				response, err := url.ParseQuery(strings.NewReplacer("STATE", query.Get("state"), "ISSUER", p.URL).Replace(test.response))
				if err != nil {
					t.Fatal(err)
				}
				return response
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestIDTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *relyingpartytest.Provider){
		"nonce":     func(p *relyingpartytest.Provider) { p.Claims["nonce"] = "another" },
		"no nonce":  func(p *relyingpartytest.Provider) { p.Claims["nonce"] = "" },
		"issuer":    func(p *relyingpartytest.Provider) { p.Claims["iss"] = "https://evil.example" },
		"audience":  func(p *relyingpartytest.Provider) { p.Claims["aud"] = "another" },
		"audiences": func(p *relyingpartytest.Provider) { p.Claims["aud"] = []string{relyingpartytest.ClientID, "another"} },
		"expired":   func(p *relyingpartytest.Provider) { p.Claims["exp"] = relyingpartytest.Now().Add(-time.Hour).Unix() },
		"nobody":    func(p *relyingpartytest.Provider) { p.Claims["sub"] = "" },
		"type":      func(p *relyingpartytest.Provider) { p.Type = "at+jwt" },
		"signature": func(p *relyingpartytest.Provider) {
			private, err := jose.GenerateKey(jose.ES256)
			if err != nil {
				panic(err)
			}
			p.Key.Signer = private
		},
		"no keys": func(p *relyingpartytest.Provider) { p.Metadata["jwks_uri"] = p.URL + "/nothing" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := relyingpartytest.New(t)
			change(p)
			if _, err := signIn(t, p, p.Response); err == nil {
				t.Error("it was believed")
			}
		})
	}
}

func TestMetadataThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m map[string]any){
		"another issuer":     func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"no issuer":          func(m map[string]any) { delete(m, "issuer") },
		"plain http":         func(m map[string]any) { m["token_endpoint"] = "http://id.example/token" },
		"no endpoint":        func(m map[string]any) { delete(m, "token_endpoint") },
		"another scheme":     func(m map[string]any) { m["authorization_endpoint"] = "file:///etc/passwd" },
		"a script":           func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"keys over http":     func(m map[string]any) { m["jwks_uri"] = "http://keys.example/" },
		"revocation missing": func(m map[string]any) { m["revocation_endpoint"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := relyingpartytest.New(t)
			change(p.Metadata)
			if _, err := relyingparty.Discover(t.Context(), p.Client(), p.URL); !errors.Is(err, relyingparty.ErrNoProvider) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, issuer := range []string{"http://id.example", "https://", "nonsense", "https://id.example?x", ""} {
		if _, err := relyingparty.Discover(t.Context(), http.DefaultClient, issuer); !errors.Is(err, relyingparty.ErrNoProvider) {
			t.Errorf("%q: got %v", issuer, err)
		}
	}
}

// counting is the transport of a client that is given, and counts.
type counting struct{ asked []string }

func (c *counting) RoundTrip(request *http.Request) (*http.Response, error) {
	c.asked = append(c.asked, request.URL.Path)
	return http.DefaultTransport.RoundTrip(request)
}

// Every request goes through the client that is given, and no redirect is followed, whatever that client does.
func TestRequestsGoThroughTheGivenClient(t *testing.T) {
	t.Parallel()
	p, given := relyingpartytest.New(t), &counting{}
	client := &http.Client{Transport: given}
	if _, err := relyingparty.Discover(t.Context(), client, p.URL); err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.RedirectHandler(p.URL+"/.well-known/openid-configuration", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	if _, err := relyingparty.Discover(t.Context(), client, elsewhere.URL); !errors.Is(err, relyingparty.ErrNoProvider) {
		t.Errorf("a redirect: %v", err)
	}
	if len(given.asked) != 2 || client.CheckRedirect != nil {
		t.Errorf("the client was asked for %v", given.asked)
	}
}
