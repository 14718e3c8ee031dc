package rules

// Failure is a way in which a server of this kind was broken elsewhere.
type Failure struct {
	// What went wrong, in a few words.
	What string
	// Known are identifiers of the vulnerabilities, as public databases have them.
	Known []string
	// Rules keep it from happening here: of the catalogue, or waiting for their feature.
	Rules []string
}

// Failures returns what went wrong elsewhere, with the rules that hold it here. A test of this
// package holds that each has one, and that each rule is in a list.
func Failures() []Failure {
	return append(failuresOfFlows(), failuresOfThings()...)
}

// failuresOfFlows are those of sign-ins, codes, tokens and clients.
func failuresOfFlows() []Failure {
	return []Failure{
		{
			"A reset of a password is taken for finished without its proof, as a note of one step counts for another.",
			[]string{"CVE-2026-18963"},
			[]string{"flows: step skipped", "flows: tabs mixed", "flows: a new sign-in is not left out", "account: a reset token is used once, for its account, for a short time"},
		},
		{
			"A session that an attacker began is gone on with, and an address alone changes something.",
			[]string{"CVE-2026-7507"},
			[]string{"flows: fixation", "flows: nothing is done by GET", "flows: another browser"},
		},
		{
			"An account that somebody made for the address of another person is linked with theirs.",
			[]string{"CVE-2026-9087", "CVE-2026-44166", "CVE-2023-0105"},
			[]string{"account: linking an account that somebody registered before"},
		},
		{
			"A store for values of many kinds takes one kind for another.",
			[]string{"CVE-2026-4282"},
			[]string{"access: every handle opens its own door", "jose: every type, everywhere"},
		},
		{
			"A code or a refresh token is redeemed by another client.",
			[]string{"CVE-2026-28513", "CVE-2026-55672"},
			[]string{"codes: another client", "refresh: another client", "access: others' things at every route"},
		},
		{
			"A refresh token is used twice at one time, or again after a restart that forgot its use.",
			[]string{"CVE-2026-1035", "CVE-2026-50631", "CVE-2026-9802"},
			[]string{"refresh: many at once", "refresh: again after a restart", "refresh: again at another node", "codes: again after a restart"},
		},
		{
			"Another redirect URI than the registered one passes for it.",
			[]string{
				"CVE-2026-28512", "CVE-2023-6291", "CVE-2023-6927", "CVE-2024-1132", "CVE-2024-8883", "CVE-2022-3782", "CVE-2026-3872", "CVE-2024-52289", "CVE-2026-54072",
				"CVE-2020-15233", "CVE-2020-15234",
			},
			[]string{
				"redirect: case", "redirect: port", "redirect: @", "redirect: backslash", "redirect: encoding", "redirect: double encoding", "redirect: ..", "redirect: ..;",
				"redirect: IPv6 and localhost", "redirect: after a logout", "redirect: registration", "redirect: client metadata document",
			},
		},
		{
			"PKCE is left out, or taken out of a request on its way.",
			[]string{"CVE-2023-48228", "CVE-2024-23647", "CVE-2026-123542"},
			[]string{"codes: missing verifier", "codes: extra verifier", "trap-1 a challenge for everybody", "trap-9 a missing method is plain", "device: PKCE of the device"},
		},
		{
			"A link or a decision is made from what a request says about its host.",
			[]string{"CVE-2023-49097", "CVE-2025-48936", "CVE-2025-64101", "CVE-2024-47070", "CVE-2026-40575"},
			[]string{"proxy: Host, absolute form and forwarded headers", "access: every route of the administration", "account: links do not follow the Host"},
		},
		{
			"A text from outside becomes script on a page of the server.",
			[]string{"CVE-2026-29191", "GHSA-hr5w-cwwq-2v4m", "GO-2026-4861", "CVE-2023-6717", "CVE-2024-21637"},
			[]string{"output: markup is shown as text", "output: errors repeat no markup", "redirect: javascript and data", "redirect: dangerous schemes by their names"},
		},
		{
			"A cookie is made up, or one of another place is trusted.",
			[]string{"CVE-2026-119128", "CVE-2026-29067"},
			[]string{"flows: cookies that are made up", "flows: cookies of a sub-domain", "access: every handle opens its own door"},
		},
		{
			"A second browser takes over the decision of a first one.",
			[]string{"CVE-2022-39222"},
			[]string{"flows: another browser", "flows: every form is its own page's", "flows: another account while a page is shown"},
		},
		{
			"An assertion of a client is good more than once.",
			[]string{"CVE-2020-15222", "CVE-2020-5300"},
			[]string{"clients: an assertion is used once", "clients: an assertion again after a restart"},
		},
		{"A refresh token is enough without the client's own authentication.", []string{"CVE-2026-53512"}, []string{"clients: each in its own way, everywhere"}},
		{"A proof of possession is taken that has the private key in it.", []string{"CVE-2026-54431"}, []string{"dpop: a private key in the proof", "dpop: a symmetric algorithm"}},
	}
}

