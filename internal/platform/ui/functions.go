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

// ownURL puts the issuer's path in front of a path of ours. Anything that a
// browser could read as another place is a defect and fails the page.
func (r *Renderer) ownURL(below string) (string, error) {
	parsed, err := url.Parse(below)
	if err != nil || !strings.HasPrefix(below, "/") || strings.HasPrefix(below, "//") ||
		strings.ContainsAny(below, "\\\t\r\n") || parsed.Host != "" || parsed.Scheme != "" {
		return "", fmt.Errorf("an address of ours is not a path: %.40q", below)
	}
	return r.prefix + below, nil
}

// externalURL returns a link that a client registered, if it is one that a page
// may show, else "". The template leaves out what is empty.
func externalURL(link string) string {
	parsed, err := url.Parse(link)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" ||
		parsed.Hostname() == "" || parsed.User != nil || strings.ContainsFunc(link, isUnshowable) {
		return ""
	}
	return parsed.String()
}

// targetURL lets a form end at a client's redirect URI, which may have a scheme of
// its own. It was registered and is compared by every character, and the page's policy lets no
// form end anywhere else; schemes that run code are refused here all the same.
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

// refreshAfter is how many seconds a page waits before it goes on by itself; browsers
// count from when the page and its frames have loaded.
const refreshAfter = 3

// refresh returns the attributes of a meta element that goes on to a client's address
// (WHATWG HTML section 4.2.5.3). What it does is written in one text, which the template's own rules
// for addresses don't reach into.
func refresh(redirectURI string) (template.HTMLAttr, error) {
	target, err := targetURL(redirectURI)
	if err != nil {
		return "", err
	}
	content := strconv.Itoa(refreshAfter) + ";url=" + string(target)
	return template.HTMLAttr(`http-equiv="refresh" content="` + html.EscapeString(content) + `"`), nil //nolint:gosec // escaped
}

// framedURL is the address of a frame, which is http or https.
func framedURL(address string) (template.URL, error) {
	if externalURL(address) == "" {
		return "", errors.New("an address that no frame may have")
	}
	return template.URL(address), nil //nolint:gosec // see above
}

// maxShown bounds, in characters, what a page shows of a text that came from outside.
const maxShown = 120

// plain makes a text from outside fit to be shown inside our sentences: without
// the characters that could reorder or hide what stands around it, on one line
// and shortened.
func plain(text string) string { return shorten(text, maxShown) }

// shownStart and shownEnd are how many characters are shown of the two ends of a host that is longer than maxShown.
const shownStart, shownEnd = 40, maxShown - shownStart - 1

// host is plain for the name of a host, of which the end says whose it is: what is too much is left out in the middle.
func host(name string) string {
	whole := []rune(shorten(name, len(name)))
	if len(whole) <= maxShown {
		return string(whole)
	}
	return string(whole[:shownStart]) + "…" + string(whole[len(whole)-shownEnd:])
}

// long is plain for a description, which may be as long as the longest
// refusal has it.
func long(text string) string { return shorten(text, oauth.MaxDescriptionBytes) }

func shorten(text string, most int) string {
	var kept strings.Builder
	count := 0
	for _, c := range strings.ToValidUTF8(text, "") {
		if count == most {
			kept.WriteString("…")
			break
		}
		switch {
		case unicode.IsSpace(c):
			c = ' '
		case isUnshowable(c):
			continue
		}
		kept.WriteRune(c)
		count++
	}
	return strings.Join(strings.Fields(kept.String()), " ")
}

// isUnshowable finds control characters, and format characters such as the
// direction overrides and zero-width ones, which can disguise a name.
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

// wait says a waiting time or a lifetime in words, rounded up, in the largest unit of which there are more than one.
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
