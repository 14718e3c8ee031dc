package token_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

func TestCodeGivesTokensThatCount(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		got, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		if got.TokenType != "Bearer" || got.ExpiresIn != 600 || got.Scope != "openid offline_access" || got.RefreshToken == "" {
			t.Errorf("got %+v", got)
		}
		if !e.counts(got.AccessToken) {
			t.Error("the access token doesn't count")
		}
		payload, err := e.keys.Verify(got.IDToken, jose.TypeJWT, jose.RS256)
		e.must(err)
		var claims map[string]any
		e.must(json.Unmarshal(payload, &claims))
		if claims["nonce"] != "n-0S6_WzA2Mj" || claims["aud"] != known.ClientID || claims["sub"] != e.user.String() || claims["iss"] != issuer {
			t.Errorf("ID token: %v", claims)
		}
		payload, err = e.keys.Verify(got.AccessToken, jose.TypeAccessToken, jose.ES256)
		e.must(err)
		claims = nil
		e.must(json.Unmarshal(payload, &claims))
		want := []string{"acr", "amr", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(claims))); diff != "" {
			t.Errorf("rfc9068-2.2: %s", diff)
		}
		e.clock.Advance(10 * time.Minute)
		if e.counts(got.AccessToken) {
			t.Error("an expired access token counts")
		}
	})
}

func TestCodeIsBoundToEverything(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known, other := e.register(nil), e.register(nil)
		optional := e.register(func(n *client.Metadata) { confidential(n); n.PKCE = client.PKCEOptional })
		withoutChallenge := func(c *token.Code) { c.CodeChallenge = "" }
		for _, test := range []struct {
			name   string
			client client.Client
			code   func(*token.Code)
			change func(url.Values)
			want   oauth.ErrorCode
		}{
			{"rfc6749-4.1.3 another redirect_uri", known, nil, func(v url.Values) { v.Set("redirect_uri", redirectURI+"/") }, oauth.InvalidGrant},
			{"oauth2.1-4.1.3 without redirect_uri", known, nil, func(v url.Values) { v.Del("redirect_uri") }, ""},
			{"rfc7636-4.6 without verifier", known, nil, func(v url.Values) { v.Del("code_verifier") }, oauth.InvalidGrant},
			{"rfc7636-4.6 wrong verifier", known, nil, func(v url.Values) { v.Set("code_verifier", strings.Repeat("a", 43)) }, oauth.InvalidGrant},
			{"rfc7636-4.6 the challenge as verifier", known, nil, func(v url.Values) { v.Set("code_verifier", challenge) }, oauth.InvalidGrant},
			{"rfc9700-4.8.2 verifier without challenge", optional, withoutChallenge, nil, oauth.InvalidGrant},
			{
				"rfc6749-4.1.3 no challenge needs redirect_uri", optional, withoutChallenge,
				func(v url.Values) { v.Del("code_verifier"); v.Del("redirect_uri") }, oauth.InvalidRequest,
			},
			{"rfc6749-4.1.3 no challenge", optional, withoutChallenge, func(v url.Values) { v.Del("code_verifier") }, ""},
			{"no code", known, nil, func(v url.Values) { v.Del("code") }, oauth.InvalidRequest},
			{"unknown code", known, nil, func(v url.Values) { v.Set("code", secret.New().Reveal()) }, oauth.InvalidGrant},
			{"rfc8707-2.2 resource that was not granted", known, nil, func(v url.Values) { v.Set("resource", "https://api.example") }, oauth.InvalidTarget},
		} {
			request := codeRequest(e.code(test.client, test.code))
			if test.change != nil {
				test.change(request)
			}
			_, err := e.exchange(e.tokens, test.client, request)
			if got := oauth.CodeOf(err); got != test.want || (err != nil && got == "") {
				t.Errorf("%s: got %v, want %q", test.name, err, test.want)
			}
		}
		code := e.code(known, nil)
		_, err := e.redeem(other, code)
		e.wantCode(err, oauth.InvalidGrant)
		e.clock.Advance(time.Minute - time.Microsecond)
		if _, err := e.redeem(known, code); err != nil {
			t.Errorf("another client's attempt spoilt the code: %v", err)
		}
		code = e.code(known, nil)
		e.clock.Advance(time.Minute)
		_, err = e.redeem(known, code)
		e.wantCode(err, oauth.InvalidGrant)
	})
}

