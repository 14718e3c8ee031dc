package token_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/scope"
	"authly/internal/token"
)

const (
	api   = "https://api.example"
	other = "https://other.example/v1"
)

// changed changes a client's record and returns it as it is then.
func (e *environment) changed(known client.Client, statement string) client.Client {
	e.t.Helper()
	_, err := e.database.Write(e.t.Context()).Exec(e.t.Context(), statement)
	e.must(err)
	e.clock.Advance(20 * 1e9) // the catalogue is read again
	known, err = e.clients.FindByRecord(e.t.Context(), known.ID)
	e.must(err)
	return known
}

// What an administrator takes from a client is gone at once, whatever kind of thing it is and wherever it is asked for;
// what is given later is not added.
func TestWhatIsTakenFromAClient(t *testing.T) {
	t.Parallel()
	all := []string{api, other}
	for name, test := range map[string]struct {
		change   string
		scopes   string
		audience []string
		claims   []string
		refused  oauth.ErrorCode // "": not
	}{
		"nothing":        {`UPDATE clients SET contacts = '[]'`, "openid profile offline_access", all, []string{"email", "name"}, ""},
		"more was given": {`UPDATE clients SET scopes = '["openid","profile","email","offline_access","read"]'`, "openid profile offline_access", all, []string{"email", "name"}, ""},
		"a scope":        {`UPDATE clients SET scopes = '["openid","email","offline_access"]'`, "openid offline_access", all, []string{"email"}, ""},
		"a scope of a claim by name": {
			`UPDATE clients SET scopes = '["openid","profile","offline_access"]'`, "openid profile offline_access", all, []string{"name"}, "",
		},
		"a scope of everybody": {`UPDATE scopes SET active = (1 = 0) WHERE name IN ('profile', 'email')`, "openid offline_access", all, nil, ""},
		"a resource":           {`UPDATE clients SET resources = '["` + api + `"]'`, "openid profile offline_access", []string{api}, []string{"email", "name"}, ""},
		"all scopes":           {`UPDATE clients SET scopes = '["email"]'`, "", nil, nil, oauth.InvalidScope},
		"all resources":        {`UPDATE clients SET resources = '[]'`, "", nil, nil, oauth.InvalidTarget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				e := newEnvironment(t, database)
				e.catalogue = e.scopes
				e.tokens = e.newService()
				known := e.register(func(m *client.Metadata) { m.Scopes = append(m.Scopes, "email") })
				asking := func(c *token.Code) {
					c.Scopes, c.Resources = oauth.ScopeSet{"openid", "profile", "offline_access"}, all
					c.Claims = oidc.ClaimsRequest{UserInfo: map[string]oidc.ClaimRequest{"email": {}, "name": {}}}
				}
				before, err := e.redeem(known, e.code(known, asking))
				e.must(err)
				pending := e.code(known, asking)
				known = e.changed(known, test.change)

				judge := func(what string, response token.Response, err error) {
					t.Helper()
					if test.refused != "" {
						if oauth.CodeOf(err) != test.refused {
							t.Errorf("%s: %v", what, err)
						}
						return
					}
					e.must(err)
					if response.Scope != test.scopes {
						t.Errorf("%s: scope %q, want %q", what, response.Scope, test.scopes)
					}
					e.wantLeft(what, response.AccessToken, test.scopes, test.audience, test.claims)
				}
				if test.refused == "" {
					e.wantLeft("an access token of before", before.AccessToken, test.scopes, test.audience, test.claims)
				} else if live, err := e.tokens.Lookup(t.Context(), secret.FromString(before.AccessToken)); err == nil && len(live.Scopes) > 0 && len(live.Audience) > 0 {
					t.Errorf("an access token of before has %v at %v", live.Scopes, live.Audience)
				}
				response, err := e.redeem(known, pending)
				judge("a code", response, err)
				response, err = e.refresh(known, before.RefreshToken)
				judge("a refresh token", response, err)
				for _, resource := range all {
					_, err = e.exchange(e.tokens, known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {before.RefreshToken}, "resource": {resource}})
					if wanted := test.refused == "" && (len(test.audience) == 2 || resource == api); wanted != (err == nil) {
						t.Errorf("a refresh token for %s: %v", resource, err)
					}
				}
				// Its owner can end it all the same.
				found, family, err := e.tokens.FindEndable(t.Context(), secret.FromString(before.AccessToken))
				if err != nil || family == nil || !found.Scopes.Equal(oauth.ScopeSet{"openid", "profile", "offline_access"}) {
					t.Errorf("to be revoked: %v, %v, %v", found, family, err)
				}
			})
		})
	}
}

