package http_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/registration"
	"authly/internal/testx"
)

// settling is what an administrator makes of a member, beside what the client itself sends.
type settling struct {
	admin   string // the change
	sent    object // what the client sends afterwards
	refused bool   // the client's update as a whole is refused, since it doesn't fit
	none    bool   // a list of which the client may choose nothing
}

const (
	encryptionJWKS = `{"keys":[{"kty":"RSA","kid":"b","e":"AQAB","n":"` +
		`u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw"}]}`
	otherPage = "https://app.example/other"
)

// settlings has every member that an administrator can set.
func settlings() map[string]settling {
	change := func(admin string, sent object) settling { return settling{admin: admin, sent: sent} }
	return map[string]settling{
		"client_name":                         change(`{"client_name":"Checked"}`, object{"client_name": "Renamed"}),
		"managed_by":                          change(`{"managed_by":"file"}`, object{"managed_by": "mine"}),
		"application_type":                    change(`{"application_type":"native"}`, object{"application_type": "web"}),
		"security_profile":                    change(`{"security_profile":"oauth21"}`, object{"security_profile": "oidc-legacy"}),
		"administrator":                       change(`{"administrator":false}`, object{"administrator": true}),
		"token_endpoint_auth_method":          change(`{"token_endpoint_auth_method":"private_key_jwt"}`, object{"token_endpoint_auth_method": "client_secret_basic"}),
		"token_endpoint_auth_signing_alg":     change(`{"token_endpoint_auth_signing_alg":"PS256"}`, object{"token_endpoint_auth_signing_alg": "RS256"}),
		"assertion_audience":                  change(`{"assertion_audience":"issuer"}`, object{"assertion_audience": "issuer_or_endpoint"}),
		"jwks":                                change(`{"jwks":`+rsaJWKS+`}`, object{"jwks": json.RawMessage(encryptionJWKS)}),
		"jwks_uri":                            change(`{"jwks":null,"jwks_uri":"https://app.example/keys"}`, object{"jwks_uri": "https://evil.example/keys"}),
		"redirect_uris":                       change(`{"redirect_uris":["`+callback+`"]}`, nil),
		"grant_types":                         change(`{"grant_types":["authorization_code"]}`, nil),
		"response_types":                      change(`{"response_types":["code"]}`, object{"response_types": []string{}}),
		"response_modes":                      change(`{"response_modes":["query"]}`, object{"response_modes": []string{"form_post"}}),
		"scopes":                              change(`{"scopes":["openid"]}`, nil),
		"resources":                           change(`{"resources":["`+resource+`"]}`, object{"resources": []string{"https://other.example"}}),
		"protected_resources":                 change(`{"protected_resources":["`+resource+`"]}`, object{"protected_resources": []string{"https://other.example"}}),
		"pkce":                                change(`{"pkce":"required"}`, object{"pkce": "optional"}),
		"consent":                             change(`{"consent":"always"}`, object{"consent": "remember"}),
		"access_token_format":                 change(`{"access_token_format":"opaque"}`, object{"access_token_format": "at+jwt"}),
		"refresh_token_rotation":              change(`{"refresh_token_rotation":"rotate"}`, object{"refresh_token_rotation": "static"}),
		"access_token_lifetime":               change(`{"access_token_lifetime":60}`, object{"access_token_lifetime": 86400}),
		"refresh_token_lifetime":              change(`{"refresh_token_lifetime":60}`, object{"refresh_token_lifetime": 86400}),
		"id_token_signed_response_alg":        change(`{"id_token_signed_response_alg":"ES256"}`, object{"id_token_signed_response_alg": "RS256"}),
		"id_token_encrypted_response_alg":     change(`{"id_token_encrypted_response_alg":"RSA-OAEP-256"}`, object{"id_token_encrypted_response_alg": ""}),
		"id_token_encrypted_response_enc":     change(`{"id_token_encrypted_response_alg":"RSA-OAEP-256","id_token_encrypted_response_enc":"A256GCM"}`, object{"id_token_encrypted_response_enc": "A128GCM"}),
		"userinfo_signed_response_alg":        change(`{"userinfo_signed_response_alg":"ES256"}`, object{"userinfo_signed_response_alg": ""}),
		"userinfo_encrypted_response_alg":     change(`{"userinfo_encrypted_response_alg":"RSA-OAEP-256"}`, object{"userinfo_encrypted_response_alg": ""}),
		"userinfo_encrypted_response_enc":     change(`{"userinfo_encrypted_response_alg":"RSA-OAEP-256","userinfo_encrypted_response_enc":"A256GCM"}`, object{"userinfo_encrypted_response_enc": "A128GCM"}),
		"authorization_signed_response_alg":   change(`{"authorization_signed_response_alg":"ES256"}`, object{"authorization_signed_response_alg": "RS256"}),
		"request_object_signing_alg":          change(`{"request_object_signing_alg":"PS256"}`, object{"request_object_signing_alg": "RS256"}),
		"require_signed_request_object":       change(`{"require_signed_request_object":true}`, object{"require_signed_request_object": false}),
		"request_uris":                        {admin: `{"request_uris":["https://app.example/request"]}`, sent: object{"request_uris": []string{"https://app.example/request", "https://evil.example/request"}}, none: true},
		"subject_type":                        change(`{"subject_type":"pairwise"}`, object{"subject_type": "public"}),
		"sector_identifier_uri":               {admin: `{"sector_identifier_uri":"https://sector.example/list"}`, sent: object{}, refused: true},
		"require_auth_time":                   change(`{"require_auth_time":true}`, object{"require_auth_time": false}),
		"default_acr_values":                  change(`{"default_acr_values":["urn:strong"]}`, object{"default_acr_values": []string{"urn:weak"}}),
		"initiate_login_uri":                  change(`{"initiate_login_uri":"https://app.example/start"}`, object{"initiate_login_uri": "https://evil.example/start"}),
		"client_uri":                          change(`{"client_uri":"https://app.example/"}`, object{"client_uri": "https://evil.example/"}),
		"logo_uri":                            change(`{"logo_uri":null}`, object{"logo_uri": "https://evil.example/logo.png"}),
		"policy_uri":                          change(`{"policy_uri":"https://app.example/policy"}`, object{"policy_uri": "https://evil.example/policy"}),
		"tos_uri":                             change(`{"tos_uri":"https://app.example/terms"}`, object{"tos_uri": "https://evil.example/terms"}),
		"contacts":                            change(`{"contacts":["ops@app.example"]}`, object{"contacts": []string{"ops@app.example", "me@evil.example"}}),
		"software_id":                         change(`{"software_id":"one"}`, object{"software_id": "two"}),
		"software_version":                    change(`{"software_version":"1"}`, object{"software_version": "2"}),
		"post_logout_redirect_uris":           {admin: `{"post_logout_redirect_uris":["https://app.example/bye"]}`, sent: object{"post_logout_redirect_uris": []string{"https://app.example/bye", "https://evil.example/bye"}}, none: true},
		"backchannel_logout_uri":              change(`{"backchannel_logout_uri":"https://app.example/out"}`, object{"backchannel_logout_uri": "https://evil.example/out"}),
		"backchannel_logout_session_required": change(`{"backchannel_logout_session_required":true}`, object{"backchannel_logout_session_required": false}),
		"frontchannel_logout_uri":             change(`{"frontchannel_logout_uri":"https://app.example/out"}`, object{"frontchannel_logout_uri": "https://app.example/else"}),
		"frontchannel_logout_session_required": change(`{"frontchannel_logout_session_required":true}`,
			object{"frontchannel_logout_session_required": false}),
		"default_max_age": change(`{"default_max_age":300}`, object{"default_max_age": 86400}),
	}
}

