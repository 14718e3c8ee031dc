// Package metadata writes the document by which clients find their way: the
// authorization server metadata of RFC 8414 and the provider metadata of OpenID
// Connect Discovery 1.0, which are one text here, and has the rules for an issuer.
//
// A document says what a [Capabilities] says and nothing else, so a server fills
// one in from the parts that it has mounted. Where a missing member would mean
// something by default, it is always written out (RFC 8414 section 2).
//
// What it does not do: serve the document, or sign it.
package metadata
