// Package oidc has the words of OpenID Connect Core 1.0 beyond those of OAuth:
// what an ID token says (section 2), which claims a scope stands for (section 5.4), and the
// prompt and max_age parameters (section 3.1.2.1).
//
// Everything here is pure: times and records come in as arguments.
//
// What it does not do: sign (package jose), decide which step of a sign-in comes
// next, or answer at an endpoint.
package oidc
