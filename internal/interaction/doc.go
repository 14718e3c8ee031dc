// Package interaction keeps the state of one sign-in: which authorization
// request is being answered and which steps are done. It is a record on the
// server, bound to its browser by a cookie of its own, so that
// several tabs, the back button and an authorization request posted from
// another site all work, and another browser can't continue it.
//
//	begin ──► sign in ──► choose the account ──► consent ──► respond
//	  │          ▲           (when asked to)        │           ▲
//	  │          └───────── re-authentication ──────┘           │
//	  └──────────────── signed in and allowed ──────────────────┘
//
// [Next] decides the next step from facts alone; pages never do.
// Every step returns to the authorization endpoint, which calls it again. A step's form carries a
// token derived from the interaction's cookie (HMAC-SHA256), so that another
// site can't post it and a form of one tab doesn't fit another.
//
// OpenID Connect Core 1.0 section 3.1.2, RFC 6749 section 10.12, RFC 9700
// section 4.11. Not here: validation of the request and the response (package authorize), the pages.
package interaction
