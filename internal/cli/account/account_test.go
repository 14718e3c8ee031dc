package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"authly/internal/cli/account"
	"authly/internal/cli/signin"
	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/secret"
)

// rotating is a token endpoint that ends everything when a refresh token is used twice.
type rotating struct {
	*httptest.Server
	mu    sync.Mutex
	uses  int
	ended bool
	// revoked is the token that was given back last.
	revoked string
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	r := &rotating{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *rotating) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if request.URL.Path == "/.well-known/openid-configuration" {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": r.URL, "authorization_endpoint": r.URL + "/a", "token_endpoint": r.URL + "/t", "revocation_endpoint": r.URL + "/r", "jwks_uri": r.URL + "/k",
		})
		return
	}
	if request.URL.Path == "/r" {
		r.revoked = request.FormValue("token")
		return
	}
	if r.ended || request.FormValue("refresh_token") != fmt.Sprintf("refresh-%d", r.uses) {
		r.ended = true
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	r.uses++
	_, _ = fmt.Fprintf(w, `{"access_token":"access-%d","token_type":"Bearer","expires_in":600,"refresh_token":"refresh-%d","scope":"s"}`, r.uses, r.uses)
}

func (r *rotating) discover(ctx context.Context) (relyingparty.Provider, error) {
	return relyingparty.Discover(ctx, r.Client(), r.URL)
}

func TestManyAtOnceUseARefreshTokenOnce(t *testing.T) {
	t.Parallel()
	server, directory, now := newRotating(t), filepath.Join(t.TempDir(), "authly"), time.Unix(1_900_000_000, 0)
	profile := account.Profile{Name: "a", Server: server.URL, Place: account.File}
	expired := account.Credentials{Access: secret.FromString("access-0"), Refresh: secret.FromString("refresh-0"), ExpiresAt: now.Add(20 * time.Second)}
	if err := account.Open(directory).Keep(t.Context(), profile, expired); err != nil {
		t.Fatal(err)
	}
	const many = 32
	var waiting sync.WaitGroup
	for range many {
		waiting.Go(func() {
			// As another program would: nothing is shared but the directory.
			token, err := account.Open(directory).Session(profile, clock.NewFake(now), server.discover, nil).Token(t.Context(), "")
			if err != nil || token.Reveal() != "access-1" {
				t.Errorf("got %q, %v", token.Reveal(), err)
			}
		})
	}
	waiting.Wait()
	if server.uses != 1 {
		t.Errorf("the refresh token was used %d times", server.uses)
	}
}

func TestSessionThatEnded(t *testing.T) {
	t.Parallel()
	server, book, now := newRotating(t), account.Open(t.TempDir()), time.Unix(1_900_000_000, 0)
	profile := account.Profile{Name: "a", Server: server.URL, Place: account.File}
	session := book.Session(profile, clock.NewFake(now), server.discover, nil)
	if _, err := session.Token(t.Context(), ""); !errors.Is(err, account.ErrNoCredentials) {
		t.Errorf("without credentials: %v", err)
	}
	if err := book.Keep(t.Context(), profile, account.Credentials{Access: secret.FromString("x"), Refresh: secret.FromString("stolen")}); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Token(t.Context(), ""); !errors.Is(err, account.ErrEnded) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := session.Token(t.Context(), ""); !errors.Is(err, account.ErrNoCredentials) {
		t.Errorf("what has ended is still kept: %v", err)
	}
	if err := book.Keep(t.Context(), profile, account.Credentials{Access: secret.FromString("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Token(t.Context(), ""); !errors.Is(err, account.ErrEnded) {
		t.Errorf("without a refresh token: %v", err)
	}
}

// A more recent sign-in takes the place of what was kept, which is given back; one of another user
// is given back itself, and so is none kept where nobody signed in.
func TestMoreRecentSignIn(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	fresh := relyingparty.Tokens{Access: secret.FromString("fresh"), Refresh: secret.FromString("fresh refresh"), Lifetime: time.Minute, Scope: "openid s", Person: relyingparty.Person{Subject: "ada"}}
	other := fresh
	other.Person.Subject = "eve"
	for name, test := range map[string]struct {
		given       relyingparty.Tokens
		failure     error
		token, kept string
		revoked     string
		want        error
	}{
		"the same user": {fresh, nil, "fresh", "fresh", "old refresh", nil},
		"another user":  {other, nil, "", "old", "fresh refresh", account.ErrOtherUser},
		"no terminal":   {relyingparty.Tokens{}, nil, "", "old", "", nil},
		"a failure":     {relyingparty.Tokens{}, signin.ErrNobodyCame, "", "old", "", signin.ErrNobodyCame},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, book := newRotating(t), account.Open(t.TempDir())
			profile := account.Profile{Name: "a", Server: server.URL, Place: account.File, Subject: "ada"}
			known := account.Credentials{Access: secret.FromString("old"), Refresh: secret.FromString("old refresh"), ExpiresAt: now.Add(time.Hour), Scope: "openid s"}
			if err := book.Keep(t.Context(), profile, known); err != nil {
				t.Fatal(err)
			}
			session := book.Session(profile, clock.NewFake(now), server.discover, func(_ context.Context, _ relyingparty.Provider, scopes []string, maxAge time.Duration) (relyingparty.Tokens, error) {
				if strings.Join(scopes, " ") != "openid s" || maxAge != 15*time.Minute {
					t.Errorf("asked for %v within %s", scopes, maxAge)
				}
				return test.given, test.failure
			})
			token, err := session.StepUp(t.Context(), "", 15*time.Minute)
			if !errors.Is(err, test.want) || err == nil && token.Reveal() != test.token {
				t.Errorf("got %q, %v", token.Reveal(), err)
			}
			kept, err := book.Credentials(t.Context(), profile)
			if err != nil || kept.Access.Reveal() != test.kept || server.revoked != test.revoked {
				t.Errorf("kept %q, gave back %q, %v", kept.Access.Reveal(), server.revoked, err)
			}
		})
	}
}

