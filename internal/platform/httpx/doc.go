// Package httpx is the HTTP foundation of all features: two muxes,
// one for browsers and one for programs, their middleware, the one
// mapping from an error to a status and its headers, forms, cookies, the
// client's address, the token of a request, cached documents, and the server with its TLS files.
//
// A route belongs to exactly one mux. Browser routes have cookies, protection
// against cross-origin requests and a strict content security policy; program
// routes have no cookies (the header is removed before the handler sees the
// request) and CORS where the browser needs it. Every request leaves one log
// line, which never holds a query string, a header or a body.
//
// RFC 6749 section 5.2 and RFC 6750 section 3 (errors), RFC 9110 (methods,
// status, conditional requests), RFC 7239 (Forwarded), RFC 9700 section 4
// (redirects with 303, framing, proxies).
//
// The package knows no feature and renders no page: the page for an error is a
// function in [Options].
package httpx