// failuresOfThings are those of accounts, of the administration, and of the server itself.
func failuresOfThings() []Failure {
	return []Failure{
		{
			"The server asks an inner address for somebody outside.",
			[]string{"CVE-2020-10770", "CVE-2026-1180", "CVE-2026-4874", "CVE-2026-108572"},
			[]string{
				"egress: jwks_uri", "egress: request_uri", "egress: sector_identifier_uri", "egress: logo", "egress: back-channel logout", "egress: private",
				"egress: metadata of a cloud", "egress: redirects", "egress: DNS rebinding, in the next answer", "egress: client metadata document", "egress: webhooks",
			},
		},
		{
			"An assertion is verified with what it brings itself, and a disabled provider or user is let in.",
			[]string{"CVE-2026-9090", "CVE-2026-9093", "CVE-2026-9096", "CVE-2026-9098", "CVE-2026-2603", "CVE-2026-1486", "CVE-2026-1609"},
			[]string{"jose: jku, x5u, jwk", "jose: edges of the clock", "access: disabled and deleted accounts and clients", "account: a disabled provider"},
		},
		{
			"A token crosses from one tenant to another, and an invitation is forged.",
			[]string{"CVE-2026-9094", "CVE-2026-1529"},
			[]string{
				"account: an invitation is used once", "access: others' things at every route", "jose: every type, everywhere",
				"access: exchange of tokens across tenants", "access: every route of another tenant",
			},
		},
		{
			"The mark of a page of a list has SQL in it, under a key that everybody knows.",
			[]string{"GHSA-r9w3-57w2-gch2", "CVE-2026-33505"},
			[]string{"output: SQL in search texts", "operation: no secrets by default"},
		},
		{
			"An interface gives a private key away.",
			[]string{"CVE-2026-90942"},
			[]string{"operation: no route answers with secrets", "operation: nothing usable in a copy of the database"},
		},
		{
			"A second factor is not asked for after one kind of sign-in, or is deleted in an old session.",
			[]string{"CVE-2026-73278", "GHSA-8g9r-9wjw-37j4"},
			[]string{"access: dangerous operations need a fresh sign-in", "account: factors after every primary method", "account: a reset of factors needs a fresh sign-in"},
		},
		{
			"Guesses at one time are more than the limit lets through.",
			[]string{"CVE-2024-4629", "CVE-2018-14657", "CVE-2023-47111"},
			[]string{"bounds: guesses at once", "account: one recovery code for many at once"},
		},
		{
			"Sessions without number, or one text, take the server's whole time or memory.",
			[]string{"CVE-2024-1249", "CVE-2023-6563", "CVE-2024-10270"},
			[]string{"bounds: sessions of an account", "bounds: length of a list", "bounds: size of a parameter", "bounds: hashing of passwords at once", "bounds: keys of a client"},
		},
		{
			"What was revoked counts in one corner, and a change undoes another one.",
			[]string{"CVE-2026-8922", "CVE-2026-107623", "CVE-2021-32701"},
			[]string{
				"codes: after an end", "refresh: after an end", "access: changes at once", "access: an own change keeps what an administrator set",
				"operation: keys that were withdrawn", "operation: a restored backup revives nothing",
			},
		},
		{
			"A request that can't be read is let through.",
			[]string{"CVE-2021-32637"},
			[]string{"access: every route of the administration", "proxy: ambiguous requests", "access: forward authentication of what can't be read"},
		},
	}
}
