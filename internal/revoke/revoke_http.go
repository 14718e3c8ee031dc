package revoke

import (
	"net/http"

	"authly/internal/clientauth"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Path is the revocation endpoint, below the issuer.
const Path = "/oauth/revoke"

// Handler serves the revocation endpoint.
type Handler struct {
	service *Service
	clients clientauth.Authenticator
}

// NewHandler returns the handler.
func NewHandler(service *Service, clients clientauth.Authenticator) *Handler {
	return &Handler{service, clients}
}

// Mount adds the endpoint, which scripts of any origin may use (RFC 7009 section 2.3).
func (h *Handler) Mount(router *httpx.Router) {
	router.API().HandleFunc("POST "+Path, h.revoke, httpx.AnyOrigin())
}

func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) {
	params, caller, err := clientauth.Caller(w, r, h.clients)
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	if !params.Has("token") {
		httpx.WriteOAuthError(w, r, oauth.Refuse(oauth.InvalidRequest, "token is missing"))
		return
	}
	if err := h.service.Revoke(r.Context(), caller, secret.FromString(params.Get("token"))); err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}
