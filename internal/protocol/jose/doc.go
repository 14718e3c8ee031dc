// Package jose signs and verifies JSON Web Tokens (RFC 7515, RFC 7519) as
// RFC 8725 advises: four asymmetric algorithms, each key bound to exactly one, the
// key always chosen from a list that the caller trusts, and an explicit type.
// It also converts keys to JWKs (RFC 7517), identifies them by their thumbprint (RFC 7638),
// and encodes them as PKCS #8.
//
// Tokens of others are verified with the keys of their JWK Set, a [KeySet], which
// respects the use of each key. It also encrypts to such a key (RFC 7516): RSA-OAEP, which counts as weak,
// RSA-OAEP-256 and ECDH-ES, with AES in GCM or CBC with HMAC.
//
// The cryptography and the formats are go-jose's; its types are not exported from here.
//
// What it does not do: decryption, symmetric keys, RSA1_5, compression, "none", the JSON
// serialisation, unprotected headers, keys from a token's own header, or any check of
// a claim. The caller checks issuer, audience and times.
package jose
