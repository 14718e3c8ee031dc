package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/registration"
	"authly/internal/testx"
)

// enrolling is a server at which clients register themselves, with the right token.
func enrolling(t *testing.T, test func(a *administration, token testx.RequestOption)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Registration.Mode = "initial_access_token" }))
			test(a, testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath)))
		})
	}
}

func (a *administration) register(token string) int {
	a.t.Helper()
	return a.Call(http.MethodPost, "/oauth/register", nil, testx.JSON(plain.String()), testx.Bearer(token)).Status
}

const initialPath = "/initial-access-tokens"

func TestInitialTokenFromItsCreationToItsEnd(t *testing.T) {
	t.Parallel()
	enrolling(t, func(a *administration, token testx.RequestOption) {
		key, wanted := testx.Header("Idempotency-Key", "k"), `{"name":"partners","security_profile":"oidc-legacy","scopes":["openid","email"],"default_scopes":["openid"],`+
			`"authentication_methods":["client_secret_basic"],"grant_types":["authorization_code"],"resources":["https://api.example"],"consent":"always",`+
			`"pkce":"optional","assertion_audience":"issuer","response_modes":["query"],"refresh_token_rotation":"rotate","access_token_lifetime":60,`+
			`"refresh_token_lifetime":120,"unused_lifetime":180,"expires_in":3600}`
		made := a.wants(a.send(token, http.MethodPost, initialPath, wanted, key), http.StatusCreated, `"uses_left":1`, `"state":"live"`, `"expires_at":"2026-11-25T13:00:00Z"`,
			`"scopes":["openid","email"]`, `"default_scopes":["openid"]`, `"authentication_methods":["client_secret_basic"]`, `"grant_types":["authorization_code"]`,
			`"resources":["https://api.example"]`, `"consent":"always"`, `"pkce":"optional"`, `"assertion_audience":"issuer"`, `"response_modes":["query"]`,
			`"refresh_token_rotation":"rotate"`, `"access_token_lifetime":60`, `"refresh_token_lifetime":120`, `"unused_lifetime":180`)
		value, path := made.Text("token"), initialPath+"/"+made.Text("id")
		a.Secret(value)
		again := a.wants(a.send(token, http.MethodPost, initialPath, wanted, key), http.StatusCreated)
		if again.Text("id") != made.Text("id") || again.JSON["token"] != nil || again.Header.Get("Idempotent-Replayed") != "true" {
			a.t.Errorf("sent again: %s", again.Body)
		}

		// It is good for one client.
		if first, second := a.register(value), a.register(value); first != http.StatusCreated || second != http.StatusUnauthorized {
			a.t.Errorf("registered with it: %d, %d", first, second)
		}
		read := a.wants(a.send(token, http.MethodGet, path, ""), http.StatusOK, `"uses_left":0`, `"state":"used_up"`)
		listed := a.wants(a.send(token, http.MethodGet, initialPath, ""), http.StatusOK, `"name":"partners"`)
		for _, body := range []string{read.Body, listed.Body} {
			if strings.Contains(body, value) || strings.Contains(body, "hash") || strings.Contains(body, `"token"`) {
				a.t.Errorf("the token is shown: %s", body)
			}
		}

		// For more than one it has to be said, and its end is one at once.
		open := a.wants(a.send(token, http.MethodPost, initialPath, `{"name":"open","unlimited":true}`), http.StatusCreated, `"uses_left":null`)
		path, value = initialPath+"/"+open.Text("id"), open.Text("token")
		a.Secret(value)
		for range 2 {
			if got := a.register(value); got != http.StatusCreated {
				a.t.Errorf("registered with it: %d", got)
			}
		}
		a.wants(a.send(token, http.MethodPost, path+"/revoke", "", testx.Header("If-Match", made.Header.Get("ETag"))), http.StatusPreconditionFailed)
		a.Clock.Advance(time.Second)
		ended := a.wants(a.send(token, http.MethodPost, path+"/revoke", "", testx.Header("If-Match", open.Header.Get("ETag"))), http.StatusOK, `"state":"revoked"`, `"revoked_at":"2026-11-25T12:00:01Z"`)
		a.Clock.Advance(time.Second)
		if same := a.wants(a.send(token, http.MethodPost, path+"/revoke", ""), http.StatusOK); same.Body != ended.Body || a.register(value) != http.StatusUnauthorized {
			a.t.Errorf("revoked again: %s", same.Body)
		}
		a.wants(a.send(token, http.MethodPost, initialPath, `{"name":"short","expires_in":1}`), http.StatusCreated)
		a.Clock.Advance(time.Second)
		a.wants(a.send(token, http.MethodGet, initialPath+"?limit=1", ""), http.StatusOK, `"state":"expired"`)

		page, err := a.Audit.List(a.t.Context(), audit.Query{TargetKind: "initial_access_token"})
		must(a.t, err)
		var actions []string
		for _, event := range page.Events {
			actions = append(actions, string(event.Action)+" "+event.Target.Name)
			if strings.Contains(fmt.Sprint(event), value) || event.Actor.Kind != audit.Client || event.ClientID == "" || len(event.Details.Changes) == 0 {
				a.t.Errorf("the event %+v", event)
			}
		}
		if want := []string{"initial_access_token.create short", "initial_access_token.revoke open", "initial_access_token.create open", "initial_access_token.create partners"}; !slices.Equal(actions, want) {
			a.t.Errorf("the log has %q", actions)
		}
	})
}

