package cli

// userSource has usernames: they are what people type.
func userSource() source {
	return source{operation: "list-users", rows: "users", id: "username", about: "name|email", filter: "username"}
}

func userArgument() argument {
	return argument{name: "USER", what: "the username, the e-mail address or the id of a user", from: userSource(), by: "identifier"}
}

func userFlags() map[string]string { return map[string]string{"profile": "profile-page"} }

func userResource() resource {
	one := []argument{userArgument()}
	return resource{
		name: "user", short: "Administer users: the accounts with which people sign in",
		verbs: []verb{
			{
				name: "list", operation: "list-users", manner: lists, rows: "users", id: "id",
				columns: []string{"username", "email", "name", "state", "administrator", "last_login_at", "id"},
				example: "  authly user list\n  authly user list --username al --state active\n  authly user list --administrator true --limit 0 --output json",
			},
			{name: "show", operation: "get-user", manner: shows, arguments: one, id: "id", example: "  authly user show carol\n  authly user show \"$USER_ID\" --output yaml"},
			{
				name: "create", operation: "create-user", manner: makes, id: "id", flags: userFlags(),
				secrets: []string{"temporary_password", "invitation.url"},
				long: `How the person signs in first is up to you: by an invitation, whose address is shown this once, with a
temporary password, which is too, or with a password that is read from a file: others can see the
arguments of a program.`,
				example: `  authly user create --username dave --email dave@example.com --given-name Dave --invitation
  authly user create --username frank --temporary-password
  echo '{"username":"erin","email":"erin@example.com"}' | authly user create --file - --password-file secret.txt --quiet`,
			},
			{
				name: "update", operation: "update-user", manner: changes, reads: "get-user", arguments: one, id: "id", flags: userFlags(),
				long:    "What is not said stays as it is. If somebody else changes the user at the same time, nothing is changed.",
				example: "  authly user update carol --email carol@example.com --email-verified\n  authly user update carol --administrator --dry-run\n  authly user update carol --unset nickname",
			},
			{
				name: "delete", operation: "delete-user", manner: removes, arguments: one, example: "  authly user delete carol --yes",
				question: "Delete the user %s with everything that hangs from the account?", done: "The user %s is deleted.",
			},
			{
				name: "disable", operation: "disable-user", manner: acts, arguments: one, id: "id", example: "  authly user disable carol --yes",
				question: "Disable the user %s, and end everything that they have?", ends: "everything that the user has",
			},
			{name: "enable", operation: "enable-user", manner: acts, arguments: one, id: "id", example: "  authly user enable carol"},
			{name: "unlock", operation: "unlock-user", manner: acts, arguments: one, id: "id", example: "  authly user unlock carol"},
			{
				name: "require-password-change", operation: "require-password-change", manner: acts, arguments: one, id: "id",
				question: "Let the user %s choose a new password, and end everything that they have?", ends: "everything that the user has",
				example: "  authly user require-password-change carol --yes",
			},
			{
				name: "invite", operation: "invite-user", manner: acts, arguments: one, id: "expires_at", secrets: []string{"url"},
				question: "Make a new invitation for the user %s, and end an earlier one?", ends: "an earlier invitation", example: "  authly user invite grace --yes",
			},
			{
				name: "reset-password", operation: "reset-password", manner: acts, arguments: one, id: "id", secrets: []string{"temporary_password"},
				question: "Give the user %s a temporary password, and end everything that they have?", ends: "the present password, and everything that the user has",
				example: "  authly user reset-password carol --yes",
			},
			{
				name: "end-sessions", operation: "end-user-sessions", manner: acts, arguments: one, question: "End all sessions of the user %s?",
				example: "  authly user end-sessions carol --yes",
			},
			{
				name: "revoke-tokens", operation: "end-user-tokens", manner: acts, arguments: one, question: "Revoke everything that was issued on behalf of the user %s?",
				example: "  authly user revoke-tokens carol --yes",
			},
			{
				name: "revoke-grants", operation: "revoke-user-grants", manner: acts, arguments: one, question: "Revoke everything that the user %s allowed?",
				example: "  authly user revoke-grants carol --yes",
			},
		},
	}
}

// ofPeople are parameters that name a user or a client.
func ofPeople() (map[string]string, map[string]argument) {
	person, client := userArgument(), clientArgument()
	person.shows, client.shows = "get-user", "get-client"
	return map[string]string{"user_id": "user", "client_id": "client"}, map[string]argument{"user_id": person, "client_id": client}
}