// What a client of these tests sends, and sends again after an administrator has changed its record.
var broad = plain.with(object{
	"redirect_uris": []string{callback, otherPage}, "grant_types": []string{"authorization_code", "refresh_token"},
	"scope": "openid profile email", "jwks": json.RawMessage(encryptionJWKS),
})

// Each member that an administrator can set keeps what the administrator has set, whatever the client's own update says
// of it, or if it says nothing. The members are those of the administration: a new one can't be forgotten.
func TestOwnUpdateKeepsWhatAnAdministratorHasSet(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "access: an own change keeps what an administrator set")
			a := administer(t, engine, withRegistration(registration.Open), unlimited, testx.WithConfig(func(c *config.Config) { c.Requests.RequestURI = true }))
			token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
			all := settlings()
			for each := range client.Members() {
				member := each.Name
				story, known := all[member]
				if !known {
					t.Errorf("there is no story of %s", member)
					continue
				}
				t.Run(member, func(t *testing.T) {
					told := &administration{a.In(t), t}
					w := &World{Server: told.Server, T: t}
					made := w.enrolled("", broad)
					path := "/clients/" + made.Text("client_id")
					changed := told.wants(told.send(token, http.MethodPatch, path, story.admin), http.StatusOK)
					names, _ := changed.JSON["set_by_administrator"].([]any)
					if !slices.Contains(names, any(member)) {
						t.Errorf("set_by_administrator is %v", names)
					}
					for name, sent := range map[string]object{"another value": broad.with(story.sent), "the first value": broad, "nothing": {"redirect_uris": broad["redirect_uris"], "jwks": broad["jwks"]}} {
						status := http.StatusOK
						if story.refused {
							status = http.StatusBadRequest
						}
						if member == "jwks_uri" || member == "jwks" && name == "nothing" {
							sent = sent.with(object{"jwks": absent})
						}
						answer := w.record(http.MethodPut, made, testx.JSON(sent.with(object{"client_id": made.Text("client_id")}).String()))
						if answer.Status != status {
							t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
						}
						now := told.wants(told.send(token, http.MethodGet, path, ""), http.StatusOK)
						if story.none && name != "another value" {
							if list, is := now.JSON[member].([]any); !is || len(list) > 0 {
								t.Errorf("the client chose none, and it is %v", now.JSON[member])
							}
							continue
						}
						if !reflect.DeepEqual(now.JSON[member], changed.JSON[member]) {
							t.Errorf("after the client sent %s, it is %v, and the administrator has set %v", name, now.JSON[member], changed.JSON[member])
						}
						if shown, is := answer.JSON[member]; is && status == http.StatusOK && !reflect.DeepEqual(shown, changed.JSON[member]) {
							t.Errorf("the client is shown %v", shown)
						}
					}
				})
			}
		})
	}
}

