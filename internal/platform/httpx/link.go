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

// LinkLifetime is how long a browser that followed a link holds its secret. The link itself can be followed again.
const LinkLifetime = 30 * time.Minute

// secretLength is the length of what [secret.New] makes, in characters.
const secretLength = 43

// linkParameter is the query parameter of a page that says which link it belongs to.
const linkParameter = "link"

// Links keeps the secrets of one-time links out of the addresses of pages, and with that out of the
// browser's history, the Referer header and reports of the content security policy.
//
// A link is PATH/{secret}. Following it consumes nothing, as mail scanners and previews do that too: the
// answer puts the secret into a cookie and redirects to PATH, the page. A digest of the secret in that
// address tells pages of several links in one browser apart: a page whose cookie belongs to another link opens
// nothing. The form of the page carries the secret in its body.
//
// The cookie is Lax, not Strict, because links are followed from other sites, such as a mailbox.
type Links struct {
	cookies *Cookies
	cookie  string
	page    string
}

// NewLinks returns the links to the page at an absolute URL. The secret is kept in the cookie of the given name.
func NewLinks(cookies *Cookies, cookie, page string) *Links { return &Links{cookies, cookie, page} }

// Follow answers GET and HEAD for a link; its route has the variable {token}. What can't be a secret, such as a link
// with a full stop from the sentence around it, leads to the page without one.
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

// Token returns the secret of the link that the requested page belongs to. The answer is false if this browser
// doesn't hold it: then the link has to be opened again.
func (l *Links) Token(r *http.Request) (secret.Redacted, bool) {
	token, found := l.cookies.Get(r, l.cookie)
	if !found || r.URL.Query().Get(linkParameter) != linkID(token) {
		return secret.Redacted{}, false
	}
	return token, true
}

// Forget makes the browser forget the secret of a link that was used. It leaves another link's.
func (l *Links) Forget(w http.ResponseWriter, r *http.Request, token secret.Redacted) {
	if held, found := l.cookies.Get(r, l.cookie); found && held.Equal(token) {
		l.cookies.Clear(w, l.cookie)
	}
}

// linkID returns what tells links apart without telling anything of their secrets. It is not the digest under
// which a secret is stored.
func linkID(token secret.Redacted) string {
	digest := sha256.Sum256([]byte("authly link\x00" + token.Reveal()))
	return base64.RawURLEncoding.EncodeToString(digest[:6])
}

// isSecret reports whether a text can be what [secret.New] made: 256 bits in base64url (RFC 4648 section 5).
func isSecret(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(text) == secretLength && strings.Trim(text, letters) == ""
}
