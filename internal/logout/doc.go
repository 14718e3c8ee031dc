// Package logout ends sessions because somebody asks for it: the person on the page
// /logout, or a client at the end session endpoint /oidc/logout (OpenID Connect
// RP-Initiated Logout 1.0).
//
//	request ──▶ nobody is signed in ─────────────────────────────▶ back to the client, or signed out
//	        ──▶ ID token of this very session ──▶ session ended ──▶ back to the client, or signed out
//	        ──▶ anything else ──▶ the person is asked ──▶ the same, or nothing happens
//
// [Service.Read] holds the rules for a request, and Service.next decides what
// follows. A browser is sent to a client only when the client is known, by a valid
// ID token as id_token_hint or because the person who was asked agreed, and when the
// address is registered for it. Hints may have expired and may be signed with a key that has been
// retired since; they say which session is meant and prove nothing else. Whatever is
// wrong with a request ends on a page of ours, and nobody is signed out by it. A
// request without the ID token of the browser's own session is what any site can make
// a browser send, so that the person decides.
//
// A request that is posted from another site comes without the browser's cookies: it is
// stored under an unguessable handle, for a short time, and goes on as a GET. The
// question carries its request in the same way. The handle is nobody's proof:
// whoever has it can ask for what the request itself could have asked for.
//
// Whoever ends a session, and for whatever reason, the clients that took part in it are
// told with a logout token (OpenID Connect Back-Channel Logout 1.0), if they want to be:
//
//	code issued ──▶ takes part ──▶ session ended ──▶ pending ──▶ delivered
//	                                                  │  ▲  └──▶ refused (400), undeliverable
//	                                                  └──┘ at most 5 attempts in about an hour, then given up
//
// [Outbox] writes this down in the transactions that issue codes and end sessions;
// [Deliverer] makes the attempts, in which package delivery has it make them. Each has a token of its
// own. A client may be told twice, and never not at all.
//
// A browser in which a session is ended at one of the two addresses above also tells
// the session's clients itself (OpenID Connect Front-Channel Logout 1.0): the answer is a page that
// loads the registered address of each in a hidden frame, with iss and sid, and then goes on. Its
// policy allows the origins of these addresses and no others. [Service.Frames] bounds how many
// there are. A client that is told so is told with the cookies that its own pages get in a frame of another
// site, which many browsers withhold: the back channel is the way that doesn't depend on them.
//
// Not here: sessions that expire, which ends nothing that a client has, and of which
// no client is told.
package logout
