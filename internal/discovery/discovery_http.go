package discovery

import (
	"context"
	"net/http"
	"strings"
	"time"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/metadata"
)

// listTimeout bounds how long a request waits for the lists before it gets the
// previous document.
const listTimeout = time.Second

// Handler serves the metadata document and the JWK Set.
type Handler struct {
	service  *Service
	issuer   string
	metadata http.Handler
	jwks     http.Handler
}

// Mount registers the routes.
func (h *Handler) Mount(router *httpx.Router) {
	api, prefix := router.API(), metadata.IssuerPath(h.issuer)
	for _, path := range metadata.WellKnownPaths(h.issuer) {
		below, mounted := strings.CutPrefix(path, prefix+"/")
		if mounted {
			api.HandleFunc("GET /"+below, h.serveMetadata, httpx.AnyOrigin())
			continue
		}
		api.HandleFunc("GET "+path, h.serveMetadata, httpx.AnyOrigin(), httpx.AtRoot())
	}
	api.Handle("GET "+jwksPath, h.jwks, httpx.AnyOrigin())
}

func (h *Handler) serveMetadata(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), listTimeout)
	defer cancel()
	if err := h.service.Refresh(ctx); err != nil {
		if h.service.Document() == nil {
			httpx.WriteOAuthError(w, r, err)
			return
		}
		// If the database is unreachable, still give clients
		// the addresses of the endpoints.
		httpx.Report(r.Context(), err)
	}
	h.metadata.ServeHTTP(w, r)
}