// wantLeft says what an access token gives now.
func (e *environment) wantLeft(what, accessToken, scopes string, audience, claims []string) {
	e.t.Helper()
	live, err := e.tokens.Lookup(e.t.Context(), secret.FromString(accessToken))
	e.must(err)
	if live.Scopes.String() != scopes {
		e.t.Errorf("%s has the scopes %q, want %q", what, live.Scopes, scopes)
	}
	if diff := cmp.Diff(audience, live.Audience); diff != "" {
		e.t.Errorf("the audience of %s (-want +got):\n%s", what, diff)
	}
	names := oidc.Names(live.Family.Claims.UserInfo)
	if diff := cmp.Diff(claims, names, cmpopts.EquateEmpty(), cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		e.t.Errorf("the claims of %s (-want +got):\n%s", what, diff)
	}
}

func TestWhatIsTakenFromAClientOfItsOwn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		for _, name := range []string{"read", "write"} {
			e.must(e.scopes.Create(t.Context(), scope.Scope{Name: name, Description: name, Active: true}))
		}
		known := e.register(func(m *client.Metadata) {
			confidential(m)
			m.Scopes = append(m.Scopes, "read", "write")
		})
		own := func(resources ...string) (token.Response, error) {
			return e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}, "resource": resources})
		}
		both, err := own(api, other)
		e.must(err)
		one, err := own(other)
		e.must(err)
		known = e.changed(known, `UPDATE clients SET resources = '["`+api+`"]', scopes = '["read"]'`)
		live, err := e.tokens.Lookup(t.Context(), secret.FromString(both.AccessToken))
		e.must(err)
		if live.Scopes.String() != "read" || len(live.Audience) != 1 || live.Audience[0] != api || len(live.Issued.Audience) != 2 {
			t.Errorf("left: %v at %v", live.Scopes, live.Audience)
		}
		if _, err := e.tokens.Lookup(t.Context(), secret.FromString(one.AccessToken)); !errors.Is(err, token.ErrUnknown) {
			t.Errorf("a token without any audience: %v", err)
		}
		_, err = own(other)
		e.wantCode(err, oauth.InvalidTarget)
	})
}

// Access that was to outlive the session ends with it once the client may not have that any more.
func TestOfflineAccessIsTaken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		sessionID := e.session()
		offline := func(c *token.Code) { c.SessionID = &sessionID }
		begun, err := e.redeem(known, e.code(known, offline))
		e.must(err)
		pending := e.code(known, offline)
		known = e.changed(known, `UPDATE clients SET scopes = '["openid","profile"]'`)
		begun, err = e.refresh(known, begun.RefreshToken)
		e.must(err)
		later, err := e.redeem(known, pending)
		e.must(err)
		if begun.Scope != "openid" || later.Scope != "openid" {
			t.Errorf("%q, %q", begun.Scope, later.Scope)
		}
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE sessions SET ended_at = created_at`)
		e.must(err)
		for _, each := range []token.Response{begun, later} {
			if e.counts(each.AccessToken) {
				t.Error("an access token outlives the session")
			}
			_, err = e.refresh(known, each.RefreshToken)
			e.wantCode(err, oauth.InvalidGrant)
		}
	})
}