func TestReplayedCodeEndsWhatItGave(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known, other := e.register(nil), e.register(nil)
		code := e.code(known, nil)
		got, err := e.redeem(known, code)
		e.must(err)
		// Who can't prove to be the owner must not be able to end anything (OAuth 2.1 section 4.1.3).
		request := codeRequest(code)
		request.Set("code_verifier", strings.Repeat("b", 43))
		_, err = e.exchange(e.tokens, known, request)
		e.wantCode(err, oauth.InvalidGrant)
		_, err = e.redeem(other, code)
		e.wantCode(err, oauth.InvalidGrant)
		if !e.counts(got.AccessToken) {
			t.Fatal("a replay that proved nothing ended the tokens")
		}
		e.clock.Advance(2 * time.Minute) // also after the code would have expired
		_, err = e.redeem(known, code)
		e.wantCode(err, oauth.InvalidGrant)
		if e.counts(got.AccessToken) {
			t.Error("the access token survived the replay")
		}
		_, err = e.refresh(known, got.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)
	})
}

func TestCodeRaceHasOneWinner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		nodes := []*token.Service{e.tokens, e.newService()}
		code := e.code(known, nil)
		var won atomic.Int64
		var racing sync.WaitGroup
		for i := range 32 {
			racing.Go(func() {
				_, err := e.exchange(nodes[i%2], known, codeRequest(code))
				switch {
				case err == nil:
					won.Add(1)
				case oauth.CodeOf(err) != oauth.InvalidGrant:
					t.Error(err)
				}
			})
		}
		racing.Wait()
		if won.Load() != 1 {
			t.Errorf("%d winners", won.Load())
		}
		var live int
		e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM live_families`).Scan(&live))
		if live != 0 {
			t.Error("a code that was replayed in parallel left its tokens alive")
		}
	})
}

func TestRefreshRotatesAndNoticesReuse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known, other := e.register(nil), e.register(nil)
		first, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		_, err = e.refresh(other, first.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)

		second, err := e.refresh(known, first.RefreshToken)
		e.must(err)
		if second.RefreshToken == first.RefreshToken || second.RefreshToken == "" || second.AccessToken == first.AccessToken {
			t.Fatal("nothing was rotated")
		}
		e.clock.Advance(30*time.Second - time.Microsecond)
		again, err := e.refresh(known, first.RefreshToken) // the answer was lost on the way
		e.must(err)
		if again.RefreshToken != second.RefreshToken {
			t.Error("the same token gave another successor")
		}
		third, err := e.refresh(known, second.RefreshToken)
		e.must(err)
		if !e.counts(first.AccessToken) || !e.counts(third.AccessToken) {
			t.Error("an honest client lost its tokens")
		}
		e.clock.Advance(time.Microsecond) // the window is over
		_, err = e.refresh(known, first.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)
		for _, presented := range []string{first.RefreshToken, second.RefreshToken, third.RefreshToken} {
			_, err := e.refresh(known, presented)
			e.wantCode(err, oauth.InvalidGrant)
		}
		if e.counts(third.AccessToken) {
			t.Error("the family survived")
		}
	})
}

func TestRefreshRaceLeavesOneLiveSuccessor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		first, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		nodes := []*token.Service{e.tokens, e.newService()}
		successors := sync.Map{}
		var racing sync.WaitGroup
		for i := range 100 {
			racing.Go(func() {
				got, err := e.exchange(nodes[i%2], known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}})
				if err != nil {
					t.Error(err)
					return
				}
				successors.Store(got.RefreshToken, true)
				if !e.counts(got.AccessToken) {
					t.Error("an answered access token doesn't count")
				}
			})
		}
		racing.Wait()
		distinct := 0
		successors.Range(func(any, any) bool { distinct++; return true })
		var live int
		e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM refresh_tokens WHERE rotated_at IS NULL`).Scan(&live))
		if distinct != 1 || live != 1 {
			t.Errorf("%d distinct and %d live successors, want 1 of each", distinct, live)
		}
	})
}

