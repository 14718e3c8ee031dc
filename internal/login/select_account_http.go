package login

import (
	"log/slog"
	"net/http"
	"net/url"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ui"
)

const selectAccountPath = "/select-account"

// selectAccountStep names the form for its token. It includes the session: a
// user who changes accounts in another tab has to see the page again.
func selectAccountStep(v visit) string { return "select account " + v.current.ID.String() }

// showSelectAccount asks which account to continue with, for prompt=select_account (OpenID Connect
// Core 1.0 section 3.1.2.1). A browser has one account at a time, so the choice is
// between that one and another.
func (h *Handler) showSelectAccount(w http.ResponseWriter, r *http.Request) {
	v, ok := h.visitOf(w, r, r.URL.Query().Get("interaction"))
	if !ok || h.nothingToSelect(w, r, v) {
		return
	}
	h.renderSelectAccount(w, r, http.StatusOK, v)
}

// nothingToSelect answers requests of browsers without a signed-in user, and
// those without an interaction.
func (h *Handler) nothingToSelect(w http.ResponseWriter, r *http.Request, v visit) bool {
	switch {
	case v.bound == nil:
		h.fail(w, r, fault.New(fault.NotFound, "interaction.unknown"))
	case h.mustSignIn(v):
		httpx.SeeOther(w, r, h.deps.Issuer+loginPath+"?"+url.Values{"interaction": {v.bound.ID.String()}}.Encode())
	default:
		return false
	}
	return true
}

func (h *Handler) renderSelectAccount(w http.ResponseWriter, r *http.Request, status int, v visit) {
	u, err := h.deps.Service.Who(r.Context(), v.current)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	// The answer may redirect through the authorization endpoint to the client.
	if err := httpx.AllowFormAction(w, v.bound.Request.RedirectURI); err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	h.deps.Renderer.Render(w, r, status, ui.SelectAccountPage{
		Action: selectAccountPath, Interaction: v.bound.ID.String(), Token: v.bound.FormToken(selectAccountStep(v)),
		ClientName: v.bound.Request.ClientName, ClientHost: v.bound.Request.ClientHost, UserName: u.Username, Email: u.Email, SignOutURL: "/logout",
	})
}

func (h *Handler) selectAccount(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	v, ok := h.visitOf(w, r, form.Get("interaction"))
	if !ok || h.nothingToSelect(w, r, v) {
		return
	}
	if v.bound.CheckFormToken(selectAccountStep(v), form.Get("csrf_token")) != nil {
		httpx.Attach(r.Context(), slog.String("refusal", "form token"))
		h.renderSelectAccount(w, r, http.StatusForbidden, v)
		return
	}
	switch form.Get("account") {
	case "current":
		if err := h.deps.Service.Choose(r.Context(), v.bound.ID, v.current); err != nil {
			h.fail(w, r, err)
			return
		}
		httpx.SeeOther(w, r, h.deps.Interactions.ContinueURL(v.bound.ID))
	case "other":
		httpx.SeeOther(w, r, h.deps.Issuer+loginPath+"?"+url.Values{"interaction": {v.bound.ID.String()}, "switch": {"1"}}.Encode())
	default:
		h.renderSelectAccount(w, r, http.StatusBadRequest, v)
	}
}
