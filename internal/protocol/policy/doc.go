// Package policy has the rules that turn facts into a decision: which password is
// good enough (NIST SP 800-63B-4 section 3.1.1), how names and e-mail addresses are written and
// compared (RFC 8265), when a refresh token or a session ends, and whether an attempt
// comes too soon after the others (the generic cell rate algorithm).
//
// Everything here is pure: the time, the person's own words and the numbers from
// the configuration come in as arguments, and nothing is remembered.
//
// What it does not do: hash a password, store a counter, or look into a list of
// breached passwords on the network.
package policy
