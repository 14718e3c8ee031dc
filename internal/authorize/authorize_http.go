package authorize

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ui"
	"authly/internal/protocol/oauth"
	"authly/internal/session"
	"authly/internal/token"
	"authly/internal/user"
)

// Sessions tells who uses a browser.
type Sessions interface {
	Read(r *http.Request) (session.Session, bool, error)
}

// Users finds the person of a session.
type Users interface {
	Find(ctx context.Context, id uuid.UUID) (user.User, error)
}

// Browser connects interactions with browsers.
type Browser interface {
	Load(r *http.Request, id string) (interaction.Bound, error)
	LoadOrClaim(w http.ResponseWriter, r *http.Request, id string) (interaction.Bound, error)
	Begin(w http.ResponseWriter, r *http.Request, request interaction.Request) (interaction.Bound, error)
	Finish(w http.ResponseWriter, r *http.Request, id uuid.UUID)
	ContinueURL(id uuid.UUID) string
}

// Store keeps a request that came without cookies until its browser claims it.
type Store interface {
	Begin(ctx context.Context, request interaction.Request) (interaction.Interaction, error)
	Transient(request interaction.Request) interaction.Interaction
}

// Logos has the logos of clients: URL returns a path of ours, or "".
type Logos interface {
	URL(ctx context.Context, client uuid.UUID, clientID string) (string, error)
}

// States says what a browser's session looks like to a client (OpenID Connect Session
// Management 1.0 section 2).
type States interface {
	SessionState(w http.ResponseWriter, r *http.Request, clientID, redirectURI string, current session.Session) string
	// NobodySignedIn takes away what a session has left behind that ended unnoticed.
	NobodySignedIn(w http.ResponseWriter, r *http.Request)
}

// HandlerDeps is what the handler needs.
type HandlerDeps struct {
	Service      *Service
	Browser      Browser
	Store        Store
	Sessions     Sessions
	Users        Users
	Renderer     *ui.Renderer
	Descriptions Scopes
	Logos        Logos
	// States is nil if clients can't watch sessions.
	States States

	// Lifetimes are those of tokens, for clients that have none of their own.
	Lifetimes token.Lifetimes

	// The pages, as the browser sees them.
	SignInURL, SelectAccountURL, ConsentURL string
}

// Path is the authorization endpoint, below the issuer.
const Path = "/oauth/authorize"

// Handler serves the authorization endpoint and the consent page.
type Handler struct{ HandlerDeps }

// NewHandler returns the handler.
func NewHandler(deps HandlerDeps) *Handler { return &Handler{deps} }

// Mount adds the routes. The endpoint takes posts from other sites: that is how
// OpenID Connect clients may send a request (OpenID Connect Core 1.0 section 3.1.2.1).
func (h *Handler) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+Path, h.get)
	router.Browser().HandleFunc("POST "+Path, h.post, httpx.FromOtherSites())
	router.Browser().HandleFunc("GET /consent", h.showConsent)
	router.Browser().HandleFunc("POST /consent", h.decide)
}

// get takes a new request, or goes on with an interaction.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	params, malformed := oauth.ParseQuery(r.URL.RawQuery, repeatable()...)
	if id := params.Get("interaction"); id != "" && !params.Has("client_id") {
		h.resume(w, r, id)
		return
	}
	checked, err := h.validate(r, params, malformed)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.advance(w, r, h.Store.Transient(checked.deferred()), checked.client, nil)
}

// post stores a request and goes on as a GET. The browser sends no SameSite=Lax
// cookies with a form that another site posts; with the GET it does.
func (h *Handler) post(w http.ResponseWriter, r *http.Request) {
	params, malformed := httpx.ReadParams(w, r, repeatable()...)
	checked, err := h.validate(r, params, malformed)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	stored, err := h.Store.Begin(r.Context(), checked.deferred())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	httpx.SeeOther(w, r, h.Browser.ContinueURL(stored.ID))
}

// validate is [Service.validate], and puts the client onto the request's log line.
func (h *Handler) validate(r *http.Request, params oauth.Params, malformed error) (validated, error) {
	checked, err := h.Service.validate(r.Context(), params, malformed)
	if err != nil {
		httpx.Attach(r.Context(), slog.String("claimed_client_id", params.Get("client_id")))
		return validated{}, err
	}
	httpx.Attach(r.Context(), slog.String("client_id", checked.client.ClientID))
	return checked, nil
}

