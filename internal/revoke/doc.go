// Package revoke is the revocation endpoint (RFC 7009). Revoking any token of a
// family, including an access token, ends the family: a client that gives one back
// no longer needs the authorization. A client without a user has no family; then only the
// access token ends.
//
// The answer is 200 for every well-formed request, so that the caller learns nothing about tokens that are unknown,
// expired or another client's; another client's token is left alone.
package revoke
