package interaction

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/httpx"
)

// cookiePrefix begins the name of an interaction's cookie; the identifier follows.
const cookiePrefix = "authly_interaction_"

// maxCookies bounds how many sign-ins one browser has in progress, so that a
// site that opens many can't fill up the browser's Cookie header. The oldest is dropped.
const maxCookies = 12

// Browser connects interactions with their browser.
type Browser struct {
	service  *Service
	cookies  *httpx.Cookies
	resumeAt string
	lifetime time.Duration
}

// NewBrowser returns a Browser whose steps return to the given authorization endpoint.
func NewBrowser(service *Service, cookies *httpx.Cookies, authorizationEndpoint string) *Browser {
	return &Browser{service: service, cookies: cookies, resumeAt: authorizationEndpoint, lifetime: service.lifetime}
}

// Load returns the interaction with the given identifier if it is this browser's.
// Otherwise the error is a fault of kind NotFound.
func (b *Browser) Load(r *http.Request, id string) (Bound, error) {
	parsed, err := uuid.Parse(id)
	if err != nil || len(id) != len(parsed.String()) {
		return Bound{}, errUnknown
	}
	binding, ok := b.cookies.Get(r, cookiePrefix+parsed.String())
	if !ok {
		return Bound{}, errUnknown
	}
	return b.service.Find(r.Context(), parsed, binding)
}

// LoadOrClaim is Load, and claims an unclaimed interaction for this browser:
// a request that was posted from another site came without cookies.
func (b *Browser) LoadOrClaim(w http.ResponseWriter, r *http.Request, id string) (Bound, error) {
	bound, err := b.Load(r, id)
	if err == nil {
		return bound, nil
	}
	parsed, parseErr := uuid.Parse(id)
	if parseErr != nil {
		return Bound{}, err
	}
	if _, has := b.cookies.Get(r, cookiePrefix+parsed.String()); has {
		return Bound{}, err
	}
	return b.claim(w, r, parsed)
}

// Begin stores an interaction and binds it to this browser.
func (b *Browser) Begin(w http.ResponseWriter, r *http.Request, request Request) (Bound, error) {
	interaction, err := b.service.Begin(r.Context(), request)
	if err != nil {
		return Bound{}, err
	}
	return b.claim(w, r, interaction.ID)
}

func (b *Browser) claim(w http.ResponseWriter, r *http.Request, id uuid.UUID) (Bound, error) {
	bound, binding, err := b.service.Claim(r.Context(), id)
	if err != nil {
		return Bound{}, err
	}
	b.makeRoom(w, r)
	b.cookies.Set(w, cookiePrefix+id.String(), binding, b.lifetime)
	return bound, nil
}

// makeRoom clears the oldest cookies. Identifiers sort by creation time.
func (b *Browser) makeRoom(w http.ResponseWriter, r *http.Request) {
	names := b.cookies.Names(r, cookiePrefix)
	slices.Sort(names)
	for len(names) >= maxCookies {
		b.cookies.Clear(w, names[0])
		names = names[1:]
	}
}

// finishedLifetime is how long a browser remembers a finished interaction.
const finishedLifetime = 10 * time.Minute

// Finish makes the cookie of a finished interaction expire soon. It is not
// cleared at once, so that a user who goes back is told that the sign-in is finished, and not that
// it belongs to another browser; and its value has to change, since a browser otherwise shows the old
// page from its cache.
func (b *Browser) Finish(w http.ResponseWriter, r *http.Request, id uuid.UUID) {
	if binding, ok := b.cookies.Get(r, cookiePrefix+id.String()); ok {
		b.cookies.Set(w, cookiePrefix+id.String(), binding, finishedLifetime)
	}
}

// ContinueURL returns where a page sends the browser when its step is done.
func (b *Browser) ContinueURL(id uuid.UUID) string {
	return b.resumeAt + "?" + url.Values{"interaction": {id.String()}}.Encode()
}
