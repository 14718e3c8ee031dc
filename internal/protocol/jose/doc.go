// Package jose signs and verifies JSON Web Tokens (RFC 7515, RFC 7519) the way
// RFC 8725 advises: four asymmetric algorithms, each key bound to exactly one, the
// key always chosen from a list that the caller trusts, and an explicit type.
// It also turns keys into JWKs (RFC 7517), names them by their thumbprint (RFC 7638)
// and into PKCS #8 and back.
//
// What others sign is verified with the keys of their own JWK Set, a [KeySet], which
// honours what each key is for; to such a key it also encrypts (RFC 7516): RSA-OAEP, which counts as weak, RSA-OAEP-256 and
// ECDH-ES, with AES in GCM or CBC with HMAC.
//
// The cryptography and the formats are go-jose's; its types stay in here.
//
// What it does not do: decryption, symmetric keys, RSA1_5, compression, "none", the JSON
// serialisation, unprotected headers, keys from a token's own header, or any check of
// a claim. Whoever verifies a token checks its issuer, audience and times.
package jose
