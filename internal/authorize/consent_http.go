package authorize

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ui"
	"authly/internal/protocol/oauth"
	"authly/internal/session"
)

// consentStep names the form for its token. The session is part of it: whoever
// changes accounts in another tab has to see the page again. So is what the page showed: a decision is about that.
func consentStep(who session.Session, shown string) string {
	return "consent " + who.ID.String() + " " + who.UserID.String() + " " + shown
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
	page, err := h.consentPage(r.Context(), at)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page.Error = problem
	// The answer to this form leads to the client, and browsers apply form-action to redirects too.
	if err := httpx.AllowFormAction(w, at.bound.Request.RedirectURI); err != nil {
		h.fail(w, r, err)
		return
	}
	h.Renderer.Render(w, r, status, page)
}

// consentPage returns the page as it is now, with a digest of all that it shows.
func (h *Handler) consentPage(ctx context.Context, at consentVisit) (ui.ConsentPage, error) {
	request := at.bound.Request
	person, err := h.Users.Find(ctx, at.who.UserID)
	if err != nil {
		return ui.ConsentPage{}, err
	}
	logo, err := h.Logos.URL(ctx, request.Client, request.ClientID)
	if err != nil {
		return ui.ConsentPage{}, err
	}
	asked := wanted(request, at.known)
	page := ui.ConsentPage{
		Warning: warning(at.known), Action: "/consent", Interaction: at.bound.ID.String(),
		ClientName: request.ClientName, ClientHost: request.ClientHost, ClientURI: request.ClientURI,
		UserName: person.Username, Claims: asked.Claims, LogoURL: logo, PolicyURI: request.PolicyURI, TermsURI: request.TermsURI,
		SwitchAccountURL: "/login?" + url.Values{"interaction": {at.bound.ID.String()}, "switch": {"1"}}.Encode(), SignOutURL: "/logout",
		Lasts: h.lasts(at.known), Offline: request.Scopes.Has(oauth.ScopeOfflineAccess),
	}
	if page.Scopes, err = h.described(ctx, asked.Permissions.At("")); err != nil {
		return ui.ConsentPage{}, err
	}
	for _, resource := range asked.Permissions.Resources() {
		view := ui.ResourceView{Host: oauth.ResourceHost(resource), URI: resource}
		if view.Scopes, err = h.described(ctx, asked.Permissions.At(resource)); err != nil {
			return ui.ConsentPage{}, err
		}
		page.Resources = append(page.Resources, view)
	}
	encoded, err := json.Marshal([]any{page, asked.ReliedOn})
	if err != nil {
		return ui.ConsentPage{}, fmt.Errorf("encode the consent page: %w", err)
	}
	digest := sha256.Sum256(encoded)
	page.Shown = hex.EncodeToString(digest[:])
	page.Token = at.bound.FormToken(consentStep(at.who, page.Shown))
	return page, nil
}

// lasts returns how long a client keeps its access at most.
func (h *Handler) lasts(known client.Client) time.Duration {
	if known.MayUse(oauth.RefreshToken) {
		return cmp.Or(known.RefreshTokenLifetime.Duration(), h.Lifetimes.RefreshToken)
	}
	return cmp.Or(known.AccessTokenLifetime.Duration(), h.Lifetimes.AccessToken)
}

// described returns what a person is told about scopes.
func (h *Handler) described(ctx context.Context, names oauth.ScopeSet) ([]ui.ScopeView, error) {
	descriptions, err := h.Descriptions.Descriptions(ctx, names)
	if err != nil {
		return nil, err
	}
	views := make([]ui.ScopeView, len(names))
	for i, name := range names {
		views[i] = ui.ScopeView{Name: name, Description: descriptions[i]}
	}
	return views, nil
}

// showAgain shows the page as it is now: what the person decided about has changed.
func (h *Handler) showAgain(w http.ResponseWriter, r *http.Request, id string) {
	if at, ok := h.atConsent(w, r, id); ok {
		h.renderConsent(w, r, http.StatusConflict, at, "consent.changed")
	}
}

// decide takes the person's decision. It counts only for the interaction,
// session and account that the page was shown for, and for exactly what it showed.
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
	if err := bound.CheckFormToken(consentStep(who, form.Get("shown")), form.Get("csrf_token")); err != nil {
		httpx.Attach(r.Context(), slog.String("refusal", "form token"))
		h.renderConsent(w, r, http.StatusForbidden, at, "login.csrf")
		return
	}
	switch form.Get("decision") {
	case "allow":
		page, err := h.consentPage(r.Context(), at)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		if page.Shown != form.Get("shown") {
			h.renderConsent(w, r, http.StatusConflict, at, "consent.changed")
			return
		}
		err = h.respond(w, r, bound.Request, at.known, allowed{session: who, decision: decidedNow}, &bound.Interaction)
		if errors.Is(err, errChanged) {
			h.showAgain(w, r, form.Get("interaction"))
		} else if err != nil {
			h.fail(w, r, err)
		}
	case "deny":
		response, err := h.Service.deny(r.Context(), bound.Interaction, who)
		if errors.Is(err, errChanged) {
			h.showAgain(w, r, form.Get("interaction"))
			return
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.leave(w, r, response, &bound.Interaction)
	default:
		h.renderConsent(w, r, http.StatusBadRequest, at, "consent.no_decision")
	}
}
