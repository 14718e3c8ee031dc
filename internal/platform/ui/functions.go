package ui

import (
	"errors"
	"fmt"
	"html"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"authly/internal/protocol/oauth"
)

func (r *Renderer) functions() template.FuncMap {
	return template.FuncMap{
		"text":     r.messages.text,
		"sentence": r.messages.sentence,
		"long":     long,
		"asset":    r.AssetURL,
		"own":      r.ownURL,
		"external": externalURL,
		"target":   targetURL,
		"script":   func() template.JS { return FormPostScript },
		"onward":   func() template.JS { return SignedOutScript },
		"refresh":  refresh,
		"framed":   framedURL,
		"plain":    plain,
		"host":     host,
		"initial":  initial,
		"wait":     r.wait,
	}
}

// ownURL prefixes a path of ours with the issuer's path. A text that a
// browser could read as another place is a defect and fails the page.
func (r *Renderer) ownURL(below string) (string, error) {
	parsed, err := url.Parse(below)
	if err != nil || !strings.HasPrefix(below, "/") || strings.HasPrefix(below, "//") ||
		strings.ContainsAny(below, "\\\t\r\n") || parsed.Host != "" || parsed.Scheme != "" {
		return "", fmt.Errorf("an address of ours is not a path: %.40q", below)
	}
	return r.prefix + below, nil
}

// externalURL returns a link that a client registered, if a page
// may show it, otherwise "". The template leaves out what is empty.
func externalURL(link string) string {
	parsed, err := url.Parse(link)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" ||
		parsed.Hostname() == "" || parsed.User != nil || strings.ContainsFunc(link, isUnshowable) {
		return ""
	}
	return parsed.String()
}

// targetURL lets a form post to a client's redirect URI, which may have a private-use
// scheme. The URI was registered and compared by every character, and the page's policy allows no
// other target; schemes that run code are refused here all the same.
func targetURL(redirectURI string) (template.URL, error) {
	parsed, err := url.Parse(redirectURI)
	if err != nil || parsed.Scheme == "" || strings.ContainsFunc(redirectURI, isUnshowable) {
		return "", errors.New("a redirect URI that no form may end at")
	}
	switch strings.ToLower(parsed.Scheme) {
	case "javascript", "data", "vbscript", "blob", "file", "about":
		return "", errors.New("a redirect URI that no form may end at")
	}
	return template.URL(redirectURI), nil //nolint:gosec // see above
}

// refreshAfter is how many seconds a page waits before it continues; browsers
// count from when the page and its frames have loaded.
const refreshAfter = 3

// refresh returns the attributes of a meta element that continues to a client's address
// (WHATWG HTML section 4.2.5.3). The address is inside a text, which the template's own rules
// for addresses don't cover.
func refresh(redirectURI string) (template.HTMLAttr, error) {
	target, err := targetURL(redirectURI)
	if err != nil {
		return "", err
	}
	content := strconv.Itoa(refreshAfter) + ";url=" + string(target)
	return template.HTMLAttr(`http-equiv="refresh" content="` + html.EscapeString(content) + `"`), nil //nolint:gosec // escaped
}

// framedURL returns the address of a frame, which must be http or https.
func framedURL(address string) (template.URL, error) {
	if externalURL(address) == "" {
		return "", errors.New("an address that no frame may have")
	}
	return template.URL(address), nil //nolint:gosec // see above
}

// maxShown bounds, in characters, what a page shows of a foreign text.
const maxShown = 120

// plain makes a foreign text fit to be shown inside our sentences: without
// characters that could reorder or hide the text around it, on one line
// and shortened.
func plain(text string) string { return shorten(text, maxShown) }

// shownStart and shownEnd are how many characters are shown of each end of a host that is longer than maxShown.
const shownStart, shownEnd = 40, maxShown - shownStart - 1

// host is plain for a host name. Its end says who owns it, so a long name is shortened in the middle.
func host(name string) string {
	whole := []rune(shorten(name, len(name)))
	if len(whole) <= maxShown {
		return string(whole)
	}
	return string(whole[:shownStart]) + "…" + string(whole[len(whole)-shownEnd:])
}

// long is plain for a description, which may be as long as a
// refusal allows.
func long(text string) string { return shorten(text, oauth.MaxDescriptionBytes) }

func shorten(text string, most int) string {
	var b strings.Builder
	count := 0
	for _, c := range strings.ToValidUTF8(text, "") {
		if count == most {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsSpace(c):
			c = ' '
		case isUnshowable(c):
			continue
		}
		b.WriteRune(c)
		count++
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// isUnshowable reports whether c is a control character, or a format character such as a
// direction override or a zero-width one, which can disguise a name.
func isUnshowable(c rune) bool {
	return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || c == unicode.ReplacementChar
}

// initial returns the first letter or digit of a name for its badge.
func initial(name string) string {
	for _, c := range plain(name) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return string(unicode.ToUpper(c))
		}
	}
	return "?"
}

// wait returns a duration in words, rounded up, in the largest unit of which there is more than one.
func (r *Renderer) wait(duration time.Duration) (string, error) {
	const day = 24 * time.Hour
	count, key := (duration+time.Second-1)/time.Second, "duration.seconds"
	switch {
	case duration > day:
		count, key = (duration+day-1)/day, "duration.days"
	case duration > time.Hour:
		count, key = (duration+time.Hour-1)/time.Hour, "duration.hours"
	case duration > time.Minute:
		count, key = (duration+time.Minute-1)/time.Minute, "duration.minutes"
	}
	if count == 1 {
		key = "duration.second"
	}
	return r.messages.text(key, "count", int64(count))
}
