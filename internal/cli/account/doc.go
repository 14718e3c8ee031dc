// Package account keeps with which servers somebody works from this machine: one [Profile] for
// each, in a file of the person's own, and its tokens in the keyring of the operating system or in a
// file that nobody else can read. A [Session] gives the access token of a profile and renews it.
//
// A refresh token counts once: whoever uses one that was used before ends everything that came from
// it, because it may have been stolen. So those who renew the same profile's token at once take turns
// behind a lock, and whoever comes later takes what the first one got.
//
// Not here: the requests of OAuth (package signin), the requests with the tokens (package remote).
package account
