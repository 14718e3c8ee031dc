// Package secret generates, hides, hashes and seals secrets: random handles, their
// digests at rest, passwords under argon2id in a pool bounded by memory, and
// values sealed with AES-256-GCM to the row that they belong to.
//
// A secret travels as a [Redacted], which no formatting verb, logger or encoder
// can print; [Redacted.Reveal] is the one way to its value and easy to search for.
package secret
