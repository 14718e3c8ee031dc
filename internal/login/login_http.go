package login

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"authly/internal/interaction"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
	"authly/internal/protocol/oidc"
	"authly/internal/session"
	"authly/internal/user"
)

// Browser is the session of a browser.
type Browser interface {
	Read(r *http.Request) (session.Session, bool, error)
	Token(r *http.Request) secret.Redacted
	Write(w http.ResponseWriter, token secret.Redacted, started session.Session)
}

// BrowserInteractions finds the interactions of a browser.
type BrowserInteractions interface {
	Load(r *http.Request, id string) (interaction.Bound, error)
	ContinueURL(id uuid.UUID) string
}

// Subjects returns the identifier by which a client knows a user.
type Subjects interface {
	InSector(sector string, userID uuid.UUID) string
}

// Logos has the logos of clients: URL returns a path of ours, or "".
type Logos interface {
	URL(ctx context.Context, client uuid.UUID, clientID string) (string, error)
}

// HandlerDeps are the dependencies of the handler; all are required.
type HandlerDeps struct {
	Service      *Service
	Browser      Browser
	Interactions BrowserInteractions
	Subjects     Subjects
	Cookies      *httpx.Cookies
	Renderer     *ui.Renderer
	Logos        Logos
	Clock        clock.Clock
	Issuer       string
	// PasswordMinimum is shown with a new password.
	PasswordMinimum int
}

// Handler serves /login, /login/password and /select-account.
type Handler struct{ deps HandlerDeps }

// NewHandler returns the handler.
func NewHandler(deps HandlerDeps) *Handler { return &Handler{deps} }

// Mount adds the routes.
func (h *Handler) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET /login", h.showLogin)
	router.Browser().HandleFunc("POST /login", h.login)
	router.Browser().HandleFunc("POST "+passwordPath, h.choosePassword)
	router.Browser().HandleFunc("GET "+selectAccountPath, h.showSelectAccount)
	router.Browser().HandleFunc("POST "+selectAccountPath, h.selectAccount)
}

const (
	loginPath  = "/login"
	logoutPath = "/logout"
	loginStep  = "login" // names the form for its token
)

// maxIdentifierShown bounds, in bytes, the identifier that is shown in the form again.
const maxIdentifierShown = 320

// visit is one request for the sign-in page.
type visit struct {
	bound    *interaction.Bound // nil without a client
	current  session.Session    // zero if no user is signed in
	signedIn bool
}

// mustSignIn reports whether the browser's session is not enough, which
// package interaction decides.
func (h *Handler) mustSignIn(v visit) bool {
	if !v.signedIn {
		return true
	}
	if v.bound == nil {
		return false
	}
	step, _ := interaction.Next(interaction.Facts{
		Now: h.deps.Clock.Now(), Interaction: v.bound.Interaction, SignedIn: true,
		SessionID: v.current.ID, AuthenticatedAt: v.current.AuthenticatedAt,
		Subject: h.subject(v), ContextClass: oidc.ContextClass(v.current.Methods),
	})
	return step == interaction.StepSignIn
}

// subject returns the signed-in user's identifier for the client of the interaction.
func (h *Handler) subject(v visit) string {
	return h.deps.Subjects.InSector(v.bound.Request.Sector, v.current.UserID)
}

// visitOf finds the interaction of the page and the browser's session. If it returns
// false, it has answered the request.
func (h *Handler) visitOf(w http.ResponseWriter, r *http.Request, interactionID string) (visit, bool) {
	var v visit
	if interactionID != "" {
		bound, err := h.deps.Interactions.Load(r, interactionID)
		if err != nil {
			h.fail(w, r, err)
			return visit{}, false
		}
		if bound.CompletedAt != nil {
			h.deps.Renderer.Render(w, r, http.StatusGone, ui.MessagePage{Title: "message.finished_title", Message: "message.finished"})
			return visit{}, false
		}
		v.bound = &bound
	}
	current, signedIn, err := h.deps.Browser.Read(r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return visit{}, false
	}
	v.current, v.signedIn = current, signedIn
	return v, true
}

// fail answers with an error, such as that an interaction can't continue.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch fault.KindOf(err) {
	case fault.NotFound:
		h.deps.Renderer.Render(w, r, http.StatusNotFound, ui.MessagePage{Title: "message.expired_title", Message: "message.expired"})
	case fault.Conflict:
		h.deps.Renderer.Render(w, r, http.StatusGone, ui.MessagePage{Title: "message.finished_title", Message: "message.finished"})
	default:
		h.deps.Renderer.RenderError(w, r, err)
	}
}

func (h *Handler) showLogin(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v, ok := h.visitOf(w, r, query.Get("interaction"))
	if !ok {
		return
	}
	switching := query.Get("switch") != "" // "use another account"
	if !switching && !h.mustSignIn(v) {
		if v.bound != nil {
			httpx.SeeOther(w, r, h.deps.Interactions.ContinueURL(v.bound.ID))
			return
		}
		h.deps.Renderer.Render(w, r, http.StatusOK, ui.MessagePage{
			Title: "login.done_title", Message: "login.done", LinkURL: logoutPath, Link: "logout.confirm",
		})
		return
	}
	page, err := h.page(r.Context(), v)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	if switching {
		page.User, page.OtherUser, page.Identifier = "", "", ""
	}
	h.render(w, r, http.StatusOK, v, page)
}

