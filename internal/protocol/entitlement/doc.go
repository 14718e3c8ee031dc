// Package entitlement decides which part of an authorization counts now. Scopes, resources and claims go through one
// function, so that a withdrawn permission can't survive because one of them was forgotten in one place.
//
// An authorization never grows: what a client gets later is not added to what was authorized before.
//
// Not here: what a client may have at the moment (package token), and whether the authorization itself has
// ended, which the views of the schema decide.
package entitlement
