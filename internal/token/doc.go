// Package token is the token endpoint (RFC 6749 section 3.2, OAuth 2.1 section
// 3.2) and everything that is known about issued tokens.
//
// The endpoint owns every step that grants share and reads like the
// specification; see [Endpoint]. A [Grant] proves one authorization and nothing
// more, so that none can forget to authenticate the client or to bind a token.
//
// Everything that is issued from one authorization is a family: its refresh
// tokens and access tokens end together. What a response promises is written by the
// [Recorder] before it is answered, and concurrent responses share statements and
// one commit.
//
// Refresh tokens of public clients rotate. The successor is derived from its
// predecessor with a sealed key, so it needs no storing to be given again:
//
//	live ──use──► rotated ──same token again, within the window──► the same successor
//	                 └──────same token again, later──────────────► the family dies
//
// A token counts only while everything above it is live: family, grant, session
// (unless offline), user and client. That is asked each time, never cached.
//
// The row of an access token is the event of its issue ([Events]). It refers to nothing, stays until
// the token has expired, and is in the audit log before it is deleted.
//
// RFC 6749 (tokens, refresh), RFC 7009 and RFC 7662 (what those endpoints need
// to know), RFC 8707 (resource indicators), RFC 9068 (JWT access tokens), RFC
// 9700 section 4.14 (refresh token replay). Not here: DPoP, mTLS, exchange.
package token
