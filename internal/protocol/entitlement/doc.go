// Package entitlement judges what of an authorization counts now. Scopes, resources and claims go through one function,
// so that nothing that was taken from a client is still given because one kind of thing was forgotten at one place.
//
// An authorization never grows: what a client is given later is not added to what was authorized before.
//
// Not here: who knows what a client may have at the moment (package token), and whether the authorization itself has
// ended, which is asked of the views of the schema.
package entitlement
