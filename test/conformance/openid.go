package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"authly/internal/platform/clock"
)

// openIDChecks are about what OpenID Connect adds to the code flow.
func openIDChecks() []Check {
	return slices.Concat(idTokenChecks(), claimChecks(), userInfoChecks(), promptChecks(), personChecks())
}

func idTokenChecks() []Check {
	claim := func(id, title string, judge func(p *probe, made grant, claims map[string]any)) Check {
		return Check{"core-2-" + id, core, "2", title, func(p *probe) {
			made := p.signIn(p.confidential())
			judge(p, made, p.idToken(made.tokens))
		}}
	}
	return []Check{
		claim("iss", "iss of the ID token is the issuer", func(p *probe, _ grant, claims map[string]any) {
			p.must(claims["iss"] == p.env.Issuer, "it is %v", claims["iss"])
		}),
		claim("sub", "sub of the ID token has up to 255 ASCII characters", func(p *probe, _ grant, claims map[string]any) {
			sub, _ := claims["sub"].(string)
			p.must(sub != "" && len(sub) <= 255 && !strings.ContainsFunc(sub, func(r rune) bool { return r > 0x7e || r < 0x20 }), "it is %q", sub)
		}),
		claim("aud", "aud of the ID token is the client", func(p *probe, made grant, claims map[string]any) {
			list, isList := claims["aud"].([]any)
			p.must(claims["aud"] == made.request.Get("client_id") || isList && slices.Contains(list, any(made.request.Get("client_id"))), "it is %v", claims["aud"])
		}),
		claim("times", "exp of the ID token is ahead, and iat is now", func(p *probe, _ grant, claims map[string]any) {
			exp, _ := claims["exp"].(float64)
			iat, _ := claims["iat"].(float64)
			now := float64(clock.System().Now().Unix())
			p.must(iat > now-300 && iat < now+300 && exp > now, "iat is %v, exp is %v", claims["iat"], claims["exp"])
		}),
		claim("nonce", "nonce of the ID token is the one that was sent", func(p *probe, made grant, claims map[string]any) {
			p.must(claims["nonce"] == made.request.Get("nonce"), "it is %v", claims["nonce"])
		}),
		{"core-2-nonce-absent", core, "2", "without a nonce in the request there is none in the ID token", func(p *probe) {
			made := p.signIn(p.confidential(), without("nonce"))
			p.must(p.idToken(made.tokens)["nonce"] == nil, "there is one")
		}},
		{"core-3.1.3.7-alg", core, "3.1.3.7", "the ID token of a client that registered no algorithm is signed with RS256, and names its key", func(p *probe) {
			made := p.signIn(p.confidential())
			header := headerOf(made.tokens.text("id_token"))
			if header["alg"] != "RS256" {
				p.warn("alg is %v", header["alg"])
			}
			p.must(header["kid"] != nil, "there is no kid")
		}},
		claim("lean", "the ID token has protocol claims only", func(p *probe, _ grant, claims map[string]any) {
			for name := range claims {
				if !slices.Contains([]string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "sid", "jti", "nbf"}, name) {
					p.warn("it has %s", name)
				}
			}
		}),
		{"core-3.1.2.1-without-openid", core, "3.1.2.1", "without the scope openid there is no ID token", func(p *probe) {
			for _, scope := range p.list("scopes_supported") {
				if scope != "openid" && scope != "offline_access" {
					made := p.signIn(p.confidential(), with("scope", scope))
					p.must(made.tokens.text("id_token") == "", "there is one")
					return
				}
			}
			p.skip("there is no other scope")
		}},
		{"core-3.1.2.1-order", core, "3.1.2.1", "scopes may come in any order", func(p *probe) {
			made := p.signIn(p.confidential(), with("scope", "profile openid"))
			p.idToken(made.tokens)
		}},
		{"core-3.1.2.1-unknown-scope", core, "3.1.2.1", "an unknown scope is ignored", func(p *probe) {
			made := p.signIn(p.confidential(), with("scope", "openid urn:example:unheard-of"))
			p.must(!strings.Contains(made.tokens.text("scope"), "unheard-of"), "it was granted")
		}},
	}
}

