package archtest

// An exception is a violation that has been looked at and stays.
type exception struct {
	rule    string
	subject string // what a report ends with
	reason  string
}

// exceptions are all of them. One that no longer matches anything fails the test.
var exceptions = []exception{
	{
		"stored-context", "test/conformance/probe.go",
		"a probe lives for one check, and a check reads better when its questions don't carry a context each",
	},
	{
		"ring-direction", "cmd/authly test/conformance",
		"the kit is a program of its own that knows this server from the outside only; the command runs it",
	},
	{
		"presented-token", "internal/clientauth/clientauth_http.go",
		"reads the credentials of a client, which are of the Basic scheme",
	},
	{
		"package-variable", "internal/platform/db/dbtest.template",
		"one template database for all tests of a process, made under its own lock",
	},
	{
		"package-variable", "internal/platform/db/dbtest.migrated",
		"the same on SQLite: the file's bytes",
	},
	{
		"package-variable", "internal/testx/testkeys.shared",
		"RSA keys that all tests of a process use, because making one takes long",
	},
	{
		"package-variable", "internal/admin.inTheseLetters",
		"a switch of a library that is one for the whole process, thrown once before anything is served",
	},
	{
		"package-variable", "internal/platform/secret.phcEncoding",
		"base64's Strict returns a copy that nothing can change",
	},
	{
		"protocol-purity", "internal/protocol/jose crypto/rand",
		"signing needs randomness that nobody may choose, and no result that a test could compare depends on it",
	},
	{
		"protocol-purity", "internal/protocol/policy github.com/ccojocar/zxcvbn-go",
		"estimates the strength of a password from embedded word lists; computes and nothing else",
	},
	{
		"protocol-purity", "internal/protocol/policy github.com/ccojocar/zxcvbn-go/matching",
		"the types of the package above",
	},
}
