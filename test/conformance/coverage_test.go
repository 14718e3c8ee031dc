package conformance_test

import (
	"slices"
	"strings"
	"testing"

	"authly/test/conformance"
)

// row is something that others look at, with the checks of the kit that look at the same.
type row struct {
	what   string
	checks string // ids, separated by spaces; one that ends with * stands for all that begin so
}

// area is a group of rows.
type area struct {
	title string
	rows  []row
}

// coverage is how the kit stands to the modules of the OpenID Foundation's suite, to
// the forty checks of the first Authly, and to what docs/divergences.md claims.
func coverage() []area {
	return []area{
		{"Every module of the official plans", everyModule()},
		{"Config OP", configModules()},
		{"Basic OP and Form Post OP", slices.Concat(basicModules(), basicModulesMore())},
		{"Logout plans", logoutModules()},
		{"Dynamic OP and 3rd-party-initiated login", dynamicModules()},
		{"The forty checks of the first Authly", firstAuthly()},
		{"Claims of our own beyond the plans", ownClaims()},
	}
}

func everyModule() []row {
	return []row{
		{"discovery document with issuer and endpoints", "discovery-3-issuer discovery-3-authorization_endpoint discovery-3-token_endpoint discovery-4.3-issuer"},
		{"JWKS: parses, kid, distinct, nothing private, known types", "jwks-5-keys jwks-4.5-kid jwks-4.5-distinct jwks-9.3-private jwks-6-known jwks-4.4-alg"},
		{"the client's authentication method is listed", "rfc8414-2-auth-methods"},
		{"state in 128 characters, iss, only known parameters, only in the query", "rfc6749-4.1.2-state rfc9207-2-iss rfc6749-4.1.2-parameters"},
		{"the query of a registered redirect URI is kept", "rfc6749-3.1.2-query"},
		{"form post: body, POST, form encoding", "form-post-2-success form-post-2-page"},
		{"Basic credentials are decoded as a form", "rfc6749-2.3.1-encoding"},
		{"token response, expires_in (warn)", "oauth21-4.1-flow rfc6749-5.1-response"},
		{"ID token: iss, aud, exp, iat, nonce or none, acr, sub, kid, signature", "core-2-iss core-2-aud core-2-times core-2-nonce core-2-nonce-absent core-2-acr core-2-sub core-3.1.3.7-alg"},
		{"at_hash is right if it is there", "core-3.1.3.6-at-hash"},
		{"UserInfo answers with typed claims", "core-5.3.1-get core-5.4-* core-5.1-formats"},
		{"error responses: parameters and characters", "rfc6749-4.1.2.1-parameters rfc9207-2-error"},
	}
}

func configModules() []row {
	return []row{
		{"address, JSON, issuer", "discovery-4.2-response discovery-4.3-issuer rfc8414-2-issuer discovery-3-https"},
		{"RS256, subject types, response types, grant types", "discovery-3-rs256 discovery-3-subject-types discovery-3-code discovery-3-grants"},
		{"endpoints are https URLs", "rfc8414-2-endpoints discovery-3-https"},
		{"types of members, registered names (warn)", "rfc8414-2-types rfc8414-2-nothing-empty rfc8414-2-registered"},
		{"recommended members (warn)", "discovery-3-userinfo_endpoint discovery-3-recommended discovery-3-sub"},
		{"RS256 for request objects (warn), locales, challenge methods", "discovery-3-request-object-rs256 discovery-3-locales rfc7636-5-s256"},
	}
}

