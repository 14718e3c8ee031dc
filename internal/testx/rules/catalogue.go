package rules

// The packages whose tests hold rules, by their paths below the module.
const (
	Server    = "test/http"
	Egress    = "internal/platform/egress"
	Redirects = "internal/protocol/oauth"
	Keys      = "internal/protocol/jose"
	Settings  = "internal/config"
	SignIn    = "internal/login"
	Secrets   = "internal/platform/secret"
	Names     = "internal/protocol/policy"
	Schema    = "internal/platform/db"
	Source    = "internal/archtest"
)

// Catalogue returns the rules against known attacks and usual mistakes, by the package whose
// tests hold them. Each package in it calls [For] with its path and [Ledger.Run] in TestMain;
// a test of this package holds that.
func Catalogue() map[string][]string {
	return map[string][]string{
		Egress: {
			"egress: private", "egress: link-local", "egress: metadata of a cloud", "egress: IPv4 in IPv6", "egress: unusual spellings",
			"egress: DNS rebinding, in one answer", "egress: DNS rebinding, in the next answer", "egress: no proxy of the environment",
			"egress: redirects", "egress: silence", "egress: slow loris", "egress: ten gigabytes", "egress: endless answer", "egress: gzip bomb", "egress: huge headers",
		},
		Redirects: {
			"redirect: double encoding", "redirect: custom schemes", "redirect: dangerous schemes by their names",
		},
		Keys: {
			"jose: ECDH, invalid curve", "jose: kid is never a path",
		},
		Settings: {
			"trap-4 an issuer without a slash at its end",
		},
		SignIn: {
			"account: refusals are alike", "account: refusals take the same work", "bounds: guesses at once",
		},
		Secrets: {
			"bounds: hashing of passwords at once",
		},
		Names: {
			"account: names of mixed scripts",
		},
		Schema: {
			"operation: an older program refuses a newer schema", "operation: a step with another text is refused",
		},
		Source: {
			"operation: secrets are compared in constant time",
		},
		Server: server(),
	}
}

func server() []string {
	return []string{
		"redirect: case", "redirect: port", "redirect: trailing slash", "redirect: @", "redirect: backslash", "redirect: tab", "redirect: CR",
		"redirect: encoding", "redirect: ..", "redirect: ..;", "redirect: fragment", "redirect: IPv6 and localhost", "redirect: punycode",
		"redirect: javascript and data", "redirect: twice", "redirect: after a logout", "redirect: after a logout, twice", "redirect: registration",
		"redirect: in a request object", "redirect: no error before validation",

		"jose: none", "jose: HS and RS", "jose: kid", "jose: jku, x5u, jwk", "jose: typ", "jose: every type, everywhere", "jose: aud in lists", "jose: crit",
		"jose: members twice", "jose: huge p2c", "jose: zip", "jose: iss missing", "jose: exp missing", "jose: edges of the clock", "jose: aud is the issuer only",

		"egress: jwks_uri", "egress: request_uri", "egress: sector_identifier_uri", "egress: logo", "egress: back-channel logout", "egress: bounded by who asks",

		"metadata: names and types", "metadata: algorithms", "metadata: encryption", "metadata: claims", "metadata: requests", "metadata: what is off",
		"metadata: endpoints, methods", "metadata: unadvertised modes", "metadata: unadvertised types", "metadata: unadvertised grants", "metadata: unadvertised methods",

		"codes: replay", "codes: another client", "codes: expired", "codes: another redirect URI", "codes: missing verifier", "codes: extra verifier", "codes: many at once",
		"codes: after an end", "codes: again after a restart", "codes: again at another node",
		"refresh: wider scope", "refresh: another client", "refresh: again within the window", "refresh: many at once",
		"refresh: another resource", "refresh: after an end", "refresh: again after a restart", "refresh: again at another node",
		"clients: an assertion again after a restart",
		"flows: posted from another site", "flows: tabs mixed", "flows: another browser", "flows: step skipped", "flows: fixation",
		"flows: every form is its own page's", "flows: nothing is done by GET", "flows: cookies of a sub-domain", "flows: cookies that are made up",
		"flows: another account while a page is shown", "flows: a new sign-in is not left out",
		"account: an invitation is used once", "account: secrets of links stay in no address",
		"access: mass assignment", "access: every route of the administration", "access: changes at once",
		"access: others' things by their ids", "access: others' things at every route",
		"access: every handle opens its own door", "clients: each in its own way, everywhere",
		"access: disabled and deleted accounts and clients", "access: an own change keeps what an administrator set",
		"access: dangerous operations need a fresh sign-in", "clients: an assertion is used once",

		"output: markup is shown as text", "output: errors repeat no markup", "output: line breaks begin no header", "output: lines of the log are not forged",
		"output: SQL in search texts",
		"bounds: number of parameters", "bounds: size of a parameter", "bounds: size of a body", "bounds: length of scope", "bounds: number of resources",
		"bounds: size of a token", "bounds: depth of claims", "bounds: size of a request",
		"bounds: keys of a client", "bounds: sessions of an account", "bounds: length of a list", "bounds: a flood of registrations",
		"operation: keys that clients remember", "operation: keys that were withdrawn", "operation: no route answers with secrets",
		"operation: no secrets by default", "operation: tokens of another server", "operation: secrets in no line of the log",
		"operation: nothing usable in a copy of the database", "operation: a restored backup revives nothing",
		"proxy: ambiguous requests", "proxy: Host, absolute form and forwarded headers",

		"trap-1 a challenge for everybody", "trap-2 no implicit grant", "trap-3 RS256 always", "trap-5 an issuer with a path", "trap-6 aud of assertions",
		"trap-8 a code with a wrong verifier ends nothing", "trap-9 a missing method is plain", "trap-10 request_uri is not passed over",
		"trap-11 a request that another site posts", "trap-12 claims of scopes in UserInfo alone", "trap-13 time of authentication",
		"trap-14 an expired hint", "trap-15 iss with an error", "trap-17 resource", "trap-18 unknown members", "trap-20 reuse after the window",
	}
}
