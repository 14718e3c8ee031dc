package registration

import (
	"net/http"
	"time"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ui"
)

// LogoHandler serves the logos of clients.
type LogoHandler struct {
	logos    *Logos
	renderer *ui.Renderer
}

// NewLogoHandler returns the handler.
func NewLogoHandler(logos *Logos, renderer *ui.Renderer) *LogoHandler {
	return &LogoHandler{logos, renderer}
}

// Mount adds the route.
func (h *LogoHandler) Mount(router *httpx.Router) {
	router.Browser().HandleFunc("GET "+logoPath+"/{client_id}", h.serve, httpx.Quiet())
}

// logoAge is how long a browser may show a logo without asking. The pages' address of
// it changes with the picture.
const logoAge = time.Hour

// logoPolicy is for somebody who opens the picture itself: it does nothing but be seen.
const logoPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"

func (h *LogoHandler) serve(w http.ResponseWriter, r *http.Request) {
	picture, ok, err := h.logos.Image(r.Context(), r.PathValue("client_id"))
	switch {
	case fault.KindOf(err) == fault.NotFound || err == nil && !ok:
		h.renderer.RenderStatus(w, r, http.StatusNotFound)
		return
	case err != nil:
		httpx.Report(r.Context(), err)
		h.renderer.RenderStatus(w, r, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", logoPolicy)
	httpx.Document("image/png", logoAge, func() []byte { return picture }).ServeHTTP(w, r)
}
