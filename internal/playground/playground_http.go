package playground

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/oidc"
)

// path is where the page is, and where the authorization response is returned to,
// below the issuer. Its files are below it.
const path = "/playground"

// ownFiles returns the page's own files with their content types.
func ownFiles() map[string]string {
	return map[string]string{
		"playground.css": "text/css; charset=utf-8",
		"playground.js":  "text/javascript; charset=utf-8",
		"protocol.js":    "text/javascript; charset=utf-8",
		"view.js":        "text/javascript; charset=utf-8",
	}
}

// Handler serves the page and its files.
type Handler struct{ page []byte }

type view struct {
	Deps
	RedirectURI string
	Base        string // of the page's own files
	Prompts     []oidc.Prompt
}

func render(deps Deps) ([]byte, error) {
	parsed, err := template.New("playground.html").Option("missingkey=error").
		Funcs(template.FuncMap{"asset": deps.Assets.AssetURL}).ParseFS(files, "playground.html")
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = parsed.Execute(&page, view{
		Deps:        deps,
		RedirectURI: RedirectURI(deps.Issuer),
		Base:        httpx.Path(deps.Issuer) + path,
		Prompts:     oidc.Prompts(),
	})
	return page.Bytes(), err
}

// Mount registers the routes. Only the page needs scripts.
func (h *Handler) Mount(router *httpx.Router) {
	browser := router.Browser()
	browser.HandleFunc("GET "+path, h.servePage, httpx.OwnScripts())
	for name, contentType := range ownFiles() {
		content, err := files.ReadFile("static/" + name)
		if err != nil {
			panic("an embedded file can't be read: " + err.Error())
		}
		// Not cached, so that a new program never meets an old script.
		browser.Handle("GET "+path+"/"+name, httpx.Document(contentType, 0, func() []byte { return content }))
	}
}

// servePage answers with the page, whether or not there is an authorization
// response in the query: only the script reads that.
func (h *Handler) servePage(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(h.page)))
	_, _ = w.Write(h.page)
}
