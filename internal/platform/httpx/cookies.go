package httpx

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"authly/internal/platform/secret"
)

// maxCookieValue bounds the cookie values that are looked at, in bytes. Ours
// are far shorter.
const maxCookieValue = 1024

// hostPrefix makes a browser accept a cookie only over TLS, for this host alone
// and for the whole of it, so that a sub-domain can't plant one.
const hostPrefix = "__Host-"

// nameDigits is how many letters of a digest tell the cookies of two issuers on one host apart.
const nameDigits = 8

// CookieOptions says where the cookies live.
type CookieOptions struct {
	Issuer string // an https issuer gets Secure cookies with the prefix __Host-
}

// Cookies sets, reads and clears the cookies of browser routes. Names are given
// without the prefix.
//
// All cookies are those of the whole host, as __Host- asks for. So that issuers that
// differ by their path alone don't take each other's, names begin with a digest of the path,
// unless there is none.
type Cookies struct {
	secure bool
	prefix string // before the names that are given
}

// NewCookies returns cookies for the issuer in options.
func NewCookies(options CookieOptions) *Cookies {
	made := &Cookies{secure: isHTTPS(options.Issuer)}
	if made.secure {
		made.prefix = hostPrefix
	}
	if path := Path(options.Issuer); path != "" {
		digest := sha256.Sum256([]byte(path))
		made.prefix += hex.EncodeToString(digest[:])[:nameDigits] + "_"
	}
	return made
}

// FullName returns the name of a cookie as it is sent.
func (c *Cookies) FullName(name string) string { return c.prefix + name }

func (c *Cookies) cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // not Secure only where there is no TLS: on loopback
		Name: c.FullName(name), Value: value, MaxAge: maxAge,
		Path: "/", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	}
}

// Set gives the browser a cookie for maxAge, rounded up to whole seconds; 0 is
// until the browser closes. The value must be URL-safe text, as [secret.New] makes.
func (c *Cookies) Set(w http.ResponseWriter, name string, value secret.Redacted, maxAge time.Duration) {
	seconds := int((maxAge + time.Second - 1) / time.Second)
	http.SetCookie(w, c.cookie(name, value.Reveal(), max(seconds, 0)))
}

// SetForScripts is Set for a cookie that scripts can read, and that counts in frames
// on pages of other sites too, if there is TLS and the browser lets it. It is for values that prove nothing.
func (c *Cookies) SetForScripts(w http.ResponseWriter, name string, value secret.Redacted, maxAge time.Duration) {
	seconds := int((maxAge + time.Second - 1) / time.Second)
	made := c.cookie(name, value.Reveal(), max(seconds, 0)) //nolint:gosec // HttpOnly is what it can't be
	made.HttpOnly = false
	if c.secure { // browsers take SameSite=None with Secure only
		made.SameSite = http.SameSiteNoneMode
	}
	http.SetCookie(w, made)
}

// Get returns the value of a cookie. A cookie that comes twice counts as absent:
// one of the two was planted, and there is no telling which.
func (c *Cookies) Get(r *http.Request, name string) (secret.Redacted, bool) {
	found := r.CookiesNamed(c.FullName(name))
	if len(found) != 1 || found[0].Value == "" || len(found[0].Value) > maxCookieValue {
		return secret.Redacted{}, false
	}
	return secret.FromString(found[0].Value), true
}

// Clear makes the browser forget a cookie.
func (c *Cookies) Clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, c.cookie(name, "", -1))
}

// Names returns the names of the cookies in the request that begin with prefix,
// sorted and each once.
func (c *Cookies) Names(r *http.Request, prefix string) []string {
	var names []string
	for _, cookie := range r.Cookies() {
		name, found := strings.CutPrefix(cookie.Name, c.prefix)
		if found && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
