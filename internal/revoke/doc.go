// Package revoke is the revocation endpoint (RFC 7009). Revoking any token of a
// family, an access token too, ends the family: whoever gives one back
// is done with the authorization. A client without a user has no family; there the
// one access token ends.
//
// The answer is 200 for every well-formed request: a token that is unknown,
// expired or another client's is none of the caller's business, and another client's is left alone.
package revoke