// Of a list the client chooses from what the administrator has left, and may choose again; an
// administrator can also leave it more than its policy says.
func TestOwnUpdateChoosesFromWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine, withRegistration(registration.Open), unlimited)
			token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
			w := &World{Server: a.Server, T: t}
			a.wants(a.send(token, http.MethodPost, "/scopes", `{"name":"orders","description":"Read orders"}`), http.StatusCreated)
			made := w.enrolled("", broad)
			path := "/clients/" + made.Text("client_id")
			a.wants(a.send(token, http.MethodPatch, path, `{"scopes":["openid","orders"],"redirect_uris":["`+callback+`","`+otherPage+`"]}`), http.StatusOK)
			for _, step := range []struct {
				scope, uri             any
				wantScope, wantAddress string
			}{
				{"openid", []string{callback}, "openid", callback},
				{"orders openid profile", []string{callback, otherPage, "https://evil.example/"}, "orders openid", callback + " " + otherPage},
				{"profile", []string{"https://evil.example/"}, "openid orders", callback + " " + otherPage},
				{absent, []string{otherPage}, "openid orders", otherPage},
			} {
				answer := w.change(made, broad.with(object{"scope": step.scope, "redirect_uris": step.uri}))
				var shown []string
				for _, uri := range answer.JSON["redirect_uris"].([]any) {
					shown = append(shown, uri.(string))
				}
				if answer.Text("scope") != step.wantScope || strings.Join(shown, " ") != step.wantAddress {
					t.Errorf("%v %v: %s", step.scope, step.uri, answer.Body)
				}
			}
			// What the administrator sets anew is what is left from now on.
			a.wants(a.send(token, http.MethodPatch, path, `{"scopes":["openid","email"]}`), http.StatusOK)
			if answer := w.change(made, broad.with(object{"scope": "orders email"})); answer.Text("scope") != "email" {
				t.Errorf("with another choice: %s", answer.Body)
			}
		})
	}
}
