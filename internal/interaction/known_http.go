package interaction

import (
	"net/http"
	"slices"
	"strings"

	"authly/internal/platform/fault"
)

// maxKnown bounds how many cookies are looked up to find a valid one.
const maxKnown = 2

// HasOne reports whether the browser has the cookie of an existing interaction; an invented value
// doesn't count. Identifiers sort by creation time, and the newest are
// looked up.
func (b *Browser) HasOne(r *http.Request) (bool, error) {
	names := b.cookies.Names(r, cookiePrefix)
	slices.Reverse(names)
	for _, name := range names[:min(len(names), maxKnown)] {
		_, err := b.Load(r, strings.TrimPrefix(name, cookiePrefix))
		if err == nil {
			return true, nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return false, err
		}
	}
	return false, nil
}
