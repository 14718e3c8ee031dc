package admin

import "authly/internal/platform/fault"

// explanation returns what a key says in words, "" if it says nothing more than the
// kind of the fault.
func explanation(key string) string { return explanations()[key] }

// explanations has the words for the keys of faults, as far as administrators meet them.
// Members of requests are in quotation marks: the command line calls them by its flags.
func explanations() map[string]string {
	return map[string]string{ //nolint:gosec // words about credentials, and none of them
		"admin.cursor_invalid":         "this is no cursor of that list",
		"admin.exports_busy":           "too many exports are running; try again when one has ended",
		"admin.idempotency_key_reused": "the Idempotency-Key was sent before with another request",
		"audit.event_unknown":          "there is no such event",

		"client.address_never_asked":                 "this server never asks such an address: take an https one of a public host, at port 443 or one from 1024 on",
		"client.built_in":                            "the client is the server's own: it can be disabled, and not be changed or deleted",
		"client.can_not_administer":                  "only a confidential client with the grant type client_credentials can be an administrator",
		"client.changed_meanwhile":                   "somebody else has changed the client meanwhile",
		"client.consent_without_effect":              "skip has no effect here: it is for clients of administrators with the grant type authorization_code",
		"client.encryption_weak":                     "the algorithm is built on SHA-1 and off here: take RSA-OAEP-256, or see the setting tokens.allow_weak_encryption",
		"client.has_no_secret":                       "a client with this authentication method has no secret",
		"client.id_invalid":                          "take letters, digits and the characters . _ ~ -, and neither a UUID nor a name that begins with authly-",
		"client.id_taken":                            "another client has it",
		"client.keys_invalid":                        "this is no JWK set of public keys that can be used here",
		"client.keys_missing":                        "the client needs keys for this: set \"jwks\" or \"jwks_uri\"",
		"client.keys_twice":                          "set \"jwks\" or \"jwks_uri\", not both",
		"client.kind_is_fixed":                       "a public client can't become confidential, nor the other way round; create another one",
		"client.last_secret":                         "it is the last secret that can be used; add another one first, or disable the client",
		"client.lifetime_invalid":                    "take from no time to ten years",
		"client.manager_invalid":                     "take up to 64 letters, digits and the characters . _ - /",
		"client.name_invalid":                        "the name is missing, too long, or has characters that can disguise it",
		"client.not_at_the_origin_of_a_redirect_uri": "it has to be at the origin of one of the redirect URIs",
		"client.public_needs_pkce":                   "a public client has to use PKCE",
		"client.public_needs_rotation":               "the refresh tokens of a public client have to be rotated",
		"client.public_without_credentials":          "a public client can't have client_credentials",
		"client.redirect_uri_invalid":                "take an absolute https URI without a fragment; http is for loopback addresses, and native applications may have a scheme of their own",
		"client.redirect_uri_missing":                "the authorization code grant needs a redirect URI",
		"client.refresh_without_code":                "refresh_token needs authorization_code",
		"client.scope_invalid":                       "these scopes can't be given to this client",
		"client.secret_known":                        "the client has this secret already",
		"client.secret_unknown":                      "the client has no such secret",
		"client.secret_weak":                         "take at least 32 random printable ASCII characters",
		"client.sector_missing":                      "pairwise subjects need one host, or a \"sector_identifier_uri\"",
		"client.text_invalid":                        "the text is too long, or has characters that it can't have",
		"client.too_many":                            "these are too many",
		"client.too_many_secrets":                    "the client has as many secrets as it can have; delete one",
		"client.unknown":                             "there is no such client",
		"client.unknown_value":                       "this value is not one of those that there are",
		"client.uri_invalid":                         "take an absolute https URI",

		"grant.unknown":   "there is no such grant",
		"session.unknown": "there is no such session",
		"token.unknown":   "there is no such token",

		"keys.changed_meanwhile": "the keys were changed at the same time; look at them again",
		"keys.never_signed":      "the key has never signed: there is nothing to retire",
		"keys.next_too_young":    "the next key was not published for long enough yet; force it if the one that signs is known to others",
		"keys.no_active_key":     "no key signs with this algorithm",
		"keys.unknown":           "there is no such key",

		"password.characters_not_allowed": "the password has characters that can't be typed",
		"password.context_word":           "the password is made of the user's names",
		"password.too_common":             "the password is among those that are tried first",
		"password.too_long":               "the password is too long",
		"password.too_short":              "the password is too short",
		"password.unchanged":              "it is the password that the user has",
		"password.changed_meanwhile":      "the user's credentials were changed by another request at the same time",

		"registration.lifetime_invalid":        "take from no time to ten years",
		"registration.name_invalid":            "take a name of up to 200 bytes on one line",
		"registration.policy_invalid":          "clients could not be registered by these rules",
		"registration.resource_invalid":        "take absolute URIs without a fragment, and not too many of them",
		"registration.scope_invalid":           "clients that register themselves can't have these scopes, or they are too many",
		"registration.scope_not_allowed":       "they have to be among the \"scopes\"",
		"registration.token_invalid":           "the description of the token breaks a rule",
		"registration.token_unknown":           "there is no such initial access token",
		"registration.unused_lifetime_invalid": "take from a minute to ten years, or 0",
		"registration.uses_invalid":            "take from 1 to 1000000",
		"registration.uses_unlimited":          "say \"uses\" or \"unlimited\", not both",
		"registration.value_invalid":           "this value is not one of those that there are",

		"scope.always_active":       "this scope is always active",
		"scope.changed_meanwhile":   "somebody else has changed the scope meanwhile",
		"scope.description_invalid": "a description of one line, with up to 500 bytes, is needed",
		"scope.manager_invalid":     "take up to 64 letters, digits and the characters . _ - /",
		"scope.name_invalid":        "take up to 128 printable ASCII characters without space, quotation mark and backslash, and without . or .. between slashes",
		"scope.never_default":       "scopes of the administration have to be asked for",
		"scope.reserved":            "the scope is the server's own",
		"scope.taken":               "there is a scope of this name",
		"scope.unknown":             "there is no such scope",

		"system.job_unknown":  "there is no such job",
		"system.jobs_stopped": "this process does no housekeeping",

		"user.taken":              "another user has this name or address",
		"user.changed_meanwhile":  "the user's credentials were changed by another request at the same time; try again",
		"user.claim_invalid":      "the value does not have the form that OpenID Connect gives it",
		"user.disabled":           "the user is disabled",
		"user.email_invalid":      "this is no e-mail address",
		"user.email_taken":        "another user has this e-mail address",
		"user.last_administrator": "nobody else could sign in to administer the server",
		"user.manager_invalid":    "take up to 64 letters, digits and the characters . _ - /",
		"user.nothing_verified":   "there is nothing that could be verified",
		"user.one_credential":     "say exactly one of \"password\", \"temporary_password\" and \"invitation\"",
		"user.state_invalid":      "a user is active or disabled",
		"user.unknown":            "there is no such user",
		"user.username_invalid":   "take letters, digits, dots, hyphens and underscores",
		"user.username_mixed":     "take letters of one script: mixed, the name could look like another one",
		"user.username_reserved":  "it looks like an identifier that this server makes",
		"user.username_required":  "a username is needed",
		"user.username_taken":     "another user has this username",
	}
}

// explained returns the words for a key with the key, which programs read.
func explained(key string) string {
	if words := explanation(key); words != "" {
		return words + " (" + key + ")"
	}
	return key
}

// detailOf returns the sentence of a problem.
func detailOf(refusal *fault.Error, general string) string {
	if words := explanation(refusal.Key); words != "" && len(refusal.Fields) == 0 {
		return words
	}
	return general
}
