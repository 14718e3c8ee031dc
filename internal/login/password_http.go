package login

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
)

const passwordPath = "/login/password"

// passwordStep names the form for its token.
const passwordStep = "password"

// renderPassword asks for a new password. There is no session yet, and the ticket in the
// form is the only way to one.
func (h *Handler) renderPassword(w http.ResponseWriter, r *http.Request, status int, v visit, page ui.PasswordPage) {
	page.Action, page.PasswordMinimum = passwordPath, h.deps.PasswordMinimum
	if v.bound == nil {
		page.Token = formToken(h.ensureFormKey(w, r), passwordStep)
	} else {
		page.Interaction, page.Token = v.bound.ID.String(), v.bound.FormToken(passwordStep)
		// The answer may redirect through the authorization endpoint to the client.
		if err := httpx.AllowFormAction(w, v.bound.Request.RedirectURI); err != nil {
			h.deps.Renderer.RenderError(w, r, err)
			return
		}
	}
	h.deps.Renderer.Render(w, r, status, page)
}

// choosePassword sets the new password and signs the user in.
func (h *Handler) choosePassword(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	v, ok := h.visitOf(w, r, form.Get("interaction"))
	if !ok {
		return
	}
	choice := Choice{Ticket: secret.FromString(form.Get("ticket")), Password: secret.FromString(form.Get("password")), Attempt: h.attempt(r, v)}
	u, err := h.deps.Service.Holder(r.Context(), choice.Ticket)
	if err != nil {
		h.refusePassword(w, r, v, ui.PasswordPage{}, err)
		return
	}
	page := ui.PasswordPage{Ticket: form.Get("ticket"), UserName: u.Username}
	switch {
	case !h.ownForm(r, v, passwordStep, form.Get("csrf_token")):
		httpx.Attach(r.Context(), slog.String("refusal", "form token"))
		page.Error = "login.csrf"
		h.renderPassword(w, r, http.StatusForbidden, v, page)
		return
	case form.Get("password") != form.Get("password_confirmation"):
		page.Errors = map[string]string{"password_confirmation": "password.mismatch"}
		h.renderPassword(w, r, http.StatusBadRequest, v, page)
		return
	}
	signedIn, err := h.deps.Service.ChoosePassword(r.Context(), choice)
	if err != nil {
		h.refusePassword(w, r, v, page, err)
		return
	}
	httpx.Attach(r.Context(), slog.String("sign_in", "password changed"), slog.String("user_id", signedIn.User.Subject()))
	h.deps.Browser.Write(w, signedIn.Token, signedIn.Session)
	h.leave(w, r, v)
}

// refusePassword shows the form again if the user can correct it.
func (h *Handler) refusePassword(w http.ResponseWriter, r *http.Request, v visit, page ui.PasswordPage, err error) {
	if errors.Is(err, errNoTicket) {
		again := loginPath
		if v.bound != nil {
			again += "?" + url.Values{"interaction": {v.bound.ID.String()}}.Encode()
		}
		h.deps.Renderer.Render(w, r, http.StatusNotFound, ui.MessagePage{
			Title: "choose.expired_title", Message: "choose.expired", LinkURL: again, Link: "link.login",
		})
		return
	}
	var ok bool
	if page.Error, page.Errors, ok = ui.FormRefusal(w, err); !ok {
		h.fail(w, r, err)
		return
	}
	h.renderPassword(w, r, httpx.StatusOf(err), v, page)
}
