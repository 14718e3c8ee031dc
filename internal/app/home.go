package app

import (
	"net/http"

	"authly/internal/platform/ui"
)

// home is the page at the root in --dev: somebody who opens the printed address
// should find out where to go.
type home struct {
	renderer *ui.Renderer
	issuer   string
}

func (h home) show(w http.ResponseWriter, r *http.Request) {
	h.renderer.Render(w, r, http.StatusOK, ui.HomePage{
		Issuer: h.issuer, PlaygroundURL: "/playground", DiscoveryURL: "/.well-known/openid-configuration", LogoutURL: "/logout",
	})
}
