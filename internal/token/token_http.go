package token

import (
	"log/slog"
	"net/http"

	"authly/internal/clientauth"
	"authly/internal/platform/httpx"
)

// Path is the token endpoint, below the issuer.
const Path = "/oauth/token"

// Handler serves the token endpoint.
type Handler struct {
	service *Service
	clients clientauth.Authenticator
}

// NewHandler returns the handler.
func NewHandler(service *Service, clients clientauth.Authenticator) *Handler {
	return &Handler{service, clients}
}

// Mount adds the endpoint. Scripts of any origin may use it: a browser-based
// client has nowhere else to go (RFC 10017 section 6.3).
func (h *Handler) Mount(router *httpx.Router) {
	router.API().HandleFunc("POST "+Path, h.token, httpx.AnyOrigin())
}

func (h *Handler) token(w http.ResponseWriter, r *http.Request) {
	params, err := httpx.ReadParams(w, r, "resource")
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	httpx.Attach(r.Context(), slog.String("grant_type", params.Get("grant_type")))
	response, err := h.service.Exchange(r.Context(), params, clientauth.Identifier(r, params, h.clients))
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, response)
}
