package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// claimChecks are about claims of the ID token that are not in every one of them, and
// about how claims are asked for.
func claimChecks() []Check {
	asking := func(id, section, title, claims string, judge func(p *probe, ended landing, sent request)) Check {
		return Check{"core-" + id, core, section, title, func(p *probe) {
			if !p.flag("claims_parameter_supported") {
				p.skip("claims_parameter_supported is not true")
			}
			sent := p.request(p.confidential(), with("claims", claims))
			judge(p, p.browser().authorize(sent), sent)
		}}
	}
	answered := func(p *probe, ended landing, sent request) {
		p.must(ended.response.Get("code") != "", "the response is %s", ended.response.Encode())
		p.idToken(p.redeem(p.confidential(), sent, ended.response.Get("code")))
	}
	refused := func(p *probe, ended landing, sent request) { p.refused(ended, sent, "invalid_request") }
	return []Check{
		{"core-2-sub-stable", core, "2", "sub stays the same from one sign-in to the next", func(p *probe) {
			one, two := p.idToken(p.signIn(p.confidential()).tokens), p.idToken(p.stranger().signIn(p.confidential()).tokens)
			p.must(one["sub"] == two["sub"], "it is %v and %v", one["sub"], two["sub"])
		}},
		{"core-2-azp", core, "2", "azp is the client, if it is there, and is there for several audiences", func(p *probe) {
			claims := p.idToken(p.signIn(p.confidential()).tokens)
			list, _ := claims["aud"].([]any)
			p.must(claims["azp"] == nil || claims["azp"] == p.confidential().ID, "azp is %v", claims["azp"])
			p.must(len(list) < 2 || claims["azp"] != nil, "aud is %v, and there is no azp", claims["aud"])
		}},
		{"core-2-acr", core, "2", "acr and amr have values, if they are there", func(p *probe) {
			claims := p.idToken(p.signIn(p.confidential()).tokens)
			acr, isText := claims["acr"].(string)
			p.must(claims["acr"] == nil || isText && acr != "", "acr is %v", claims["acr"])
			amr, isList := claims["amr"].([]any)
			p.must(claims["amr"] == nil || isList && len(amr) > 0, "amr is %v", claims["amr"])
		}},
		{"core-3.1.3.6-at-hash", core, "3.1.3.6", "at_hash is that of the access token, if it is there", func(p *probe) {
			made := p.signIn(p.confidential())
			claims := p.idToken(made.tokens)
			if claims["at_hash"] == nil {
				p.skip("it is not there, which is allowed")
			}
			if alg, _ := headerOf(made.tokens.text("id_token"))["alg"].(string); !strings.HasSuffix(alg, "256") {
				p.skip("the kit knows it for SHA-256 only")
			}
			digest := sha256.Sum256([]byte(made.accessToken()))
			p.must(claims["at_hash"] == base64.RawURLEncoding.EncodeToString(digest[:16]), "it is %v", claims["at_hash"])
		}},
		{"core-2-header", core, "2", "the header of an ID token sends nobody to fetch a key", func(p *probe) {
			header := headerOf(p.signIn(p.confidential()).tokens.text("id_token"))
			for _, name := range []string{"jku", "jwk", "x5u", "x5c"} {
				if header[name] != nil {
					p.warn("there is %s", name)
				}
			}
		}},
		asking("5.5-malformed", "5.5", "a claims parameter that is no JSON object is refused", "nonsense", refused),
		asking("5.5-no-object", "5.5", "a claims parameter whose members are no objects is refused", `{"id_token":["name"]}`, refused),
		asking("5.5-odd", "5.5", "unknown claims and members of the claims parameter are ignored", `{"id_token":{"urn:example:made-up":null,"auth_time":{"essential":true}},"userinfo":{"urn:example:made-up":{"essential":true,"x":1}},"other":{}}`, answered),
		asking("5.5.1-voluntary-acr", "5.5.1.1", "an acr that is only wished for refuses nobody", `{"id_token":{"acr":{"values":["urn:example:unheard-of"]}}}`, answered),
		asking("5.5-auth-time", "5.5", "auth_time is there when it is asked for", `{"id_token":{"auth_time":{"essential":true}}}`, func(p *probe, ended landing, sent request) {
			p.must(ended.response.Get("code") != "", "the response is %s", ended.response.Encode())
			p.must(p.idToken(p.redeem(p.confidential(), sent, ended.response.Get("code")))["auth_time"] != nil, "it is not there")
		}),
		{"core-5.5-all", core, "5.5", "every claim that is advertised can be asked for by name", func(p *probe) {
			if !p.flag("claims_parameter_supported") {
				p.skip("claims_parameter_supported is not true")
			}
			var wanted []string
			for _, claim := range p.list("claims_supported") {
				if slices.Contains([]string{"name", "given_name", "family_name", "nickname", "email", "email_verified", "phone_number", "locale", "zoneinfo"}, claim) {
					wanted = append(wanted, claim)
				}
			}
			members := fmt.Sprintf(`{"%s":null}`, strings.Join(wanted, `":null,"`))
			info := p.userInfo(p.signIn(p.confidential(), url.Values{"claims": {`{"userinfo":` + members + `}`}}).accessToken())
			for _, claim := range wanted {
				if info[claim] == nil {
					p.warn("%s is missing", claim)
				}
			}
		}},
	}
}

// isDate tells whether a text is a birthdate: a year, or a day, in a year that may be
// left out as 0000.
func isDate(text string) bool {
	for _, layout := range []string{time.DateOnly, "2006"} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}