func userInfoChecks() []Check {
	scope := func(name string, claims ...string) Check {
		return Check{"core-5.4-" + name, core, "5.4", "UserInfo has the claims of the scope " + name, func(p *probe) {
			p.needs("scopes_supported", name)
			info := p.userInfo(p.signIn(p.confidential(), with("scope", "openid "+name)).accessToken())
			for _, claim := range claims {
				if info[claim] == nil {
					p.warn("%s is missing", claim)
				}
			}
			for claim, value := range info {
				_, isText := value.(string)
				_, isFlag := value.(bool)
				_, isNumber := value.(float64)
				_, isObject := value.(map[string]any)
				switch claim {
				case "email_verified", "phone_number_verified":
					p.must(isFlag, "%s is %v", claim, value)
				case "updated_at":
					p.must(isNumber, "%s is %v", claim, value)
				case "address":
					p.must(isObject, "%s is %v", claim, value)
				default:
					p.must(isText && value != "", "%s is %v", claim, value)
				}
			}
		}}
	}
	return []Check{
		{"core-5.3.1-get", core, "5.3.1", "UserInfo by GET has the sub of the ID token", func(p *probe) {
			made := p.signIn(p.confidential())
			p.must(p.userInfo(made.accessToken())["sub"] == p.idToken(made.tokens)["sub"], "it is another one")
		}},
		{"core-5.3.1-post", core, "5.3.1", "UserInfo by POST with the token in the header", func(p *probe) {
			got := p.post(p.endpoint("userinfo_endpoint"), url.Values{}, bearer(p.signIn(p.confidential()).accessToken()))
			p.must(got.status == http.StatusOK && got.text("sub") != "", "the answer is %s", got.says())
		}},
		{"rfc6750-2.2-body", rfc6750, "2.2", "UserInfo by POST with the token in the body", func(p *probe) {
			got := p.post(p.endpoint("userinfo_endpoint"), url.Values{"access_token": {p.signIn(p.confidential()).accessToken()}})
			if got.status != http.StatusOK {
				p.warn("the answer is %s", got.says())
			}
		}},
		{"core-5.3.2-json", core, "5.3.2", "UserInfo is JSON, and not to be stored", func(p *probe) {
			got := p.get(p.endpoint("userinfo_endpoint"), bearer(p.signIn(p.confidential()).accessToken()))
			p.must(strings.HasPrefix(got.header.Get("Content-Type"), "application/json"), "it is %s", got.header.Get("Content-Type"))
			if !strings.Contains(got.header.Get("Cache-Control"), "no-store") {
				p.warn("Cache-Control is %q", got.header.Get("Cache-Control"))
			}
		}},
		{"rfc9700-4.3.2-query-token", "RFC 9700", "4.3.2", "UserInfo refuses a good token in the query", func(p *probe) {
			got := p.get(p.endpoint("userinfo_endpoint") + "?access_token=" + url.QueryEscape(p.signIn(p.confidential()).accessToken()))
			p.must(got.status >= 400, "it is answered with %d", got.status)
		}},
		{"core-5.3-id-token", core, "5.3", "UserInfo does not take an ID token for an access token", func(p *probe) {
			got := p.get(p.endpoint("userinfo_endpoint"), bearer(p.signIn(p.confidential()).tokens.text("id_token")))
			p.must(got.status == http.StatusUnauthorized, "it is answered with %d", got.status)
		}},
		scope("profile", "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
		scope("email", "email", "email_verified"),
		scope("address", "address"),
		scope("phone", "phone_number", "phone_number_verified"),
		{"core-5.4-all", core, "5.4", "all scopes at once give all of their claims", func(p *probe) {
			for _, name := range []string{"profile", "email", "address", "phone"} {
				p.needs("scopes_supported", name)
			}
			info := p.userInfo(p.signIn(p.confidential(), with("scope", "openid profile email address phone")).accessToken())
			for _, claim := range []string{"name", "email", "address", "phone_number"} {
				if info[claim] == nil {
					p.warn("%s is missing", claim)
				}
			}
		}},
		{"core-5.1-formats", core, "5.1", "birthdate, zoneinfo, locale and addresses have the forms that clients expect", func(p *probe) {
			p.needs("scopes_supported", "profile")
			info := p.userInfo(p.signIn(p.confidential(), with("scope", "openid profile")).accessToken())
			if birthdate, ok := info["birthdate"].(string); ok {
				p.must(isDate(birthdate), "birthdate is %q", birthdate)
			}
			if zone, ok := info["zoneinfo"].(string); ok {
				_, err := time.LoadLocation(zone)
				p.must(err == nil && zone != "", "zoneinfo is %q", zone)
			}
			if locale, ok := info["locale"].(string); ok {
				_, err := language.Parse(locale)
				p.must(err == nil, "locale is %q", locale)
			}
			for _, claim := range []string{"profile", "picture", "website"} {
				if address, ok := info[claim].(string); ok {
					p.must(isAbsolute(address), "%s is %q", claim, address)
				}
			}
		}},
		{"core-5.5-userinfo", core, "5.5", "a claim that is asked for by name is in UserInfo, and not in the ID token", func(p *probe) {
			if !p.flag("claims_parameter_supported") {
				p.skip("claims_parameter_supported is not true")
			}
			made := p.signIn(p.confidential(), with("claims", `{"userinfo":{"name":{"essential":true}}}`))
			if p.userInfo(made.accessToken())["name"] == nil {
				p.warn("name is not in UserInfo")
			}
			p.must(p.idToken(made.tokens)["name"] == nil, "name is in the ID token")
		}},
		{"core-5.5-id-token", core, "5.5", "a claim that is asked for by name in the ID token is there", func(p *probe) {
			if !p.flag("claims_parameter_supported") {
				p.skip("claims_parameter_supported is not true")
			}
			made := p.signIn(p.confidential(), with("claims", `{"id_token":{"email":null}}`))
			p.must(p.idToken(made.tokens)["email"] != nil, "email is not there")
		}},
	}
}

func promptChecks() []Check {
	authTime := func(p *probe, tokens answer) float64 {
		seconds, _ := p.idToken(tokens)["auth_time"].(float64)
		return seconds
	}
	later := func(p *probe, changes url.Values) {
		made := p.signIn(p.confidential())
		before := made.browser.logins
		p.pause(2100 * time.Millisecond) // auth_time is in seconds, and has to be seen to move
		again := made.browser.signIn(p.confidential(), changes)
		p.must(made.browser.logins == before+1, "the person was not asked to sign in again")
		p.must(authTime(p, again.tokens) > authTime(p, made.tokens), "auth_time did not move on")
	}
	silently := func(p *probe, made grant, changes ...url.Values) landing {
		return made.browser.authorize(p.request(p.confidential(), append(changes, with("prompt", "none"), p.confidential().plain())...))
	}
	return []Check{
		{"core-3.1.2.1-none-nobody", core, "3.1.2.1", "prompt=none without a session is refused, and shows no page", func(p *probe) {
			sent := p.request(p.confidential(), with("prompt", "none"), with("state", longText))
			p.refused(p.stranger().authorize(sent), sent, "login_required", "interaction_required", "consent_required", "account_selection_required")
		}},
		{"core-3.1.2.1-none", core, "3.1.2.1", "prompt=none with a session gives the same person, silently", func(p *probe) {
			made := p.signIn(p.confidential())
			before := made.browser.logins
			again := made.browser.signIn(p.confidential(), with("prompt", "none"))
			p.must(made.browser.logins == before, "a page was shown")
			p.must(p.idToken(again.tokens)["sub"] == p.idToken(made.tokens)["sub"], "sub is another one")
			p.must(authTime(p, again.tokens) == authTime(p, made.tokens), "auth_time is another one")
		}},
		{"core-3.1.2.1-none-other", core, "3.1.2.1", "prompt=none with another value is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("prompt", "none login"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"core-3.1.2.1-unknown", core, "3.1.2.1", "an unknown prompt is refused", func(p *probe) {
			sent := p.request(p.confidential(), with("prompt", "urn:example:unheard-of"))
			p.refused(p.browser().authorize(sent), sent, "invalid_request")
		}},
		{"core-3.1.2.1-login", core, "3.1.2.1", "prompt=login asks again, and auth_time moves on", func(p *probe) { later(p, with("prompt", "login")) }},
		{"core-3.1.2.1-max-age-1", core, "3.1.2.1", "max_age=1 asks again after two seconds, and auth_time moves on", func(p *probe) { later(p, with("max_age", "1")) }},
		{"core-3.1.2.1-max-age-0", core, "3.1.2.1", "max_age=0 asks again, and auth_time moves on", func(p *probe) { later(p, with("max_age", "0")) }},
		{"core-3.1.2.1-max-age-long", core, "3.1.2.1", "a long max_age asks nobody, and auth_time is there and stays", func(p *probe) {
			made := p.signIn(p.confidential(), with("max_age", "15000"))
			before := made.browser.logins
			again := made.browser.signIn(p.confidential(), with("max_age", "10000"))
			p.must(made.browser.logins == before, "the person was asked again")
			p.must(authTime(p, made.tokens) > 0 && authTime(p, made.tokens) == authTime(p, again.tokens), "auth_time is %v and %v", authTime(p, made.tokens), authTime(p, again.tokens))
		}},
		{"core-3.1.2.1-select-account", core, "3.1.2.1", "prompt=select_account ends with a code", func(p *probe) {
			made := p.signIn(p.confidential())
			made.browser.signIn(p.confidential(), with("prompt", "select_account"))
		}},
		{"core-3.1.2.1-prompts", core, "3.1.2.1", "every advertised prompt is taken", func(p *probe) {
			if len(p.list("prompt_values_supported")) == 0 {
				p.skip("there is no prompt_values_supported")
			}
			for _, prompt := range p.list("prompt_values_supported") {
				ended := p.browser().authorize(p.request(p.confidential(), with("prompt", prompt)))
				p.must(ended.response.Get("error") != "invalid_request", "%s is refused", prompt)
			}
		}},
		{"core-3.1.2.2-id-token-hint", core, "3.1.2.2", "prompt=none with the ID token of the person is silent", func(p *probe) {
			made := p.signIn(p.confidential())
			ended := silently(p, made, with("id_token_hint", made.tokens.text("id_token")))
			p.must(ended.response.Get("code") != "", "the response is %s", ended.response.Encode())
		}},
		{"core-3.1.2.2-forged-hint", core, "3.1.2.2", "a forged id_token_hint is not believed", func(p *probe) {
			made := p.signIn(p.confidential())
			token := made.tokens.text("id_token")
			ended := silently(p, made, with("id_token_hint", token[:strings.LastIndex(token, ".")+1]+"AAAA"))
			p.must(ended.response.Get("code") == "", "a code was issued")
		}},
	}
}

