package cli

// resources returns the nouns of the command line, with a command for each operation of the
// administration. What the operations take, and what that is for, is in their description.
func resources() []resource {
	return []resource{
		clientResource(), scopeResource(), userResource(), sessionResource(), tokenResource(), grantResource(), registrationTokenResource(), keyResource(), auditResource(), systemResource(), jobResource(),
	}
}

func clientSource() source {
	return source{operation: "list-clients", rows: "clients", id: "client_id", about: "client_name", filter: "q"}
}

func scopeSource() source {
	return source{operation: "list-scopes", rows: "scopes", id: "name", about: "description"}
}

func clientArgument() argument {
	return argument{name: "CLIENT_ID", what: "the client_id of a client", from: clientSource()}
}

// clientFlags are the members whose names in registrations are longer than they need to be here.
func clientFlags() map[string]string {
	return map[string]string{ //nolint:gosec // names
		"client_name": "name", "token_endpoint_auth_method": "auth-method", "token_endpoint_auth_signing_alg": "auth-signing-alg",
		"registered_by": "registered-by", "q": "name",
	}
}

func clientResource() resource {
	one := []argument{clientArgument()}
	live := map[string]source{"scopes": scopeSource()}
	return resource{
		name: "client", short: "Administer clients: the applications that sign people in",
		verbs: []verb{
			{
				name: "list", operation: "list-clients", manner: lists, rows: "clients", id: "client_id", flags: clientFlags(),
				columns: []string{"client_id", "client_name", "token_endpoint_auth_method", "state", "registered_by", "created_at"},
				example: "  authly client list\n  authly client list --name 'My' --state active --output json\n  authly client list --type confidential --limit 0 --quiet",
			},
			{name: "show", operation: "get-client", manner: shows, arguments: one, id: "client_id", example: "  authly client show my-app\n  authly client show my-app --output yaml"},
			{
				name: "create", operation: "create-client", manner: makes, id: "client_id", secrets: []string{"client_secret"}, flags: clientFlags(), live: live,
				long: `What is not said gets the default of the security profile. A client that proves itself with a
secret is given one, which is shown this once.`,
				example: `  # a web application with a secret
  authly client create --name 'My shop' --redirect-uri https://shop.example/callback --scope openid --scope email

  # a native application, which can't keep one
  authly client create --client-id my-phone --name 'My phone app' --application-type native --auth-method none --redirect-uri http://127.0.0.1/callback

  # a service that calls an API on its own behalf
  authly client create --name Backup --grant-type client_credentials --scope reports:read --resource https://api.example --quiet

  # all of it from a file
  echo '{"client_name":"From a file","redirect_uris":["https://file.example/callback"]}' | authly client create --file -`,
			},
			{
				name: "update", operation: "update-client", manner: changes, reads: "get-client", arguments: one, id: "client_id", secrets: []string{"client_secret"},
				flags: clientFlags(), live: live,
				long: `What is not said stays as it is. A list is replaced by the values that are said; an empty one
(--contact '') empties it. If somebody else changes the client at the same time, nothing is changed.`,
				example: `  authly client update my-app --name 'My other name' --access-token-lifetime 5m
  authly client update my-app --redirect-uri https://app.example/callback --redirect-uri https://app.example/other --dry-run
  authly client update my-app --unset access_token_lifetime`,
			},
			{
				name: "delete", operation: "delete-client", manner: removes, arguments: one, example: "  authly client delete my-app --yes",
				question: "Delete the client %s with everything that it was given?", done: "The client %s is deleted.",
			},
			{
				name: "disable", operation: "disable-client", manner: acts, arguments: one, id: "client_id", example: "  authly client disable my-app --yes",
				question: "Disable the client %s, and end everything that it was given?", ends: "everything that the client was given",
			},
			{name: "enable", operation: "enable-client", manner: acts, arguments: one, id: "client_id", example: "  authly client enable my-app"},
			{
				name: "secrets", operation: "list-client-secrets", manner: lists, arguments: one, rows: "secrets", id: "id",
				columns: []string{"id", "created_at", "expires_at"}, example: "  authly client secrets my-app",
			},
			{
				name: "rotate-secret", operation: "create-client-secret", manner: makes, arguments: one, id: "id", secrets: []string{"client_secret"},
				long:     "The old secrets end at once, or after the --overlap, in which all instances of the client can be given the new one.",
				question: "End the secrets that the client %s has, and make a new one? With --overlap they can still be used for a while.",
				ends:     "the old secrets at once if there is no --overlap", unless: "overlap_seconds",
				example: `  authly client rotate-secret my-app --yes
  authly client rotate-secret my-app --overlap 24h --quiet`,
			},
			{
				name: "check-secret", operation: "check-client-secret", manner: acts, arguments: one,
				example: "  authly client check-secret my-app --client-secret-file secret.txt",
			},
			{
				name: "delete-secret", operation: "delete-client-secret", manner: removes,
				arguments: []argument{clientArgument(), {name: "SECRET_ID", what: "the id of one of its secrets", from: source{operation: "list-client-secrets", rows: "secrets", id: "id", about: "created_at"}}},
				question:  "Delete the secret: %s?", done: "The secret is deleted: %s.",
				example: "  authly client delete-secret my-app \"$SECRET_ID\" --yes",
			},
			{
				name: "end-sessions", operation: "end-client-sessions", manner: acts, arguments: one, question: "End all sessions in which the client %s has got a code?",
				example: "  authly client end-sessions my-app --yes",
			},
			{
				name: "revoke-tokens", operation: "end-client-tokens", manner: acts, arguments: one, question: "Revoke everything that was issued to the client %s?",
				example: "  authly client revoke-tokens my-app --yes",
			},
			{
				name: "revoke-grants", operation: "revoke-client-grants", manner: acts, arguments: one, question: "Revoke everything that the client %s was allowed?",
				example: "  authly client revoke-grants my-app --yes",
			},
		},
	}
}