func (h *Handler) resume(w http.ResponseWriter, r *http.Request, id string) {
	bound, err := h.Browser.LoadOrClaim(w, r, id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	known, err := h.usable(r.Context(), bound.Interaction)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.advance(w, r, bound.Interaction, known, &bound.Interaction)
}

// usable returns the client of an interaction that can still be answered.
func (h *Handler) usable(ctx context.Context, under interaction.Interaction) (client.Client, error) {
	if under.CompletedAt != nil {
		return client.Client{}, errCompleted
	}
	known, err := h.Service.clients.Find(ctx, under.Request.ClientID)
	if err != nil {
		return client.Client{}, err
	}
	if !mayAnswer(known, under.Request) {
		return client.Client{}, &PageRefusal{"authorize.client_disabled", oauth.UnauthorizedClient, "the client changed while the person was signing in"}
	}
	return known, nil
}

// errCompleted is shown to somebody who went back to a finished sign-in.
var errCompleted = errors.New("the sign-in is finished already")

// maxJudgements bounds how often a request is judged anew because something changed while its code was issued.
const maxJudgements = 5

// advance does the next step. stored is nil for a request that has no record yet.
func (h *Handler) advance(w http.ResponseWriter, r *http.Request, under interaction.Interaction, known client.Client, stored *interaction.Interaction) {
	for range maxJudgements {
		err := h.step(w, r, under, known, stored)
		if !errors.Is(err, errChanged) {
			if err != nil {
				h.fail(w, r, err)
			}
			return
		}
		if known, err = h.usable(r.Context(), under); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	h.fail(w, r, fault.New(fault.Conflict, "consent.busy"))
}

// step judges a request as everything is now and does what follows. Unless its error is nil, nothing was answered.
func (h *Handler) step(w http.ResponseWriter, r *http.Request, under interaction.Interaction, known client.Client, stored *interaction.Interaction) error {
	who, err := h.who(r)
	if err != nil {
		return err
	}
	if !who.ok && h.States != nil {
		h.States.NobodySignedIn(w, r)
	}
	asked := under.Request // with another account, the person may have more of it
	step, refusal, err := h.Service.nextFor(r.Context(), &under, known, who)
	if err != nil {
		return err
	}
	switch step {
	case interaction.StepRespond:
		return h.respond(w, r, under.Request, known, allowed{session: who.session, decision: decidedBefore}, stored)
	case interaction.StepRefuse:
		httpx.Refused(r.Context(), refusal)
		response, err := h.Service.refuse(r.Context(), under.Request, known, who, stored, refusal)
		if err != nil {
			return err
		}
		h.leave(w, r, response, stored)
	case interaction.StepSignIn, interaction.StepSelectAccount, interaction.StepConsent:
		if stored == nil {
			bound, err := h.Browser.Begin(w, r, asked)
			if err != nil {
				return err
			}
			under = bound.Interaction
		}
		httpx.SeeOther(w, r, h.page(step)+"?"+url.Values{"interaction": {under.ID.String()}}.Encode())
	}
	return nil
}

// page returns where a step is done.
func (h *Handler) page(step interaction.Step) string {
	switch step {
	case interaction.StepSelectAccount:
		return h.SelectAccountURL
	case interaction.StepConsent:
		return h.ConsentURL
	default:
		return h.SignInURL
	}
}

func (h *Handler) who(r *http.Request) (signedIn, error) {
	current, ok, err := h.Sessions.Read(r)
	return signedIn{current, ok}, err
}

// respond sends the browser to the client with a code. Unless its error is nil, nothing was answered.
func (h *Handler) respond(w http.ResponseWriter, r *http.Request, request interaction.Request, known client.Client, by allowed, stored *interaction.Interaction) error {
	if h.States != nil {
		by.sessionState = func() string { return h.States.SessionState(w, r, known.ClientID, request.RedirectURI, by.session) }
	}
	response, err := h.Service.respond(r.Context(), request, known, by, stored)
	if err != nil {
		return err
	}
	h.leave(w, r, response, stored)
	return nil
}

// leave sends the browser to the client with a response.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, response Response, stored *interaction.Interaction) {
	if stored != nil {
		h.Browser.Finish(w, r, stored.ID)
	}
	switch {
	case !response.Confirmed:
		h.askToLeave(w, r, response)
	case response.ByPost:
		h.postResponse(w, r, response)
	default:
		httpx.SeeOther(w, r, response.Location())
	}
}

// askToLeave shows where a response would go, and lets the person go there.
func (h *Handler) askToLeave(w http.ResponseWriter, r *http.Request, response Response) {
	page := ui.LeavePage{Host: oauth.RedirectHost(response.RedirectURI), Code: string(response.Error)}
	if response.ByPost {
		if err := httpx.AllowFormAction(w, response.RedirectURI); err != nil {
			h.fail(w, r, err)
			return
		}
		page.Action, page.Fields = response.RedirectURI, fieldsOf(response)
	} else {
		page.ContinueURL = response.Location()
	}
	status := http.StatusBadRequest
	if response.Error == oauth.AccessDenied { // nothing is wrong with the request
		status = http.StatusOK
	}
	h.Renderer.Render(w, r, status, page)
}

func fieldsOf(response Response) []ui.Field {
	fields := make([]ui.Field, len(response.Parameters))
	for i, parameter := range response.Parameters {
		fields[i] = ui.Field{Name: parameter.Name, Value: parameter.Value}
	}
	return fields
}

// postResponse answers with a page that posts the response to the client (OAuth 2.0 Form
// Post Response Mode): by itself where scripts run, else at a press of its button.
func (h *Handler) postResponse(w http.ResponseWriter, r *http.Request, response Response) {
	if err := httpx.AllowFormAction(w, response.RedirectURI); err != nil {
		h.fail(w, r, err)
		return
	}
	page := ui.FormPostPage{Action: response.RedirectURI, Host: oauth.RedirectHost(response.RedirectURI), Fields: fieldsOf(response)}
	httpx.AllowScript(w, ui.FormPostScript)
	h.Renderer.Render(w, r, http.StatusOK, page)
}

// fail shows our own page; nobody is sent anywhere.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *PageRefusal
	switch {
	case errors.As(err, &refusal):
		httpx.Refused(r.Context(), err)
		h.Renderer.Render(w, r, http.StatusBadRequest, ui.ErrorPage{
			Title: "error.request.title", Message: refusal.Message, Code: string(refusal.Code), Description: refusal.Description,
		})
	case errors.Is(err, errCompleted):
		h.Renderer.Render(w, r, http.StatusOK, ui.MessagePage{Title: "interaction.completed_title", Message: "interaction.completed"})
	default:
		h.Renderer.RenderError(w, r, err)
	}
}