func TestFilesAreThePersonsOwn(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "authly")
	book, profile := account.Open(directory), account.Profile{Name: "a", Server: "https://id.example", Place: account.File}
	if err := book.Keep(t.Context(), profile, account.Credentials{Access: secret.FromString("x")}); err != nil {
		t.Fatal(err)
	}
	if err := book.Put(profile); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "credentials-a.json": 0o600, "profiles.json": 0o600} {
		status, err := os.Stat(filepath.Join(directory, name))
		if err != nil || status.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, status.Mode(), err)
		}
	}
	for _, name := range []string{"credentials-a.json", "profiles.json"} {
		if err := os.Chmod(filepath.Join(directory, name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := book.Credentials(t.Context(), profile); !errors.Is(err, account.ErrExposed) {
		t.Errorf("got %v", err)
	}
	if _, err := book.Find("a"); !errors.Is(err, account.ErrExposed) {
		t.Errorf("got %v", err)
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	book := account.Open(t.TempDir())
	if _, err := book.Find(""); !errors.Is(err, account.ErrNoProfile) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"", "..", "../x", "a/b", ".a", strings.Repeat("a", 65), "a b", "a\x00"} {
		if err := book.Put(account.Profile{Name: name}); !errors.Is(err, account.ErrInvalidName) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	for _, profile := range []account.Profile{{Name: "b", Server: "https://one"}, {Name: "a", Server: "https://two"}, {Name: "c", Server: "https://one"}} {
		if err := book.Put(profile); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Use("a"); err != nil {
		t.Fatal(err)
	}
	for ask, want := range map[string]string{"https://one": "b", "https://two/": "a"} {
		if got, err := book.Of(ask); err != nil || got.Name != want {
			t.Errorf("%s: %s, %v", ask, got.Name, err)
		}
	}
	if err := book.Delete("a"); err != nil {
		t.Fatal(err)
	}
	all, current, err := book.List()
	if err != nil || len(all) != 2 || current != "" {
		t.Errorf("got %v, %q, %v", all, current, err)
	}
	for _, do := range []func(string) error{book.Delete, book.Use} {
		if err := do("a"); !errors.Is(err, account.ErrNoProfile) {
			t.Errorf("got %v", err)
		}
	}
}

func TestNameFor(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"https://id.example.com": "id.example.com", "http://127.0.0.1:8080/tenant": "127.0.0.1-8080-tenant", "http://[::1]:80": "1-80",
		"https://" + strings.Repeat("a", 80): strings.Repeat("a", 64),
	} {
		if got := account.NameFor(server); got != want || !account.IsName(got) {
			t.Errorf("%s: got %s", server, got)
		}
	}
}

// The library keeps its stand-in for the whole process, so that this test runs alone.
func TestKeyring(t *testing.T) { //nolint:paralleltest // see above
	profile, book := account.Profile{Name: "a", Server: "https://id.example", Place: account.Keyring}, account.Open(t.TempDir())
	keyring.MockInit()
	if _, err := book.Credentials(t.Context(), profile); !errors.Is(err, account.ErrNoCredentials) {
		t.Errorf("got %v", err)
	}
	if err := book.Forget(t.Context(), profile); err != nil {
		t.Error(err)
	}
	if err := book.Keep(t.Context(), profile, account.Credentials{Access: secret.FromString("x"), Scope: "s"}); err != nil {
		t.Fatal(err)
	}
	if got, err := book.Credentials(t.Context(), profile); err != nil || got.Access.Reveal() != "x" || got.Scope != "s" {
		t.Errorf("got %v, %v", got.Scope, err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	if _, err := book.Credentials(t.Context(), profile); !errors.Is(err, account.ErrNoKeyring) {
		t.Errorf("got %v", err)
	}
}
