package token_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// someAdministrators stands for the accounts, which may change at any moment.
type someAdministrators struct{ user, client bool }

func (a *someAdministrators) MayAdminister(_ context.Context, _ client.Client, userID *uuid.UUID) (bool, error) {
	if userID == nil {
		return a.client, nil
	}
	return a.user, nil
}

// Nobody gets a scope of the administration who is not an administrator, by no grant,
// and whoever stops being one gets it no more.
func TestScopesOfTheAdministration(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e, may := newEnvironment(t, database), &someAdministrators{}
		e.administrators = may
		e.tokens = e.newService()
		known := e.register(func(m *client.Metadata) {
			confidential(m)
			m.Scopes = append(m.Scopes, "admin:clients:read")
		})
		signedIn := e.session()
		onlyThat := func(c *token.Code) { c.SessionID, c.Scopes = &signedIn, oauth.ScopeSet{"admin:clients:read"} }
		both := func(c *token.Code) { c.SessionID, c.Scopes = &signedIn, oauth.ScopeSet{"openid", "admin:clients:read"} }

		_, err := e.redeem(known, e.code(known, onlyThat))
		e.wantCode(err, oauth.InvalidScope)
		response, err := e.redeem(known, e.code(known, both))
		e.must(err)
		if response.Scope != "openid" {
			t.Errorf("somebody got %q", response.Scope)
		}
		may.user = true
		response, err = e.redeem(known, e.code(known, both))
		e.must(err)
		if response.Scope != "openid admin:clients:read" {
			t.Errorf("an administrator got %q", response.Scope)
		}
		may.user = false
		if response, err = e.refresh(known, response.RefreshToken); err != nil || response.Scope != "openid" {
			t.Errorf("somebody who was demoted got %q, %v", response.Scope, err)
		}

		own := url.Values{"grant_type": {"client_credentials"}}
		_, err = e.exchange(e.tokens, known, own)
		e.wantCode(err, oauth.InvalidScope)
		may.client = true
		if response, err = e.exchange(e.tokens, known, own); err != nil || response.Scope != "admin:clients:read" {
			t.Errorf("a client that may administer got %q, %v", response.Scope, err)
		}
		e.administrators = nil
		_, err = e.exchange(e.newService(), known, own)
		e.wantCode(err, oauth.InvalidScope)
	})
}
