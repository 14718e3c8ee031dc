package userinfo

import (
	"io"
	"net/http"
	"strings"

	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Handler serves the UserInfo endpoint.
type Handler struct{ service *Service }

// NewHandler returns the handler.
func NewHandler(service *Service) *Handler { return &Handler{service} }

// Mount adds the endpoint for both methods; scripts of any origin may use it.
func (h *Handler) Mount(router *httpx.Router) {
	router.API().HandleFunc("GET /oidc/userinfo", h.userinfo, httpx.AnyOrigin())
	router.API().HandleFunc("POST /oidc/userinfo", h.userinfo, httpx.AnyOrigin())
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

// accessToken finds the token in the one place where it was sent (RFC 6750 section 2).
func accessToken(w http.ResponseWriter, r *http.Request) (secret.Redacted, error) {
	if r.URL.Query().Has("access_token") {
		return secret.Redacted{}, oauth.Refuse(oauth.InvalidRequest, "an access token must not be sent in the query")
	}
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return secret.Redacted{}, oauth.Refuse(oauth.InvalidRequest, "more than one Authorization header")
	}
	inBody := ""
	if r.Method == http.MethodPost && isForm(r) {
		params, err := httpx.ReadParams(w, r)
		if err != nil {
			return secret.Redacted{}, err
		}
		inBody = params.Get("access_token")
	}
	switch {
	case len(headers) == 1 && inBody != "":
		return secret.Redacted{}, oauth.Refuse(oauth.InvalidRequest, "the access token was sent in more than one way")
	case inBody != "":
		return secret.FromString(inBody), nil
	case len(headers) == 0:
		return secret.Redacted{}, httpx.ErrNoCredentials
	}
	inHeader, err := oauth.ParseBearer(headers[0])
	return secret.FromString(inHeader), err
}

// isForm reports whether there is a form to look into; a POST without a body has none.
func isForm(r *http.Request) bool {
	return r.ContentLength != 0 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}
