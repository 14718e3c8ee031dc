package logout

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
	"authly/internal/protocol/oauth"
	"authly/internal/session"
)

// Browser is the browser's session.
type Browser interface {
	Read(r *http.Request) (session.Session, bool, error)
	Token(r *http.Request) secret.Redacted
	Clear(w http.ResponseWriter)
}

// Requests stores a request for a browser; [Service] does.
type Requests interface {
	Keep(ctx context.Context, request Request) (secret.Redacted, error)
}

// HandlerDeps is what the handler needs; all of it is required.
type HandlerDeps struct {
	Service  *Service
	Requests Requests
	Browser  Browser
	Renderer *ui.Renderer
	Issuer   string
}

// Handler serves the end session endpoint and the page /logout.
type Handler struct{ deps HandlerDeps }

// NewHandler returns the handler.
func NewHandler(deps HandlerDeps) *Handler { return &Handler{deps} }

const (
	// EndSessionPath is the end session endpoint, below the issuer.
	EndSessionPath = "/oidc/logout"
	pagePath       = "/logout"
	loginPath      = "/login"
)

// Mount adds the routes. The endpoint takes posts from other sites, as clients may
// send a request that way (RP-Initiated Logout 1.0 section 2); the person's decision
// is posted to the page, which doesn't.
func (h *Handler) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+EndSessionPath, h.get)
	router.Browser().HandleFunc("POST "+EndSessionPath, h.post, httpx.FromOtherSites())
	router.Browser().HandleFunc("GET "+pagePath, h.show)
	router.Browser().HandleFunc("POST "+pagePath, h.decide)
}

// get takes a request, or goes on with a stored one.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	params, malformed := oauth.ParseQuery(r.URL.RawQuery)
	if handle := params.Get("handle"); handle != "" && malformed == nil {
		kept := secret.FromString(handle)
		request, err := h.deps.Service.Kept(r.Context(), kept)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.advance(w, r, request, kept)
		return
	}
	request, err := h.deps.Service.Read(r.Context(), params, malformed)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.advance(w, r, request, secret.Redacted{})
}

// post stores a request and goes on as a GET. The browser sends no SameSite=Lax
// cookies with a form that another site posts; with the GET it does.
func (h *Handler) post(w http.ResponseWriter, r *http.Request) {
	params, malformed := httpx.ReadParams(w, r)
	request, err := h.deps.Service.Read(r.Context(), params, malformed)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	handle, err := h.deps.Requests.Keep(r.Context(), request)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	httpx.SeeOther(w, r, h.deps.Issuer+EndSessionPath+"?"+url.Values{"handle": {handle.Reveal()}}.Encode())
}

// show is the page of somebody who wants to sign out without being sent.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	h.advance(w, r, Request{}, secret.Redacted{})
}

// advance does the next step for a request that is not the person's decision.
// handle is zero for a request that is not stored.
func (h *Handler) advance(w http.ResponseWriter, r *http.Request, request Request, handle secret.Redacted) {
	v, ok := h.visit(w, r, request)
	if !ok {
		return
	}
	switch h.deps.Service.next(v) {
	case stepReturn:
		h.forget(w, r)
		httpx.SeeOther(w, r, v.request.location())
	case stepLink:
		h.forget(w, r)
		h.deps.Renderer.Render(w, r, http.StatusOK, ui.SignedOutPage{
			ContinueURL: v.request.location(), ContinueHost: oauth.RedirectHost(v.request.RedirectURI), LinkOnly: true,
		})
	case stepDone:
		h.signedOut(w, r)
	case stepEnd:
		h.end(w, r, v)
	case stepAsk:
		h.ask(w, r, http.StatusOK, v, handle)
	}
}

// visit finds out who looks. If it returns false, it has answered the request.
func (h *Handler) visit(w http.ResponseWriter, r *http.Request, request Request) (visit, bool) {
	current, signedIn, err := h.deps.Browser.Read(r)
	if err != nil {
		h.fail(w, r, err)
		return visit{}, false
	}
	v, err := h.deps.Service.visit(r.Context(), request, current, signedIn)
	if err != nil {
		h.fail(w, r, err)
		return visit{}, false
	}
	if v.client != nil {
		httpx.Attach(r.Context(), slog.String("client_id", v.client.ClientID))
	}
	return v, true
}

// formToken is made from the session's own token: it fits no other session, and
// none after the next authentication. The request is part of it, so that the decision counts
// for what the page said.
func formToken(token secret.Redacted, handle string) secret.Redacted {
	if token.IsZero() {
		return secret.Redacted{}
	}
	return secret.Derive(token, "authly form logout", secret.FromString(handle))
}

