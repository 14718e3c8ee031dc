package bootstrap

import (
	"log/slog"
	"net/http"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
)

// linkCookie holds the secret of a followed link.
const linkCookie = "authly_setup"

// HandlerDeps are the dependencies of the handler; all are required.
type HandlerDeps struct {
	Service  *Service
	Renderer *ui.Renderer
	Cookies  *httpx.Cookies
	Issuer   string // without a trailing slash
	// PasswordMinimum is shown with the password.
	PasswordMinimum int
}

// Handler serves /setup, and its links.
type Handler struct {
	deps  HandlerDeps
	links *httpx.Links
}

// NewHandler returns the handler.
func NewHandler(deps HandlerDeps) *Handler {
	return &Handler{deps, httpx.NewLinks(deps.Cookies, linkCookie, deps.Issuer+setupPath)}
}

// Mount adds the routes.
func (h *Handler) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+setupPath+"/{token}", h.links.Follow)
	router.Browser().HandleFunc("GET "+setupPath, h.show)
	router.Browser().HandleFunc("POST "+setupPath, h.create)
}

// maxShown bounds, in bytes, the fields that are shown in the form again.
const maxShown = 320

func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	token, held := h.links.Token(r)
	if !held {
		h.deps.Renderer.Render(w, r, http.StatusNotFound, ui.MessagePage{Title: "link.open_again_title", Message: "link.open_again"})
		return
	}
	opened, err := h.deps.Service.Open(r.Context(), token)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.deps.Renderer.Render(w, r, http.StatusOK, h.page(token, opened))
}

func (h *Handler) page(token secret.Redacted, opened Link) ui.SetupPage {
	page := ui.SetupPage{Action: setupPath, Purpose: ui.SetupFirst, SetupToken: token.Reveal(), PasswordMinimum: h.deps.PasswordMinimum}
	switch {
	case opened.User != nil:
		page.Purpose, page.Username = ui.SetupPassword, opened.User.Username
	case !opened.IsFirst:
		page.Purpose = ui.SetupFurther
	}
	return page
}

func (h *Handler) create(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	token := secret.FromString(form.Get("setup_token"))
	opened, err := h.deps.Service.Open(r.Context(), token)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page := h.page(token, opened)
	if opened.User == nil {
		page.Username, page.Email = shown(form.Get("username")), shown(form.Get("email"))
	}
	if form.Get("password") != form.Get("password_confirmation") {
		page.Errors = map[string]string{"password_confirmation": "password.mismatch"}
		h.deps.Renderer.Render(w, r, http.StatusBadRequest, page)
		return
	}
	done := "setup.done"
	if opened.User != nil {
		done = "setup.recovered"
		_, err = h.deps.Service.ChoosePassword(r.Context(), token, secret.FromString(form.Get("password")))
	} else {
		_, err = h.deps.Service.CreateAdministrator(r.Context(), token, Administrator{
			Username: form.Get("username"), Email: form.Get("email"), Password: secret.FromString(form.Get("password")),
		})
	}
	if err != nil {
		h.refuse(w, r, page, err)
		return
	}
	h.links.Forget(w, r, token)
	httpx.Attach(r.Context(), slog.String("setup", string(page.Purpose)))
	h.deps.Renderer.Render(w, r, http.StatusOK, ui.MessagePage{Title: done + "_title", Message: done, LinkURL: "/login", Link: "link.login"})
}

func shown(text string) string {
	if len(text) > maxShown {
		return ""
	}
	return text
}

// refuse shows the form again if the user can correct it.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, page ui.SetupPage, err error) {
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
			Title: "setup.link_invalid_title", Message: "setup.link_invalid",
		})
		return
	}
	h.deps.Renderer.RenderError(w, r, err)
}
