package httpx

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authly/internal/platform/secret"
)

// LinkLifetime is how long a browser that followed a link keeps its secret. The link itself can be followed again.
const LinkLifetime = 30 * time.Minute

// secretLength is the length of a [secret.New], in characters.
const secretLength = 43

// linkParameter is the query parameter that identifies the link of a page.
const linkParameter = "link"

// Links keeps the secrets of one-time links out of the addresses of pages, and with that out of the
// browser's history, the Referer header and reports of the content security policy.
//
// A link is PATH/{secret}. Following it consumes nothing, as mail scanners and previews follow links too: the
// answer puts the secret into a cookie and redirects to PATH, the page. A digest of the secret in that
// address distinguishes pages of several links in one browser: a page whose cookie belongs to another link opens
// nothing. The form of the page carries the secret in its body.
//
// The cookie is Lax, not Strict, because links are followed from other sites, such as a mailbox.
type Links struct {
	cookies *Cookies
	cookie  string
	page    string
}

// NewLinks returns the links to the page at an absolute URL. The secret is kept in the named cookie.
func NewLinks(cookies *Cookies, cookie, page string) *Links { return &Links{cookies, cookie, page} }

// Follow answers GET and HEAD for a link; its route has the variable {token}. A text that can't be a secret, such as a
// link with the full stop of its sentence, redirects to the page without a secret.
func (l *Links) Follow(w http.ResponseWriter, r *http.Request) {
	text := r.PathValue("token")
	if !isSecret(text) {
		SeeOther(w, r, l.page)
		return
	}
	token := secret.FromString(text)
	l.cookies.Set(w, l.cookie, token, LinkLifetime)
	SeeOther(w, r, l.page+"?"+url.Values{linkParameter: {linkID(token)}}.Encode())
}

// Token returns the secret of the link of the requested page. It returns false if this browser
// doesn't hold it: then the link has to be opened again.
func (l *Links) Token(r *http.Request) (secret.Redacted, bool) {
	token, ok := l.cookies.Get(r, l.cookie)
	if !ok || r.URL.Query().Get(linkParameter) != linkID(token) {
		return secret.Redacted{}, false
	}
	return token, true
}

// Forget makes the browser forget the secret of a used link, but not that of another link.
func (l *Links) Forget(w http.ResponseWriter, r *http.Request, token secret.Redacted) {
	if held, ok := l.cookies.Get(r, l.cookie); ok && held.Equal(token) {
		l.cookies.Clear(w, l.cookie)
	}
}

// linkID returns an identifier of a link that reveals nothing about its secret. It is not the digest under
// which a secret is stored.
func linkID(token secret.Redacted) string {
	digest := sha256.Sum256([]byte("authly link\x00" + token.Reveal()))
	return base64.RawURLEncoding.EncodeToString(digest[:6])
}

// isSecret reports whether a text has the form of a [secret.New]: 256 bits in base64url (RFC 4648 section 5).
func isSecret(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(text) == secretLength && strings.Trim(text, letters) == ""
}
