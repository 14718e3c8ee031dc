// Package playground is a page for development: a real relying party of this
// server that runs in the browser. It signs a user in with the authorization
// code flow and PKCE (OAuth 2.1 section 4.1, OpenID Connect Core 1.0 section 3.1), verifies
// the ID token with the published keys (section 3.1.3.7), requests UserInfo,
// refreshes and revokes, and shows each request, each answer and each check.
//
// The page is a public client like any other: it knows the issuer, its client
// identifier and its redirect URI, discovers the rest, and has no access
// that another client would not have. Tokens stay in the page's memory. The state that must
// survive the redirect to the sign-in page and back (code verifier, state, nonce) is in the
// tab's session storage and removed as soon as it is read.
//
// Elements have stable ids: the steps are #step-discovery, #step-request,
// #step-response, #step-token, #step-id-token, #step-userinfo and, when their buttons
// were pressed, #step-userinfo-2, #step-refresh-1, #step-revocation-1 and so on, each
// with data-state "running", "done" or "failed"; the whole page has data-flow "idle",
// "leaving", "running", "signed-in" or "failed" on #playground.
//
// What it does not do: run outside of development, act as a confidential client,
// or introspect tokens, which requires a client secret.
package playground