func TestPagesOfInitialTokens(t *testing.T) {
	t.Parallel()
	enrolling(t, func(a *administration, token testx.RequestOption) {
		var want, got []string
		for i := range 7 {
			a.wants(a.send(token, http.MethodPost, initialPath, fmt.Sprintf(`{"name":"token %d"}`, i)), http.StatusCreated)
			want = append(want, fmt.Sprintf("token %d", i))
		}
		slices.Reverse(want)
		for cursor, pages := "", 1; ; pages++ {
			answer := a.wants(a.send(token, http.MethodGet, initialPath+"?limit=3&cursor="+cursor, ""), http.StatusOK)
			var page struct {
				Tokens []struct{ Name string } `json:"initial_access_tokens"`
				Next   string                  `json:"next_cursor"`
			}
			must(a.t, json.Unmarshal([]byte(answer.Body), &page))
			for _, each := range page.Tokens {
				got = append(got, each.Name)
			}
			if cursor = page.Next; cursor == "" {
				if pages != 3 {
					a.t.Errorf("%d pages", pages)
				}
				break
			}
		}
		if !slices.Equal(got, want) {
			a.t.Errorf("listed %q", got)
		}
		dbtest.ExpectIndex(a.t, a.Database(), "initial_access_tokens_pkey", func(ctx context.Context) error {
			_, err := a.InitialTokens.List(ctx, registration.InitialQuery{State: registration.Live, Limit: 3})
			return err
		})
	})
}

// Each token is in the list of its state, and in no other.
func TestInitialTokensByState(t *testing.T) {
	t.Parallel()
	enrolling(t, func(a *administration, token testx.RequestOption) {
		for _, each := range []string{
			`"name":"live"`, `"name":"live for long","expires_in":3600`, `"name":"live for many","unlimited":true`, `"name":"expired","expires_in":1`,
			`"name":"used_up"`, `"name":"used_up and expired","expires_in":1`, `"name":"revoked"`, `"name":"revoked when used_up"`, `"name":"revoked and expired","expires_in":1`,
		} {
			made := a.wants(a.send(token, http.MethodPost, initialPath, "{"+each+"}"), http.StatusCreated)
			if strings.Contains(each, "used_up") && a.register(made.Text("token")) != http.StatusCreated {
				a.t.Fatal("it can't be used")
			}
			if strings.Contains(each, "revoked") {
				a.wants(a.send(token, http.MethodPost, initialPath+"/"+made.Text("id")+"/revoke", ""), http.StatusOK)
			}
		}
		a.Clock.Advance(time.Second)
		for state, want := range map[string][]string{
			"live": {"live for many", "live for long", "live"}, "expired": {"expired"}, "used_up": {"used_up and expired", "used_up"},
			"revoked": {"revoked and expired", "revoked when used_up", "revoked"},
		} {
			if got := a.listed(token, initialPath+"?limit=1&state="+state, "initial_access_tokens", "name"); !slices.Equal(got, want) {
				a.t.Errorf("%s are %q", state, got)
			}
		}
	})
}

