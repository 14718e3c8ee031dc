package introspect

import (
	"net/http"

	"authly/internal/clientauth"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Path is the introspection endpoint, below the issuer.
const Path = "/oauth/introspect"

// Handler serves the introspection endpoint.
type Handler struct {
	service *Service
	clients clientauth.Authenticator
}

// NewHandler returns the handler.
func NewHandler(service *Service, clients clientauth.Authenticator) *Handler {
	return &Handler{service, clients}
}

// Mount adds the endpoint. It has no CORS: it requires credentials
// that no browser can keep.
func (h *Handler) Mount(router *httpx.Router) {
	router.API().HandleFunc("POST "+Path, h.introspect)
}

func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) {
	params, caller, err := clientauth.Caller(w, r, h.clients)
	if err == nil && caller.IsPublic() { // RFC 7662 section 2.1: it must be authorized, and naming oneself is not enough
		err = oauth.Refuse(oauth.InvalidClient, "introspection needs client credentials")
	}
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	if !params.Has("token") {
		httpx.WriteOAuthError(w, r, oauth.Refuse(oauth.InvalidRequest, "token is missing"))
		return
	}
	answer, err := h.service.Introspect(r.Context(), caller, secret.FromString(params.Get("token")))
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, answer)
}
