package entitlement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"authly/internal/protocol/entitlement"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

func named(names ...string) map[string]oidc.ClaimRequest {
	requests := map[string]oidc.ClaimRequest{}
	for _, name := range names {
		requests[name] = oidc.ClaimRequest{}
	}
	return requests
}

func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	const api, other = "https://api.example", "https://other.example"
	authorized := entitlement.Authorization{
		Scopes: oauth.ScopeSet{"openid", "email", "read"}, Resources: []string{api, other},
		Claims: oidc.ClaimsRequest{UserInfo: named("name", "email", "sub"), IDToken: named("acr", "address", "unheard_of")},
	}
	all := entitlement.Limits{Scopes: oauth.ScopeSet{"read", "openid", "profile", "email", "address"}, Resources: []string{other, api + "/", "https://id.example"}}
	for name, test := range map[string]struct {
		limits                entitlement.Limits
		want                  entitlement.Authorization
		noScopes, noResources bool
	}{
		"everything": {all, authorized, false, false},
		"more than everything": {
			entitlement.Limits{Scopes: append(oauth.ScopeSet{"write", "phone"}, all.Scopes...), Resources: append([]string{"https://third.example"}, all.Resources...)},
			authorized, false, false,
		},
		"a scope less, and its claims": {
			entitlement.Limits{Scopes: oauth.ScopeSet{"openid", "read", "address"}, Resources: all.Resources},
			entitlement.Authorization{
				Scopes: oauth.ScopeSet{"openid", "read"}, Resources: authorized.Resources,
				Claims: oidc.ClaimsRequest{UserInfo: named("sub"), IDToken: named("acr", "address", "unheard_of")},
			},
			false, false,
		},
		"a resource less": {
			entitlement.Limits{Scopes: all.Scopes, Resources: []string{other}},
			entitlement.Authorization{Scopes: authorized.Scopes, Resources: []string{other}, Claims: authorized.Claims},
			false, false,
		},
		"nothing": {
			entitlement.Limits{},
			entitlement.Authorization{Claims: oidc.ClaimsRequest{UserInfo: named("sub"), IDToken: named("acr", "unheard_of")}},
			true, true,
		},
	} {
		got := authorized.Within(test.limits)
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if noScopes, noResources := authorized.HasLost(got); noScopes != test.noScopes || noResources != test.noResources {
			t.Errorf("%s: %v %v", name, noScopes, noResources)
		}
	}
	none := entitlement.Authorization{}
	if noScopes, noResources := none.HasLost(none.Within(entitlement.Limits{})); noScopes || noResources {
		t.Error("an authorization without scopes and resources has lost some")
	}
}
