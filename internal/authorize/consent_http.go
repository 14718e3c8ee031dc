package authorize

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ui"
	"authly/internal/session"
)

// consentStep names the form for its token. The session is part of it: whoever
// changes accounts in another tab has to see the page again.
func consentStep(who session.Session) string {
	return "consent " + who.ID.String() + " " + who.UserID.String()
}

// consentVisit is one look at the consent page.
type consentVisit struct {
	bound interaction.Bound
	known client.Client
	who   session.Session
}

// warning returns what a person should know about a client that nobody has checked
// (OAuth 2.1 section 7.12, ASVS 10.4.7).
func warning(known client.Client) string {
	if known.RegisteredBy == client.ByClient {
		return "consent.self_registered"
	}
	return ""
}

func (h *Handler) showConsent(w http.ResponseWriter, r *http.Request) {
	at, ok := h.atConsent(w, r, r.URL.Query().Get("interaction"))
	if !ok {
		return
	}
	h.renderConsent(w, r, http.StatusOK, at, "")
}

// atConsent returns the interaction if consent is its next step; otherwise it
// has answered the request, by sending the browser to where it belongs.
func (h *Handler) atConsent(w http.ResponseWriter, r *http.Request, id string) (consentVisit, bool) {
	bound, err := h.Browser.Load(r, id)
	if err != nil {
		h.fail(w, r, err)
		return consentVisit{}, false
	}
	known, err := h.usable(r.Context(), bound.Interaction)
	if err != nil {
		h.fail(w, r, err)
		return consentVisit{}, false
	}
	who, err := h.who(r)
	if err != nil {
		h.fail(w, r, err)
		return consentVisit{}, false
	}
	step, _, err := h.Service.nextFor(r.Context(), &bound.Interaction, known, who)
	if err != nil {
		h.fail(w, r, err)
		return consentVisit{}, false
	}
	if step != interaction.StepConsent {
		httpx.SeeOther(w, r, h.Browser.ContinueURL(bound.ID))
		return consentVisit{}, false
	}
	return consentVisit{bound, known, who.session}, true
}

func (h *Handler) renderConsent(w http.ResponseWriter, r *http.Request, status int, at consentVisit, problem string) {
	bound, who := at.bound, at.who
	person, err := h.Users.Find(r.Context(), who.UserID)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	request := bound.Request
	descriptions, err := h.Descriptions.Descriptions(r.Context(), request.Scopes)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	scopes := make([]ui.ScopeView, len(request.Scopes))
	for i, name := range request.Scopes {
		scopes[i] = ui.ScopeView{Name: name, Description: descriptions[i]}
	}
	logo, err := h.Logos.URL(r.Context(), request.Client, request.ClientID)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	// The answer to this form leads to the client, and browsers apply form-action to redirects too.
	if err := httpx.AllowFormAction(w, request.RedirectURI); err != nil {
		h.fail(w, r, err)
		return
	}
	h.Renderer.Render(w, r, status, ui.ConsentPage{
		Warning: warning(at.known), Action: "/consent", Interaction: bound.ID.String(), Token: bound.FormToken(consentStep(who)),
		ClientName: request.ClientName, ClientHost: request.ClientHost, ClientURI: request.ClientURI,
		UserName: person.Username, Scopes: scopes, Claims: claimsBeyondScopes(request), LogoURL: logo, PolicyURI: request.PolicyURI, TermsURI: request.TermsURI, Error: problem,
		SwitchAccountURL: "/login?" + url.Values{"interaction": {bound.ID.String()}, "switch": {"1"}}.Encode(),
	})
}

// showAgain shows the page as it is now: what the person decided about has changed.
func (h *Handler) showAgain(w http.ResponseWriter, r *http.Request, id string) {
	if at, ok := h.atConsent(w, r, id); ok {
		h.renderConsent(w, r, http.StatusConflict, at, "consent.changed")
	}
}

// decide takes the person's decision. It counts only for the interaction,
// session and account that the page was shown for.
func (h *Handler) decide(w http.ResponseWriter, r *http.Request) {
	form, err := httpx.ReadForm(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	at, ok := h.atConsent(w, r, form.Get("interaction"))
	if !ok {
		return
	}
	bound, who := at.bound, at.who
	if err := bound.CheckFormToken(consentStep(who), form.Get("csrf_token")); err != nil {
		httpx.Attach(r.Context(), slog.String("refusal", "form token"))
		h.renderConsent(w, r, http.StatusForbidden, at, "login.csrf")
		return
	}
	switch form.Get("decision") {
	case "allow":
		err := h.respond(w, r, bound.Request, at.known, allowed{session: who, decision: decidedNow}, &bound.Interaction)
		if errors.Is(err, errChanged) {
			h.showAgain(w, r, form.Get("interaction"))
		} else if err != nil {
			h.fail(w, r, err)
		}
	case "deny":
		response, err := h.Service.deny(r.Context(), bound.Interaction, at.known, who)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.leave(w, r, response, &bound.Interaction)
	default:
		h.renderConsent(w, r, http.StatusBadRequest, at, "consent.no_decision")
	}
}
