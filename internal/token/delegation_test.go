package token_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/token"
)

// What a code says of its authorization, its family says too, each field of it.
func TestFamilyHasTheDelegationOfItsCode(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		e.must(e.clients.Disable(t.Context(), known.ID)) // so that its epoch is not zero
		e.must(e.clients.Enable(t.Context(), known.ID))
		known, err := e.clients.FindByRecord(t.Context(), known.ID)
		e.must(err)
		var want token.Delegation
		value := e.code(known, func(c *token.Code) {
			session := e.session()
			c.SessionID = &session
			c.Resources = []string{"https://api.example"}
			c.Claims = oidc.ClaimsRequest{UserInfo: map[string]oidc.ClaimRequest{"email": {Essential: true}}}
			c.MaxAgeRequested = true
			want = c.Delegation
		})
		for i := range reflect.TypeFor[token.Delegation]().NumField() {
			if reflect.ValueOf(want).Field(i).IsZero() {
				t.Fatalf("the test says nothing of %s", reflect.TypeFor[token.Delegation]().Field(i).Name)
			}
		}
		code, err := e.tokens.FindCode(t.Context(), value)
		e.must(err)
		if difference := cmp.Diff(want, code.Delegation); difference != "" {
			t.Errorf("the code (-want +got):\n%s", difference)
		}
		answer, err := e.redeem(known, value)
		e.must(err)
		_, family, err := e.tokens.FindRefreshToken(t.Context(), secret.FromString(answer.RefreshToken))
		e.must(err)
		if family == nil {
			t.Fatal("there is no family")
		}
		if difference := cmp.Diff(want, family.Delegation); difference != "" {
			t.Errorf("the family (-want +got):\n%s", difference)
		}
		if family.ID != code.ID {
			t.Errorf("the family of %s is %s", code.ID, family.ID)
		}
	})
}
