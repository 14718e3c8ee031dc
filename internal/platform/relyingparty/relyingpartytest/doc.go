// Package relyingpartytest has an OpenID provider for tests, which says and signs what a test wants.
package relyingpartytest
