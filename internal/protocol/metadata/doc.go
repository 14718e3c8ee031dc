// Package metadata builds the discovery document for clients: the
// authorization server metadata of RFC 8414 and the provider metadata of OpenID
// Connect Discovery 1.0, which are one document here. It also has the rules for an issuer.
//
// A document contains only what its [Capabilities] say, so a server fills
// them in from the parts that it has mounted. A member whose absence would have
// a default meaning is always written (RFC 8414 section 2).
//
// What it does not do: serve the document, or sign it.
package metadata
