// Package conformance is a kit that checks an OpenID provider from the outside: any
// one, by its issuer. It knows nothing of Authly's inside, verifies signatures with
// another library's types, and fills in sign-in pages as a browser without JavaScript does.
//
// A [Check] is named by a specification and a section. Its outcome is passed, failed, warning (what a
// specification only recommends) or skipped, which always has a reason: what discovery does
// not advertise, or what the configuration gives no client for, is skipped and never passed.
//
// The kit is ours. Passing it is no certification, and its reports say so.
package conformance

//go:generate env TEST_ENGINES=sqlite go test -run ^TestKit$ -update .
