package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"authly/internal/platform/httpx"
)

//go:embed static
var staticFiles embed.FS

// StaticRoute is the pattern under which [Renderer.Static] is to be registered.
const StaticRoute = "GET /static/{name}"

// assetAge is how long a browser may cache a file with its hash in the name.
const assetAge = 365 * 24 * time.Hour

type asset struct {
	contentType string
	content     []byte
}

// assets are the static files: by the name with the hash of the content, and
// those names by the plain ones.
type assets struct {
	byHashed map[string]asset
	hashed   map[string]string
}

func loadAssets() (assets, error) {
	loaded := assets{map[string]asset{}, map[string]string{}}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return assets{}, fmt.Errorf("list the static files: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		content, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			return assets{}, fmt.Errorf("read the static file %s: %w", name, err)
		}
		digest := sha256.Sum256(content)
		extension := path.Ext(name)
		hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(digest[:8]) + extension
		contentType := map[string]string{
			".css": "text/css; charset=utf-8",
			".svg": "image/svg+xml",
		}[extension] // not from the tables of the system, which differ
		if contentType == "" {
			contentType = mime.TypeByExtension(extension)
		}
		loaded.byHashed[hashed] = asset{contentType, content}
		loaded.hashed[name] = hashed
	}
	return loaded, nil
}

// Static serves the stylesheet and the images, for [StaticRoute]. Their names
// change with their content, so browsers cache them for good.
func (r *Renderer) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		asset, ok := r.assets.byHashed[request.PathValue("name")]
		if !ok {
			r.RenderStatus(w, request, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		httpx.Document(asset.contentType, assetAge, func() []byte { return asset.content }).ServeHTTP(w, request)
	})
}

// AssetURL returns the path, with the issuer's, at which a static file such as
// "authly.css" is served, or an error if there is none.
func (r *Renderer) AssetURL(name string) (string, error) {
	hashed, ok := r.assets.hashed[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %s", name)
	}
	return r.prefix + "/static/" + hashed, nil
}