// page returns the form before any input.
func (h *Handler) page(ctx context.Context, v visit) (ui.LoginPage, error) {
	page := ui.LoginPage{Action: loginPath}
	if v.bound == nil {
		return page, nil
	}
	request := v.bound.Request
	page.Interaction, page.ClientName, page.ClientHost = v.bound.ID.String(), request.ClientName, request.ClientHost
	page.Identifier = shownIdentifier(request.LoginHint)
	page.PolicyURI, page.TermsURI = request.PolicyURI, request.TermsURI
	logo, err := h.deps.Logos.URL(ctx, request.Client, request.ClientID)
	if err != nil {
		return page, err
	}
	page.LogoURL = logo
	if request.SelfRegistered {
		page.Warning = "consent.self_registered"
	}
	if request.Prompts.Has(oidc.PromptCreate) {
		page.Notice = "login.no_registration"
	}
	if !h.mustSignIn(v) || !v.signedIn {
		return page, nil
	}
	// The same user signs in again (prompt=login, max_age), though another user may sign in
	// too; or the client requests a user, by id_token_hint or the claims parameter.
	u, err := h.deps.Service.Who(ctx, v.current)
	if fault.KindOf(err) == fault.NotFound {
		return page, nil
	}
	if err != nil {
		return ui.LoginPage{}, err
	}
	if !request.AllowsSubject(h.subject(v)) {
		// Don't say who is requested: a client that has only a subject must not learn a name from it.
		page.OtherUser = u.Username
		return page, nil
	}
	if page.Notice != "" {
		return page, nil // a user who wants a new account need not confirm a password
	}
	page.User = u.Username
	if page.Identifier == "" {
		page.Identifier = u.Username
	}
	return page, nil
}

func shownIdentifier(text string) string {
	if len(text) > maxIdentifierShown {
		return ""
	}
	return strings.ToValidUTF8(text, "")
}

// render shows the form with its token.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, status int, v visit, page ui.LoginPage) {
	if v.bound == nil {
		page.Token = formToken(h.ensureFormKey(w, r), loginStep)
	} else {
		page.Token = v.bound.FormToken(loginStep)
		// The answer may redirect through the authorization endpoint to the client, and
		// browsers apply form-action to redirects too.
		if err := httpx.AllowFormAction(w, v.bound.Request.RedirectURI); err != nil {
			h.deps.Renderer.RenderError(w, r, err)
			return
		}
	}
	h.deps.Renderer.Render(w, r, status, page)
}

func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	v, ok := h.visitOf(w, r, form.Get("interaction"))
	if !ok {
		return
	}
	page, err := h.page(r.Context(), v)
	if err != nil {
		h.deps.Renderer.RenderError(w, r, err)
		return
	}
	identifier, password := form.Get("username"), form.Get("password")
	page.Identifier = shownIdentifier(identifier)
	if !h.ownForm(r, v, loginStep, form.Get("csrf_token")) {
		httpx.Attach(r.Context(), slog.String("refusal", "form token"))
		page.Error = "login.csrf"
		h.render(w, r, http.StatusForbidden, v, page)
		return
	}
	if identifier == "" || password == "" {
		page.Error = "login.required"
		h.render(w, r, http.StatusBadRequest, v, page)
		return
	}
	attempt := h.attempt(r, v)
	attempt.Identifier, attempt.Password = identifier, secret.FromString(password)
	signedIn, err := h.deps.Service.SignIn(r.Context(), attempt)
	if err != nil {
		h.refuse(w, r, v, page, err)
		return
	}
	if !signedIn.Ticket.IsZero() {
		httpx.Attach(r.Context(), slog.String("sign_in", "new password required"), slog.String("user_id", signedIn.User.Subject()))
		h.renderPassword(w, r, http.StatusOK, v, ui.PasswordPage{Ticket: signedIn.Ticket.Reveal(), UserName: signedIn.User.Username})
		return
	}
	httpx.Attach(r.Context(), slog.String("sign_in", "succeeded"), slog.String("user_id", signedIn.User.Subject()))
	h.deps.Browser.Write(w, signedIn.Token, signedIn.Session)
	h.leave(w, r, v)
}

// attempt returns the attempt of a request, without what was typed.
func (h *Handler) attempt(r *http.Request, v visit) Attempt {
	a := Attempt{Address: httpx.ClientAddress(r.Context()), UserAgent: r.UserAgent(), Replaces: h.deps.Browser.Token(r)}
	if v.bound != nil {
		a.Interaction = &v.bound.ID
	}
	return a
}

// leave redirects the browser after a sign-in.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, v visit) {
	if v.bound != nil {
		httpx.SeeOther(w, r, h.deps.Interactions.ContinueURL(v.bound.ID))
		return
	}
	h.deps.Cookies.Clear(w, formCookie)
	httpx.SeeOther(w, r, h.deps.Issuer+loginPath)
}

// refuse shows the form again. The input is not logged: it may be a password.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, v visit, page ui.LoginPage, err error) {
	switch {
	case errors.Is(err, user.ErrWrongCredentials):
		httpx.Attach(r.Context(), slog.String("sign_in", "wrong credentials"))
		if errors.Is(err, errUserLimited) {
			httpx.Attach(r.Context(), slog.String("limit", LimitUser))
		}
		page.Error = "login.failed"
	case fault.KindOf(err) == fault.Limited:
		if throttled := (*limited)(nil); errors.As(err, &throttled) {
			httpx.Attach(r.Context(), slog.String("sign_in", "limited"), slog.String("limit", throttled.limit))
		}
		page.Error, page.RetryAfter = "login.limited", httpx.RetryAfter(err)
		httpx.SetRetryAfter(w, page.RetryAfter)
	case fault.KindOf(err) == fault.Unavailable:
		httpx.Attach(r.Context(), slog.String("sign_in", "busy"))
		page.Error = "login.busy"
		httpx.SetRetryAfter(w, httpx.RetryAfter(err))
	default:
		h.fail(w, r, err)
		return
	}
	h.render(w, r, httpx.StatusOf(err), v, page)
}
