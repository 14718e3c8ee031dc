// Package grants has the grants of the token endpoint, one file each: the
// authorization code (RFC 6749 section 4.1.3 with PKCE, RFC 7636), the refresh token
// (RFC 6749 section 6) and the client's own credentials (RFC 6749 section 4.4).
//
// Each proves one authorization and nothing more; see [authly/internal/token.Grant].
package grants
