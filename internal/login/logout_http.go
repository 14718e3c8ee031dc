package login

import (
	"log/slog"
	"net/http"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ui"
	"authly/internal/session"
)

// logoutStep names the form for its token, which is made from the session's own
// token: it fits no other session, and none after the next authentication.
const logoutStep = "logout"

func (h *Handler) showLogout(w http.ResponseWriter, r *http.Request) {
	current, signedIn, err := h.deps.Browser.Read(r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	if !signedIn {
		h.signedOut(w, r)
		return
	}
	h.askLogout(w, r, http.StatusOK, current)
}

func (h *Handler) askLogout(w http.ResponseWriter, r *http.Request, status int, current session.Session) {
	known, err := h.deps.Service.Who(r.Context(), current)
	if fault.KindOf(err) == fault.NotFound { // deleted since the session was read
		h.signedOut(w, r)
		return
	}
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	h.deps.Renderer.Render(w, r, status, ui.LogoutPage{
		Action: logoutPath, Token: formToken(h.deps.Browser.Token(r), logoutStep), UserName: known.Username,
	})
}

// signedOut says so, and takes away a cookie that is worth nothing.
func (h *Handler) signedOut(w http.ResponseWriter, r *http.Request) {
	if !h.deps.Browser.Token(r).IsZero() {
		h.deps.Browser.Clear(w)
	}
	h.deps.Renderer.Render(w, r, http.StatusOK, ui.SignedOutPage{LoginURL: loginPath})
}

func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	current, signedIn, err := h.deps.Browser.Read(r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	if !signedIn {
		h.signedOut(w, r)
		return
	}
	if !matches(h.deps.Browser.Token(r), logoutStep, form.Get("csrf_token")) {
		h.askLogout(w, r, http.StatusForbidden, current)
		return
	}
	if form.Get("decision") == "stay" {
		httpx.SeeOther(w, r, h.deps.Issuer+loginPath)
		return
	}
	if err := h.deps.Service.SignOut(r.Context(), current); err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	httpx.Attach(r.Context(), slog.String("sign_out", "succeeded"), slog.String("user_id", current.UserID.String()))
	h.deps.Browser.Clear(w)
	// The signed-out page has an address of its own, so that reloading it posts nothing.
	httpx.SeeOther(w, r, h.deps.Issuer+logoutPath)
}
