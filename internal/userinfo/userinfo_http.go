package userinfo

import (
	"io"
	"net/http"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/oauth"
)

// Path is the UserInfo endpoint, below the issuer.
const Path = "/oidc/userinfo"

// Handler serves the UserInfo endpoint.
type Handler struct{ service *Service }

// NewHandler returns the handler.
func NewHandler(service *Service) *Handler { return &Handler{service} }

// Mount adds the endpoint for both methods; scripts of any origin may use it.
func (h *Handler) Mount(router *httpx.Router) {
	router.API().HandleFunc("GET "+Path, h.userinfo, httpx.AnyOrigin())
	router.API().HandleFunc("POST "+Path, h.userinfo, httpx.AnyOrigin())
}

func (h *Handler) userinfo(w http.ResponseWriter, r *http.Request) {
	presented, err := accessToken(w, r)
	if err != nil {
		httpx.WriteBearerError(w, r, err)
		return
	}
	response, err := h.service.UserInfo(r.Context(), presented)
	if err != nil {
		httpx.WriteBearerError(w, r, err)
		return
	}
	if response.JWT == "" {
		httpx.WriteJSON(w, http.StatusOK, response.Claims)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, response.JWT)
}

// accessToken reads the token from the one place where it was sent (RFC 6750 section 2).
func accessToken(w http.ResponseWriter, r *http.Request) (httpx.Presentation, error) {
	if r.URL.Query().Has("access_token") {
		return httpx.Presentation{}, oauth.Refuse(oauth.InvalidRequest, "an access token must not be sent in the query")
	}
	return httpx.ReadPresentationOrForm(w, r)
}
