// Package discovery tells clients what this server is and can do: its metadata
// (RFC 8414, OpenID Connect Discovery 1.0) and its JWK Set (RFC 7517 section 5).
//
// There is one metadata document, the same under every address at which a client
// may look for it: both names, and for an issuer with a path each of them before and
// after that path (RFC 8414 sections 3.1 and 5). It is made from what is mounted, so
// that it promises nothing else. What may change while the server runs, which are
// the scopes of the catalogue, is asked at each request, and the document is made anew
// when the answer has changed; otherwise it comes from memory. All algorithms that a
// client can register for are listed, whether or not there is a key yet: it is made when
// the first client wants it.
//
// Both documents are for everybody: any origin may read them, caches may keep
// them for a while, and nothing in them depends on the request.
//
// What it does not do: decide what is supported, sign the metadata, or serve
// WebFinger.
package discovery