func sessionResource() resource {
	flags, named := ofPeople()
	one := []argument{{name: "SESSION_ID", what: "the id of a session", from: source{operation: "list-sessions", rows: "sessions", id: "id", about: "username"}}}
	return resource{
		name: "session", short: "Administer sessions: where people are signed in",
		verbs: []verb{
			{
				name: "list", operation: "list-sessions", manner: lists, rows: "sessions", id: "id", flags: flags, named: named,
				columns: []string{"id", "username|user_id", "state", "created_at", "last_seen_at", "address"},
				example: "  authly session list --state active\n  authly session list --user carol --output json",
			},
			{name: "show", operation: "get-session", manner: shows, arguments: one, id: "id", example: "  authly session show \"$SESSION_ID\""},
			{
				name: "end", operation: "end-session", manner: removes, arguments: one, question: "End the session %s?", done: "The session %s has ended.",
				example: "  authly session end \"$SESSION_ID\" --yes",
			},
		},
	}
}

func tokenResource() resource {
	flags, named := ofPeople()
	one := []argument{{name: "TOKEN_ID", what: "the id of a family of tokens, or of an access token", from: source{operation: "list-tokens", rows: "tokens", id: "id", about: "client_id"}}}
	return resource{
		name: "token",
		verbs: []verb{
			{
				name: "list", operation: "list-tokens", manner: lists, rows: "tokens", id: "id", flags: flags, named: named,
				columns: []string{"id", "kind", "client_id", "username|user_id", "scopes", "active", "created_at", "expires_at"},
				example: "  authly token list --active true\n  authly token list --user carol --client my-app",
			},
			{name: "show", operation: "get-token", manner: shows, arguments: one, id: "id", example: "  authly token show \"$TOKEN_ID\""},
			{
				name: "revoke", operation: "end-token", manner: removes, arguments: one, question: "Revoke %s?", done: "%s is revoked.",
				example: "  authly token revoke \"$TOKEN_ID\" --yes",
			},
		},
	}
}

func grantResource() resource {
	flags, named := ofPeople()
	one := []argument{{name: "GRANT_ID", what: "the id of a grant", from: source{operation: "list-grants", rows: "grants", id: "id", about: "client_id"}}}
	return resource{
		name: "grant", short: "Administer grants: what people allowed clients",
		verbs: []verb{
			{
				name: "list", operation: "list-grants", manner: lists, rows: "grants", id: "id", flags: flags, named: named,
				columns: []string{"id", "username|user_id", "client_id", "scopes", "active", "created_at"},
				example: "  authly grant list --active true\n  authly grant list --user carol --client my-app --output json",
			},
			{name: "show", operation: "get-grant", manner: shows, arguments: one, id: "id", example: "  authly grant show \"$GRANT_ID\""},
			{
				name: "revoke", operation: "revoke-grant", manner: acts, arguments: one, question: "Revoke the grant %s, with everything that was issued from it?",
				example: "  authly grant revoke \"$GRANT_ID\" --yes",
			},
		},
	}
}

func registrationTokenResource() resource {
	one := []argument{{
		name: "ID", what: "the id of a token for registration",
		from: source{operation: "list-initial-access-tokens", rows: "initial_access_tokens", id: "id", about: "name"},
	}}
	return resource{
		name: "registration-token", short: "Administer the tokens with which clients register themselves",
		long: `Administer initial access tokens (RFC 7591): whoever has one can register clients at /oauth/register,
within the limits that the token carries. The endpoint is there if the setting registration.mode is
initial_access_token or open.`,
		verbs: []verb{
			{
				name: "list", operation: "list-initial-access-tokens", manner: lists, rows: "initial_access_tokens", id: "id",
				columns: []string{"id", "name", "state", "security_profile", "uses_left", "expires_at"},
				example: "  authly registration-token list",
			},
			{name: "show", operation: "get-initial-access-token", manner: shows, arguments: one, id: "id", example: "  authly registration-token show \"$REGISTRATION_TOKEN_ID\""},
			{
				name: "create", operation: "create-initial-access-token", manner: makes, id: "id", secrets: []string{"token"}, live: map[string]source{"scopes": scopeSource()},
				flags: map[string]string{"authentication_methods": "auth-method"},
				long:  "The token is shown this once: only its hash is kept.",
				example: `  authly registration-token create --name partners --expires-in 30d --uses 10
  authly registration-token create --name intranet --scope openid --scope email --pkce nonce_or_pkce --output json`,
			},
			{
				name: "revoke", operation: "revoke-initial-access-token", manner: acts, arguments: one, id: "id", question: "End the token %s?",
				example: "  authly registration-token revoke \"$REGISTRATION_TOKEN_ID\" --yes",
			},
		},
	}
}