// personChecks are parameters that must not break anything.
func personChecks() []Check {
	harmless := func(id, title string, changes url.Values) Check {
		return Check{"core-3.1.2.1-" + id, core, "3.1.2.1", title, func(p *probe) { p.signIn(p.confidential(), changes) }}
	}
	return []Check{
		harmless("login-hint", "login_hint breaks nothing", with("login_hint", "somebody@example.com")),
		harmless("ui-locales", "ui_locales breaks nothing", with("ui_locales", "se")),
		harmless("claims-locales", "claims_locales breaks nothing", with("claims_locales", "se")),
		harmless("display-page", "display=page breaks nothing", with("display", "page")),
		harmless("display-popup", "display=popup breaks nothing", with("display", "popup")),
		{"core-3.1.2.1-acr-values", core, "3.1.2.1", "acr_values breaks nothing, and acr is one of the advertised", func(p *probe) {
			values := p.list("acr_values_supported")
			if len(values) == 0 {
				values = []string{"1", "2"}
			}
			claims := p.idToken(p.signIn(p.confidential(), with("acr_values", strings.Join(values, " "))).tokens)
			acr, _ := claims["acr"].(string)
			if !slices.Contains(values, acr) {
				p.warn("acr is %v", claims["acr"])
			}
		}},
		{"core-5.5.1.1-essential-acr", core, "5.5.1.1", "an essential acr that can't be met is refused", func(p *probe) {
			if !p.flag("claims_parameter_supported") {
				p.skip("claims_parameter_supported is not true")
			}
			sent := p.request(p.confidential(), with("claims", `{"id_token":{"acr":{"essential":true,"value":"urn:example:unheard-of"}}}`))
			ended := p.browser().authorize(sent)
			p.must(ended.response.Get("code") == "", "a code was issued")
		}},
		{"core-5.5.1-sub", core, "5.5.1", "a request about somebody else is not answered about the person", func(p *probe) {
			if !p.flag("claims_parameter_supported") {
				p.skip("claims_parameter_supported is not true")
			}
			made := p.signIn(p.confidential())
			ended := made.browser.authorize(p.request(p.confidential(), with("prompt", "none"), with("claims", `{"id_token":{"sub":{"value":"somebody-else"}}}`)))
			p.must(ended.response.Get("code") == "", "a code was issued")
		}},
	}
}
