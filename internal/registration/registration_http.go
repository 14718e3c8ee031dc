package registration

import (
	"errors"
	"net/http"

	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
)

// Handler serves the registration and the client configuration endpoint.
type Handler struct{ service *Service }

// NewHandler returns the handler.
func NewHandler(service *Service) *Handler { return &Handler{service} }

// Mount adds the endpoints. Scripts of any origin may use it (DR-11): some tools
// register from a page.
func (h *Handler) Mount(router *httpx.Router) {
	router.API().HandleFunc("POST "+Path, h.register, httpx.AnyOrigin())
	router.API().HandleFunc("GET "+Path+"/{client_id}", h.read, httpx.AnyOrigin())
	router.API().HandleFunc("PUT "+Path+"/{client_id}", h.replace, httpx.AnyOrigin())
	router.API().HandleFunc("DELETE "+Path+"/{client_id}", h.remove, httpx.AnyOrigin())
}

// register is the client registration endpoint (RFC 7591 section 3).
func (h *Handler) register(w http.ResponseWriter, r *http.Request) {
	presented, err := bearerToken(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	document, err := httpx.ReadJSON(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	made, err := h.service.Register(r.Context(), presented, document)
	if err != nil {
		fail(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusCreated, made.response())
}

// read is the first of the client configuration endpoint's methods (RFC 7592 section 2).
func (h *Handler) read(w http.ResponseWriter, r *http.Request) {
	presented, err := bearerToken(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	known, err := h.service.Read(r.Context(), r.PathValue("client_id"), presented)
	if err != nil {
		fail(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, known.response())
}

// replace looks at the token before the body: nobody else learns what is wrong with it.
func (h *Handler) replace(w http.ResponseWriter, r *http.Request) {
	presented, err := bearerToken(r)
	if err == nil {
		_, err = h.service.Read(r.Context(), r.PathValue("client_id"), presented)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	document, err := httpx.ReadJSON(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	changed, err := h.service.Replace(r.Context(), r.PathValue("client_id"), presented, document)
	if err != nil {
		fail(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, changed.response())
}

func (h *Handler) remove(w http.ResponseWriter, r *http.Request) {
	presented, err := bearerToken(r)
	if err == nil {
		err = h.service.Delete(r.Context(), r.PathValue("client_id"), presented)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// bearerToken returns the token of a request, or the zero one if it has no
// Authorization header at all. Another scheme is a wrong token.
func bearerToken(r *http.Request) (secret.Redacted, error) {
	presented, err := httpx.ReadPresentation(r)
	if errors.Is(err, httpx.ErrNoCredentials) {
		err = nil
	}
	return presented.Token(), err
}

// fail answers a token that is missing or wrong with a challenge (RFC 6750
// section 3), and everything else as RFC 7591 section 3.2.2 asks for.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if httpx.StatusOf(err) == http.StatusUnauthorized {
		httpx.WriteBearerError(w, r, err)
		return
	}
	httpx.WriteOAuthError(w, r, err)
}