func scopeResource() resource {
	one := []argument{{name: "NAME", what: "the name of a scope", from: scopeSource()}}
	return resource{
		name: "scope", short: "Administer the catalogue of scopes: what clients can be allowed",
		verbs: []verb{
			{
				name: "list", operation: "list-scopes", manner: lists, rows: "scopes", id: "name", columns: []string{"name", "description", "default", "active", "built_in"},
				example: "  authly scope list\n  authly scope list --quiet",
			},
			{name: "show", operation: "get-scope", manner: shows, arguments: one, id: "name", example: "  authly scope show openid"},
			{
				name: "create", operation: "create-scope", manner: makes, id: "name",
				example: "  authly scope create --name invoices:read --description 'See your invoices'",
			},
			{
				name: "update", operation: "update-scope", manner: changes, reads: "get-scope", arguments: one, id: "name",
				example: "  authly scope update reports:read --description 'See your reports' --default\n  authly scope update reports:read --active=false --dry-run",
			},
			{
				name: "delete", operation: "delete-scope", manner: removes, arguments: one, question: "Delete the scope %s?", done: "The scope %s is deleted.",
				example: "  authly scope delete reports:read --yes",
			},
		},
	}
}

func keyColumns() []string {
	return []string{"kid", "alg", "state", "created_at", "activated_at", "signs_from", "published_until"}
}

// aboutKIDs is said because thumbprints are as they are.
const aboutKIDs = "A kid may begin with a hyphen, which is no flag after --."

func keyResource() resource {
	one := []argument{{name: "KID", what: "the kid of a key", from: source{operation: "list-keys", rows: "keys", id: "kid", about: "alg"}}}
	return resource{
		name: "key", short: "Administer the signing keys",
		long: "Administer the signing keys. The server rotates them by itself; see also `authly local keys`, which works while it is down.",
		verbs: []verb{
			{name: "list", operation: "list-keys", manner: lists, rows: "keys", id: "kid", columns: keyColumns(), example: "  authly key list\n  authly key list -o json"},
			{name: "show", operation: "get-key", manner: shows, arguments: one, id: "kid", long: aboutKIDs, example: "  authly key show -- \"$KID\""},
			{
				name: "rotate", operation: "rotate-keys", manner: acts, rows: "keys", columns: keyColumns(),
				long:     "A next key that was not published for long enough is refused, unless it is forced: clients that keep a copy of the keys would not know it.",
				question: "Let the next keys sign from now on?", example: "  authly key rotate --algorithm ES256 --force --yes\n  authly key rotate --dry-run",
			},
			{
				name: "retire", operation: "retire-key", manner: acts, arguments: one, id: "kid", question: "Retire the key %s: the next one signs in its place?",
				example: "  authly key retire --force --yes -- \"$KID\"",
			},
			{
				name: "withdraw", operation: "withdraw-key", manner: acts, arguments: one, id: "kid", question: "Withdraw the key %s: what it signed is not believed any more?",
				example: "  authly key withdraw --yes -- \"$RETIRED_KID\"",
			},
		},
	}
}
