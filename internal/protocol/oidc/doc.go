// Package oidc has the vocabulary of OpenID Connect Core 1.0 beyond that of OAuth:
// the content of an ID token (section 2), the claims of a scope (section 5.4), and the
// prompt and max_age parameters (section 3.1.2.1).
//
// Everything here is pure: times and records are arguments.
//
// What it does not do: sign (package jose), decide the next step of a sign-in,
// or serve an endpoint.
package oidc