func TestRefreshWithoutAWindow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		strict := lifetimes
		strict.ReuseWindow = 0
		service, known := e.serviceWith(strict), e.register(nil)
		first, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		request := func(refreshToken string) url.Values {
			return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}
		}
		second, err := e.exchange(service, known, request(first.RefreshToken))
		e.must(err)
		second, err = e.exchange(service, known, request(second.RefreshToken))
		e.must(err)
		_, err = e.exchange(service, known, request(first.RefreshToken))
		e.wantCode(err, oauth.InvalidGrant)
		if e.counts(second.AccessToken) {
			t.Error("the family survived")
		}
	})
}

func TestRefreshLifetimes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		got, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		day := 24 * time.Hour
		for age := 13 * day; age < lifetimes.RefreshToken; age += 13 * day { // used often enough, it lives on …
			e.clock.Advance(13 * day)
			got, err = e.refresh(known, got.RefreshToken)
			e.must(err)
		}
		e.clock.Advance(13 * day) // … but not for ever
		_, err = e.refresh(known, got.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)

		got, err = e.redeem(known, e.code(known, nil))
		e.must(err)
		e.clock.Advance(lifetimes.RefreshTokenIdle)
		_, err = e.refresh(known, got.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)
	})
}

func TestConfidentialClientKeepsItsRefreshToken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		got, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		for range 4 {
			e.clock.Advance(13 * 24 * time.Hour)
			again, err := e.refresh(known, got.RefreshToken)
			e.must(err)
			if again.RefreshToken != got.RefreshToken {
				t.Error("it was rotated")
			}
		}
	})
}

func TestRefreshNarrowsAndNeverWidens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		got, err := e.redeem(known, e.code(known, func(c *token.Code) { c.Resources = []string{"https://api.example"} }))
		e.must(err)
		request := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.RefreshToken}}
		for name, values := range map[string]url.Values{
			"rfc6749-6 wider scope":              {"scope": {"openid profile"}},
			"rfc8707-2.2 resource not granted":   {"resource": {"https://other.example/v1"}},
			"rfc8707-2.2 resource not his":       {"resource": {"https://unknown.example"}},
			"rfc8707-2 resource with a fragment": {"resource": {"https://api.example#f"}},
		} {
			wide := maps.Clone(request)
			maps.Copy(wide, values)
			_, err := e.exchange(e.tokens, known, wide)
			if code := oauth.CodeOf(err); code != oauth.InvalidScope && code != oauth.InvalidTarget {
				t.Errorf("%s: %v", name, err)
			}
		}
		narrow := maps.Clone(request)
		narrow.Set("scope", "openid")
		narrow.Set("resource", "https://api.example/") // RFC 8707: the same resource
		got, err = e.exchange(e.tokens, known, narrow)
		e.must(err)
		live, err := e.tokens.Lookup(t.Context(), secret.FromString(got.AccessToken))
		e.must(err)
		if got.Scope != "openid" || !slices.Equal(live.Audience, []string{"https://api.example"}) {
			t.Errorf("scope %q, audience %q", got.Scope, live.Audience)
		}
		got, err = e.refresh(known, got.RefreshToken)
		e.must(err)
		if got.Scope != "openid offline_access" {
			t.Errorf("the refresh token itself was narrowed to %q", got.Scope)
		}
	})
}
