// Package discovery publishes the server's metadata
// (RFC 8414, OpenID Connect Discovery 1.0) and its JWK Set (RFC 7517 section 5).
//
// There is one metadata document, the same at every address at which a client
// may look for it: both names, and for an issuer with a path each of them before and
// after that path (RFC 8414 sections 3.1 and 5). It is built from the mounted parts, so
// that it promises nothing else. The scopes of the catalogue can change while the server runs:
// they are read at each request, and the document is rebuilt
// if they have changed; otherwise it comes from memory. It lists all algorithms that a
// client can register for, whether or not there is a key yet: the key is created when
// the first client needs it.
//
// Both documents are public: any origin may read them, caches may keep
// them for a while, and nothing in them depends on the request.
//
// What it does not do: decide what is supported, sign the metadata, or serve
// WebFinger.
package discovery
