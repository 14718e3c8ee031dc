package authorize

import (
	"net/url"
	"testing"

	"authly/internal/interaction"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
)

// What is wrong with a request is there at once, and in the request only if the caller defers it.
func TestWhenARefusalIsTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSetting(t, database)
		for name, test := range map[string]struct {
			change url.Values
			code   oauth.ErrorCode
		}{
			"a good request":   {nil, ""},
			"unknown resource": {url.Values{"resource": {"https://unknown.example"}}, oauth.InvalidTarget},
			"no challenge":     {url.Values{"code_challenge": {""}}, oauth.InvalidRequest},
		} {
			values := url.Values{
				"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
				"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
			}
			for name, value := range test.change {
				values[name] = value
			}
			params, err := oauth.ParseParams(values, repeatable()...)
			if err != nil {
				t.Fatal(err)
			}
			checked, err := s.service.validate(t.Context(), params, nil)
			if err != nil || checked.client.ID != s.record || checked.request.State != "s" || checked.request.Refusal != nil {
				t.Fatalf("%s: %+v, %v", name, checked, err)
			}
			deferred := checked.deferred().Refusal
			if test.code == "" {
				if checked.refusal != nil || deferred != nil {
					t.Errorf("%s: %v, deferred %v", name, checked.refusal, deferred)
				}
				continue
			}
			if checked.refusal == nil || checked.refusal.Code != test.code || deferred == nil ||
				*deferred != (interaction.Refusal{Code: test.code, Description: checked.refusal.Description}) {
				t.Errorf("%s: %v, deferred %v", name, checked.refusal, deferred)
			}
		}
	})
}
