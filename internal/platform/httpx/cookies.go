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

// maxCookieValue bounds the cookie values that are read, in bytes. Ours
// are far shorter.
const maxCookieValue = 1024

// hostPrefix makes a browser accept a cookie only over TLS, for this host alone
// and for all of its paths, so that a sub-domain can't plant one.
const hostPrefix = "__Host-"

// nameDigits is how many hexadecimal digits of a digest distinguish the cookies of two issuers on one host.
const nameDigits = 8

// CookieOptions says where the cookies live.
type CookieOptions struct {
	Issuer string // an https issuer gets Secure cookies with the prefix __Host-
}

// Cookies sets, reads and clears the cookies of browser routes. Names are given
// without the prefix.
//
// All cookies belong to the whole host, as __Host- requires. So that issuers that
// differ only by their path don't read each other's cookies, names begin with a digest of the
// path, unless there is none.
type Cookies struct {
	secure bool
	prefix string // added to the given names
}

// NewCookies returns cookies for the issuer in options.
func NewCookies(options CookieOptions) *Cookies {
	c := &Cookies{secure: isHTTPS(options.Issuer)}
	if c.secure {
		c.prefix = hostPrefix
	}
	if path := Path(options.Issuer); path != "" {
		digest := sha256.Sum256([]byte(path))
		c.prefix += hex.EncodeToString(digest[:])[:nameDigits] + "_"
	}
	return c
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

// SetForScripts is Set for a cookie that scripts can read, and that is sent from frames
// on pages of other sites, if there is TLS and the browser allows it. It is for values that prove nothing.
func (c *Cookies) SetForScripts(w http.ResponseWriter, name string, value secret.Redacted, maxAge time.Duration) {
	seconds := int((maxAge + time.Second - 1) / time.Second)
	cookie := c.cookie(name, value.Reveal(), max(seconds, 0)) //nolint:gosec // must not be HttpOnly
	cookie.HttpOnly = false
	if c.secure { // browsers accept SameSite=None only with Secure
		cookie.SameSite = http.SameSiteNoneMode
	}
	http.SetCookie(w, cookie)
}

// Get returns the value of a cookie. A cookie that is sent twice counts as absent:
// one of the two was planted, and nothing says which.
func (c *Cookies) Get(r *http.Request, name string) (secret.Redacted, bool) {
	cookies := r.CookiesNamed(c.FullName(name))
	if len(cookies) != 1 || cookies[0].Value == "" || len(cookies[0].Value) > maxCookieValue {
		return secret.Redacted{}, false
	}
	return secret.FromString(cookies[0].Value), true
}

// Clear makes the browser forget a cookie.
func (c *Cookies) Clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, c.cookie(name, "", -1))
}

// Names returns the names of the request's cookies that begin with prefix,
// sorted and without duplicates.
func (c *Cookies) Names(r *http.Request, prefix string) []string {
	var names []string
	for _, cookie := range r.Cookies() {
		name, ok := strings.CutPrefix(cookie.Name, c.prefix)
		if ok && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