func basicModules() []row {
	return []row{
		{"oidcc-server", "oauth21-4.1-flow rfc6749-10.10-code oauth21-4.1.2-entropy core-2-lean"},
		{"oidcc-response-type-missing", "rfc6749-3.1.1-missing form-post-2-missing-type"},
		{"oidcc-idtoken-signature", "registration-2-default-alg core-3.1.3.7-alg"},
		{"oidcc-idtoken-unsigned", "registration-2-none rfc8725-3.2-none"},
		{"oidcc-userinfo-get, -post-header", "core-5.3.1-get core-5.3.1-post core-5.3.2-json"},
		{"oidcc-userinfo-post-body (warn)", "rfc6750-2.2-body"},
		{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", "core-3.1.2.1-no-pkce-no-nonce core-2-nonce-absent"},
		{"oidcc-scope-profile, -email, -address, -phone, -all (warn)", "core-5.4-profile core-5.4-email core-5.4-address core-5.4-phone core-5.4-all"},
		{"oidcc-alternate-happy-flow", "core-3.1.2.1-order core-3.1.2.1-parameter-order"},
		{"oidcc-display-page, -popup", "core-3.1.2.1-display-page core-3.1.2.1-display-popup"},
		{"oidcc-prompt-login", "core-3.1.2.1-login"},
		{"oidcc-prompt-none-not-logged-in", "core-3.1.2.1-none-nobody"},
		{"oidcc-prompt-none-logged-in", "core-3.1.2.1-none"},
		{"oidcc-max-age-1, -10000", "core-3.1.2.1-max-age-1 core-3.1.2.1-max-age-long"},
		{"oidcc-ensure-request-with-unknown-parameter-succeeds", "rfc6749-3.1-unknown"},
		{"oidcc-id-token-hint", "core-3.1.2.2-id-token-hint"},
		{"oidcc-login-hint, -ui-locales, -claims-locales", "core-3.1.2.1-login-hint core-3.1.2.1-ui-locales core-3.1.2.1-claims-locales"},
		{"oidcc-ensure-request-with-acr-values-succeeds (warn)", "core-3.1.2.1-acr-values"},
	}
}

func basicModulesMore() []row {
	return []row{
		{"oidcc-codereuse", "oauth21-4.1.3-replay"},
		{"oidcc-codereuse-30seconds", "oauth21-4.1.3-late-replay"},
		{"oidcc-ensure-registered-redirect-uri", "oauth21-2.3.1-appended"},
		{"oidcc-ensure-post-request-succeeds", "core-3.1.2.1-post"},
		{"oidcc-server-client-secret-post", "core-9-post"},
		{"oidcc-request-uri-unsigned…, oidcc-unsigned-request-object…", "core-6.1-unsigned core-6.2-unregistered rfc9101-6-unsigned"},
		{"oidcc-claims-essential (warn)", "core-5.5-userinfo"},
		{"oidcc-ensure-request-object-with-redirect-uri", "core-6.1-redirect-uri"},
		{"oidcc-refresh-token", "core-12.2-claims rfc6749-10.10-refresh-token rfc6749-6-client"},
		{"oidcc-ensure-request-with-valid-pkce-succeeds", "oauth21-4.1-flow oauth21-4.1-public"},
		{"the same by form post, errors too", "form-post-2-success form-post-2-error form-post-2-missing-type rfc9207-2-form-post"},
	}
}

func logoutModules() []row {
	return []row{
		{"oidcc-rp-initiated-logout-discovery-endpoint-verification", "logout-2.1-endpoint"},
		{"oidcc-rp-initiated-logout", "logout-3-state"},
		{"…-no-state", "logout-3-no-state"},
		{"…-bad-post-logout-redirect-uri, …-query-added-to-post-logout-redirect-uri", "logout-3-bad-uri logout-3-query"},
		{"…-modified-id-token-hint, …-bad-id-token-hint", "logout-4-modified-hint logout-4-forged-hint"},
		{"…-no-id-token-hint", "logout-4-no-hint"},
		{"…-no-params, …-only-state, …-no-post-logout-redirect-uri", "logout-2-no-parameters logout-2-only-state logout-2-hint-only"},
		{"oidcc-backchannel-logout-discovery-…", "backchannel-2.1-metadata"},
		{"oidcc-backchannel-rp-initiated-logout", "backchannel-2.5-request backchannel-2.4-claims backchannel-2.4-session backchannel-2.1-sid backchannel-2.4-type"},
		{"oidcc-frontchannel-logout-discovery-…", "frontchannel-3-metadata"},
		{"oidcc-frontchannel-rp-initiated-logout", "frontchannel-2-frame frontchannel-2-session frontchannel-3-onward frontchannel-3-policy"},
		{"oidcc-session-management-…", "session-3.3-frame session-2-state session-3.2-hash session-3.2-changes"},
	}
}

func dynamicModules() []row {
	return []row{
		{"registration in general", "registration-3.2-response rfc7591-2-defaults rfc7591-2-default-scopes registration-2-keys-and-secret"},
		{"oidcc-idtoken-rs256", "registration-2-id-token-alg"},
		{"oidcc-userinfo-rs256", "core-5.3.2-signed"},
		{"oidcc-ensure-redirect-uri-in-authorization-request", "core-3.1.2.1-two-uris core-3.1.2.1-redirect-missing"},
		{"oidcc-redirect-uri-query-OK, -mismatch, -added", "rfc6749-3.1.2-query core-3.1.2.1-query-mismatch core-3.1.2.1-query-added core-3.1.2.1-query-missing"},
		{"oidcc-redirect-uri-regfrag", "registration-2-fragment"},
		{"oidcc-registration-logo-uri, -policy-uri, -tos-uri", "registration-2-logo registration-2-sign-in-page"},
		{"oidcc-registration-jwks-uri", "registration-2-jwks-uri"},
		{"oidcc-registration-sector-uri, -bad", "registration-5-sector registration-5-sector-lacks"},
		{"oidcc-server-rotate-keys", "core-10.1.1-new-key core-10.1.1-old-key"},
		{"oidcc-refresh-token-rp-key-rotation", "core-10.1.1-rotation"},
		{"oidcc-request-uri-signed-rs256", "core-6.2-request-uri"},
		{"oidcc-ensure-client-assertion-with-iss-aud-succeeds", "core-9-private-key-jwt"},
		{"oidcc-3rd_party-init-login, …-nohttps", "registration-2-initiate-login registration-4-initiate-login"},
	}
}

func firstAuthly() []row {
	return []row{
		{"1–16: eight members, present and of their type", "discovery-3-issuer discovery-3-authorization_endpoint discovery-3-token_endpoint discovery-3-userinfo_endpoint discovery-3-jwks_uri " +
			"discovery-3-response_types_supported discovery-3-subject_types_supported discovery-3-id_token_signing_alg_values_supported discovery-3-type-*"},
		{"17–22: https, absolute endpoints, S256", "discovery-3-https discovery-3-absolute-* rfc7636-5-s256"},
		{"23–29: keys, kty, use, kid, n, e, alg", "jwks-5-keys jwks-4.1-kty jwks-4.2-use jwks-4.5-kid rfc7518-6.3.1.1-n rfc7518-6.3.1.2-e jwks-4.4-alg"},
		{"30–32: an unknown grant", "rfc6749-5.2-status rfc6749-5.2-body rfc6749-5.2-code"},
		{"33: a bad authorization request", "rfc6749-4.1.2.1-nobody"},
		{"34–35: UserInfo without a token", "rfc6750-3-status rfc6750-3-challenge"},
		{"36 and 38: PKCE is required (looked at in what happens; there is no such member of the metadata)", "oauth21-4.1.1-public-challenge"},
		{"37, 39, 40: S256, RS256, no none", "rfc7636-5-s256 discovery-3-rs256 rfc8725-3.2-none"},
	}
}

func ownClaims() []row {
	return []row{
		{"codes are bound to client, redirect URI and verifier", "rfc6749-4.1.3-client rfc6749-4.1.3-redirect oauth21-4.1.3-verifier oauth21-4.1.3-verifier-missing oauth21-7.6-verifier-extra rfc7636-4.1-short"},
		{"a replay takes back what the code gave, but not for others", "oauth21-4.1.3-replay oauth21-4.1.3-foreign-replay"},
		{"refresh tokens rotate, and reuse ends them", "oauth21-4.3.1-rotation oauth21-4.3.1-old-refresh oauth21-4.3.1-reuse"},
		{"revocation and introspection, and who may", "rfc7009-* rfc7662-*"},
		{"private_key_jwt against attacks", "rfc7523-3-* rfc7521-4.2-client-id core-9-registered-method"},
		{"request objects against attacks", "rfc9101-*"},
		{"redirect URIs that are nearly right", "oauth21-2.3.1-*"},
		{"JARM", "jarm-*"},
		{"pairwise subjects", "core-8.1-*"},
		{"the claims parameter", "core-5.5-* core-5.5.1-*"},
		{"encrypted ID tokens and UserInfo", "core-10.2-id-token core-10.2-userinfo"},
		{"registration, and the client's own record", "registration-* rfc7591-* rfc7592-2.2-replace"},
		{"scripts of other origins", "rfc10017-*"},
		{"pages: framing, storing, referrer, cookies", "oauth21-framing rfc9700-4.16-framing rfc9700-4.2.4-referrer rfc6265-8.3-cookies rfc9700-4.12-redirect"},
		{"TLS where it ends here", "rfc9325-*"},
		{"logout needs the person's consent, and ends tokens", "logout-6-confirmation logout-2-tokens backchannel-2.7-*"},
	}
}

// matching returns the ids that a row names.
func (r row) matching(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, wanted := range strings.Fields(r.checks) {
		before := len(found)
		for _, check := range conformance.Checks() {
			prefix, isPattern := strings.CutSuffix(wanted, "*")
			if check.ID == wanted || isPattern && strings.HasPrefix(check.ID, prefix) {
				found = append(found, check.ID)
			}
		}
		if len(found) == before {
			t.Errorf("%s: there is no check %s", r.what, wanted)
		}
	}
	return found
}

// Each row has checks that exist.
func TestCoverage(t *testing.T) {
	t.Parallel()
	for _, area := range coverage() {
		for _, row := range area.rows {
			if len(row.matching(t)) == 0 {
				t.Errorf("%s: nothing looks at %q", area.title, row.what)
			}
		}
	}
}