func TestWrongInputForInitialTokens(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const nobody = initialPath + "/0190d8b2-0000-7000-8000-000000000000"
		for _, wrong := range []struct {
			method, path, body string
			status             int
			part               string
		}{
			{http.MethodPost, initialPath, `{}`, 422, "name"},
			{http.MethodPost, initialPath, `{"name":" "}`, 422, "body.name"},
			{http.MethodPost, initialPath, `{"name":"x","uses":0}`, 422, "body.uses"},
			{http.MethodPost, initialPath, `{"name":"x","uses":1000001}`, 422, "body.uses"},
			{http.MethodPost, initialPath, `{"name":"x","uses":2,"unlimited":true}`, 422, "body.uses"},
			{http.MethodPost, initialPath, `{"name":"x","expires_in":-1}`, 422, "body.expires_in"},
			{http.MethodPost, initialPath, `{"name":"x","expires_in":9000000000000000000}`, 422, "body.expires_in"},
			{http.MethodPost, initialPath, `{"name":"x","security_profile":"oauth20"}`, 422, "body.security_profile"},
			{http.MethodPost, initialPath, `{"name":"x","scopes":["nonsense"]}`, 422, "body.scopes"},
			{http.MethodPost, initialPath, `{"name":"x","scopes":["admin:users:write"]}`, 422, "body.scopes"},
			{http.MethodPost, initialPath, `{"name":"x","scopes":["openid"],"default_scopes":["email"]}`, 422, "body.default_scopes"},
			{http.MethodPost, initialPath, `{"name":"x","authentication_methods":["client_secret_jwt"]}`, 422, "body.authentication_methods"},
			{http.MethodPost, initialPath, `{"name":"x","grant_types":["password"]}`, 422, "body.grant_types"},
			{http.MethodPost, initialPath, `{"name":"x","resources":["api"]}`, 422, "body.resources"},
			{http.MethodPost, initialPath, `{"name":"x","consent":"skip"}`, 422, "body.consent"},
			{http.MethodPost, initialPath, `{"name":"x","pkce":"plain"}`, 422, "body.pkce"},
			{http.MethodPost, initialPath, `{"name":"x","unused_lifetime":5}`, 422, "body.unused_lifetime"},
			{http.MethodPost, initialPath, `{"name":"x","expires":"30d"}`, 422, "body.expires"},
			{http.MethodPost, initialPath, `{"name":`, 400, ""},
			{http.MethodGet, initialPath + "?cursor=nonsense", "", 422, "admin.cursor_invalid"},
			{http.MethodGet, initialPath + "?limit=0", "", 422, "query.limit"},
			{http.MethodGet, initialPath + "?page=2", "", 422, "page"},
			{http.MethodGet, initialPath + "/partners", "", 404, ""},
			{http.MethodGet, nobody, "", 404, ""},
			{http.MethodPost, nobody + "/revoke", "", 404, ""},
		} {
			a.wants(a.send(token, wrong.method, wrong.path, wrong.body), wrong.status, wrong.part)
		}
		if got := a.send(token, http.MethodGet, initialPath, "").Body; strings.Contains(got, `"id"`) {
			a.t.Errorf("something was made: %s", got)
		}
	})
}
