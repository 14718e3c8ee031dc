// Package policy has the rules that turn facts into a decision: which password is
// strong enough (NIST SP 800-63B-4 section 3.1.1), how names and e-mail addresses are written and
// compared (RFC 8265), when a refresh token or a session ends, and whether an attempt
// comes too soon after the others (the generic cell rate algorithm).
//
// Everything here is pure: the time, the user's own words and the numbers from
// the configuration are arguments, and there is no state.
//
// What it does not do: hash a password, store a counter, or query a list of
// breached passwords on the network.
package policy
