// Package signin signs a person in from a terminal: with an authorization code through the person's
// browser and a listener on this machine (RFC 8252). The protocol is in package relyingparty.
//
// Not here: where tokens are kept and when they are renewed (package account).
package signin
