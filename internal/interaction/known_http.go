package interaction

import (
	"net/http"
	"slices"
	"strings"

	"authly/internal/platform/fault"
)

// maxKnown bounds how many cookies are looked up to find one that counts.
const maxKnown = 2

// HasOne reports whether the browser has the cookie of an interaction that is there: a value
// that was made up is none. Identifiers sort by the time of their making, and the newest are
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