func (h *Handler) ask(w http.ResponseWriter, r *http.Request, status int, v visit, handle secret.Redacted) {
	known, err := h.deps.Service.Who(r.Context(), v.current)
	if fault.KindOf(err) == fault.NotFound { // deleted since the session was read
		h.signedOut(w, r)
		return
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page := ui.LogoutPage{Action: pagePath, UserName: known.Username}
	if v.client != nil {
		page.ClientName = v.client.Name
		if handle.IsZero() {
			if handle, err = h.deps.Requests.Keep(r.Context(), v.request); err != nil {
				h.fail(w, r, err)
				return
			}
		}
		page.Interaction = handle.Reveal()
	}
	if v.request.RedirectURI != "" {
		// The answer to this form leads to the client, and browsers apply form-action to redirects too.
		if err := httpx.AllowFormAction(w, v.request.RedirectURI); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	page.Token = formToken(h.deps.Browser.Token(r), page.Interaction).Reveal()
	h.deps.Renderer.Render(w, r, status, page)
}

// decide takes the person's decision.
func (h *Handler) decide(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	handle := form.Get("interaction")
	request, err := h.deps.Service.Kept(r.Context(), secret.FromString(handle))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	v, ok := h.visit(w, r, request)
	if !ok {
		return
	}
	wanted := formToken(h.deps.Browser.Token(r), handle)
	switch {
	case !v.signedIn:
		h.advance(w, r, request, secret.Redacted{})
	case !wanted.Equal(secret.FromString(form.Get("csrf_token"))):
		httpx.Attach(r.Context(), slog.String("refusal", "form token"))
		h.ask(w, r, http.StatusForbidden, v, secret.FromString(handle))
	case form.Get("decision") == "stay":
		httpx.SeeOther(w, r, h.deps.Issuer+loginPath)
	default:
		h.end(w, r, v)
	}
}

// end signs the person out and sends the browser on.
func (h *Handler) end(w http.ResponseWriter, r *http.Request, v visit) {
	if err := h.deps.Service.End(r.Context(), v.current); err != nil {
		h.fail(w, r, err)
		return
	}
	httpx.Attach(r.Context(), slog.String("sign_out", "succeeded"), slog.String("user_id", v.current.UserID.String()))
	h.deps.Browser.Clear(w)
	frames, err := h.deps.Service.Frames(r.Context(), v.current)
	if err == nil {
		err = httpx.AllowFrames(w, frames.Origins)
	}
	if err != nil {
		httpx.Report(r.Context(), err) // the person is signed out, and goes on
	}
	switch {
	case err == nil && len(frames.URIs) > 0:
		h.tell(w, r, v, frames)
	case v.request.RedirectURI != "":
		httpx.SeeOther(w, r, v.request.location())
	default:
		// The signed-out page has an address of its own, so that reloading it posts nothing.
		httpx.SeeOther(w, r, h.deps.Issuer+pagePath)
	}
}

// tell answers with the signed-out page that loads the pages of clients and then goes
// on to the client that asked. It is the answer to the request that ended the session and has no
// address: there is nothing that somebody else could open to see whose clients these are, or to
// be sent anywhere, and whoever reloads it is not signed in any more.
func (h *Handler) tell(w http.ResponseWriter, r *http.Request, v visit, frames Frames) {
	page := ui.SignedOutPage{Frames: frames.URIs}
	if v.request.RedirectURI == "" {
		page.LoginURL = loginPath
	} else {
		page.ContinueURL, page.ContinueHost = v.request.location(), oauth.RedirectHost(v.request.RedirectURI)
		httpx.AllowScript(w, ui.SignedOutScript)
	}
	h.deps.Renderer.Render(w, r, http.StatusOK, page)
}

// signedOut says so, and takes away a cookie that is worth nothing.
func (h *Handler) signedOut(w http.ResponseWriter, r *http.Request) {
	h.forget(w, r)
	h.deps.Renderer.Render(w, r, http.StatusOK, ui.SignedOutPage{LoginURL: loginPath})
}

func (h *Handler) forget(w http.ResponseWriter, r *http.Request) {
	if !h.deps.Browser.Token(r).IsZero() {
		h.deps.Browser.Clear(w)
	}
}

// fail shows our own page; nobody is sent anywhere.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		h.deps.Renderer.Render(w, r, http.StatusBadRequest, ui.ErrorPage{
			Title: "logout.refused_title", Message: refusal.Message, Code: string(oauth.InvalidRequest), Description: refusal.Description,
		})
		return
	}
	h.deps.Renderer.RenderError(w, r, err)
}
