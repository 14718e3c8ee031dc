package app

import (
	"context"
	"net/http"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/httpx"
)

// readyTimeout bounds the question to the database.
const readyTimeout = 2 * time.Second

// health answers probes: /healthz tells that the process answers at all,
// /readyz that it can do its work.
type health struct{ database *db.DB }

// Mount adds the probes below the issuer's path and, since probes are
// configured by people who don't think of that, at the root.
func (h health) Mount(router *httpx.Router, issuer string) {
	router.API().HandleFunc("GET /healthz", h.alive, httpx.Quiet(), httpx.OverPlaintext())
	router.API().HandleFunc("GET /readyz", h.ready, httpx.Quiet(), httpx.OverPlaintext())
	if httpx.Path(issuer) != "" {
		router.API().HandleFunc("GET /healthz", h.alive, httpx.Quiet(), httpx.OverPlaintext(), httpx.AtRoot())
		router.API().HandleFunc("GET /readyz", h.ready, httpx.Quiet(), httpx.OverPlaintext(), httpx.AtRoot())
	}
}

func (h health) alive(w http.ResponseWriter, _ *http.Request) {
	httpx.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (h health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := h.database.Ping(ctx); err != nil {
		httpx.Report(r.Context(), err)
		httpx.WriteJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "the database is not reachable"})
		return
	}
	httpx.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}
