package invitation

import (
	"log/slog"
	"net/http"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
)

// linkCookie holds the secret of a followed invitation link.
const linkCookie = "authly_invitation"

// HandlerDeps are the dependencies of the handler; all are required.
type HandlerDeps struct {
	Service  *Service
	Renderer *ui.Renderer
	Cookies  *httpx.Cookies
	Issuer   string // without a trailing slash
	// PasswordMinimum is shown with the password.
	PasswordMinimum int
}

// Handler serves /invitation, and its links.
type Handler struct {
	deps  HandlerDeps
	links *httpx.Links
}

// NewHandler returns the handler.
func NewHandler(deps HandlerDeps) *Handler {
	return &Handler{deps, httpx.NewLinks(deps.Cookies, linkCookie, deps.Issuer+path)}
}

// Mount adds the routes.
func (h *Handler) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+path+"/{token}", h.links.Follow)
	router.Browser().HandleFunc("GET "+path, h.show)
	router.Browser().HandleFunc("POST "+path, h.accept)
}

// page returns the form, or answers the request and returns false if the token is not valid.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, token secret.Redacted) (ui.PasswordPage, bool) {
	u, err := h.deps.Service.Find(r.Context(), token)
	if err != nil {
		h.fail(w, r, err)
		return ui.PasswordPage{}, false
	}
	return ui.PasswordPage{
		Action: path, Ticket: token.Reveal(), Invitation: true, UserName: u.Username, PasswordMinimum: h.deps.PasswordMinimum,
	}, true
}

func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	token, held := h.links.Token(r)
	if !held {
		h.deps.Renderer.Render(w, r, http.StatusNotFound, ui.MessagePage{Title: "link.open_again_title", Message: "link.open_again"})
		return
	}
	if page, ok := h.page(w, r, token); ok {
		h.deps.Renderer.Render(w, r, http.StatusOK, page)
	}
}

func (h *Handler) accept(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	token := secret.FromString(form.Get("ticket"))
	page, ok := h.page(w, r, token)
	if !ok {
		return
	}
	if form.Get("password") != form.Get("password_confirmation") {
		page.Errors = map[string]string{"password_confirmation": "password.mismatch"}
		h.deps.Renderer.Render(w, r, http.StatusBadRequest, page)
		return
	}
	u, err := h.deps.Service.Accept(r.Context(), token, secret.FromString(form.Get("password")))
	if err != nil {
		h.refuse(w, r, page, err)
		return
	}
	h.links.Forget(w, r, token)
	httpx.Attach(r.Context(), slog.String("invitation", "used"), slog.String("user_id", u.Subject()))
	h.deps.Renderer.Render(w, r, http.StatusOK, ui.MessagePage{
		Title: "invitation.done_title", Message: "invitation.done", LinkURL: "/login", Link: "link.login",
	})
}

// refuse shows the form again if the user can correct it.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, page ui.PasswordPage, err error) {
	var ok bool
	if page.Error, page.Errors, ok = ui.FormRefusal(w, err); !ok {
		h.fail(w, r, err)
		return
	}
	h.deps.Renderer.Render(w, r, httpx.StatusOf(err), page)
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.KindOf(err) == fault.NotFound {
		h.deps.Renderer.Render(w, r, http.StatusNotFound, ui.MessagePage{
			Title: "invitation.link_invalid_title", Message: "invitation.link_invalid",
		})
		return
	}
	h.deps.Renderer.RenderError(w, r, err)
}
