package rules

// Feature is something that this server does not have yet.
type Feature struct {
	// Words are in the metadata, a route, an operation of the administration or the name of a
	// setting as soon as the feature is there; all in lower case.
	Words []string
	// Rules can be held from then on.
	Rules []string
}

// Waiting returns the rules that no test can hold yet, by the feature that they wait for.
func Waiting() map[string]Feature {
	return map[string]Feature{
		"DPoP": {[]string{"dpop"}, []string{
			"dpop: normal form of htm and htu", "dpop: ath", "dpop: jti replayed at another node", "dpop: rotation of the nonce", "dpop: a private key in the proof",
			"dpop: a symmetric algorithm", "dpop: iat in the future", "dpop: another key at refresh", "dpop: another key than dpop_jkt at the code",
		}},
		"pushed authorization requests": {[]string{"pushed_authorization_request"}, []string{"trap-7 a pushed request counts once"}},
		"client metadata documents":     {[]string{"client_id_metadata_document"}, []string{"trap-19 a client_id that is a URL", "egress: client metadata document", "redirect: client metadata document"}},
		"device authorization": {[]string{"device_authorization", "/device"}, []string{
			"device: entropy and rate of user codes", "device: phishing limits", "device: PKCE of the device", "bounds: device codes of a client",
		}},
		"mail": {[]string{"smtp", "authly_mail"}, []string{
			"account: a reset token is used once, for its account, for a short time", "account: links do not follow the Host", "account: no enumeration by mail",
			"account: a change of the address needs both sides", "output: markup in mails",
		}},
		"passkeys": {[]string{"passkey", "webauthn"}, []string{"account: user verification, origin, rpId and sign count of passkeys"}},
		"second factors": {[]string{"totp", "recovery_code", "second_factor"}, []string{
			"account: one recovery code for many at once", "account: a reset of factors needs a fresh sign-in", "account: factors after every primary method",
		}},
		"identity providers":     {[]string{"identity-provider", "identity_provider", "saml"}, []string{"account: linking an account that somebody registered before", "account: a disabled provider"}},
		"forward authentication": {[]string{"forward-auth", "forward_auth"}, []string{"access: forward authentication of what can't be read"}},
		"own accounts":           {[]string{"/account/", "/api/v1/account"}, []string{"access: an own account by others' ids"}},
		"sign-up":                {[]string{"/sign-up", "/signup"}, []string{"account: no enumeration at the sign-up"}},
		"exchange of tokens":     {[]string{"token-exchange"}, []string{"access: a token that was exchanged gives no more"}},
		"tenants":                {[]string{"tenant", "organization"}, []string{"access: every route of another tenant", "access: exchange of tokens across tenants"}},
		"webhooks":               {[]string{"webhook"}, []string{"egress: webhooks"}},
		"exports as CSV":         {[]string{"csv"}, []string{"output: formulas in exports"}},
	}
}
