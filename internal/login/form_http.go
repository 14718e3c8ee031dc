package login

import (
	"net/http"

	"authly/internal/platform/secret"
)

// formCookie holds the key of the forms without an interaction.
const formCookie = "authly_form"

// formToken returns the token of a form for a browser that holds key.
func formToken(key secret.Redacted, step string) string {
	return secret.Derive(key, "authly form "+step, secret.Redacted{}).Reveal()
}

// formKey returns the key that the browser holds, or the empty secret. A key of
// another length is not ours.
func (h *Handler) formKey(r *http.Request) secret.Redacted {
	key, ok := h.deps.Cookies.Get(r, formCookie)
	if !ok || len(key.Reveal()) != len(secret.New().Reveal()) {
		return secret.Redacted{}
	}
	return key
}

// ensureFormKey is formKey, and gives the browser a key if it has none. An existing
// one is kept: a form in another tab depends on it.
func (h *Handler) ensureFormKey(w http.ResponseWriter, r *http.Request) secret.Redacted {
	if key := h.formKey(r); !key.IsZero() {
		return key
	}
	key := secret.New()
	h.deps.Cookies.Set(w, formCookie, key, 0)
	return key
}

// ownForm reports whether the posted form of a step was rendered for
// this browser.
func (h *Handler) ownForm(r *http.Request, v visit, step, token string) bool {
	if v.bound != nil {
		return v.bound.CheckFormToken(step, token) == nil
	}
	return matches(h.formKey(r), step, token)
}

func matches(key secret.Redacted, step, token string) bool {
	return !key.IsZero() && secret.FromString(token).Equal(secret.FromString(formToken(key, step)))
}
