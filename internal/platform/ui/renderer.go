package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"

	"authly/internal/platform/httpx"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Options configure the pages.
type Options struct {
	Prefix string // the issuer's path, see httpx.Path; "" for none
}

// Renderer renders pages. It is safe for concurrent use.
type Renderer struct {
	prefix    string
	messages  catalogue
	assets    assets
	templates map[string]*template.Template
}

// New parses the embedded templates and texts. An error is a defect of the program.
func New(options Options) (*Renderer, error) {
	r := &Renderer{prefix: options.Prefix, templates: map[string]*template.Template{}}
	var err error
	if r.messages, err = loadCatalogue(); err != nil {
		return nil, err
	}
	if r.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	frame, err := template.New("").Option("missingkey=error").Funcs(r.functions()).ParseFS(templateFiles, "templates/frame.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse the page frame: %w", err)
	}
	for _, page := range []Page{
		LoginPage{}, SelectAccountPage{}, ConsentPage{}, FormPostPage{}, LeavePage{}, LogoutPage{}, SignedOutPage{}, SetupPage{}, PasswordPage{}, ErrorPage{}, MessagePage{}, HomePage{},
	} {
		own, err := frame.Clone()
		if err != nil {
			return nil, fmt.Errorf("clone the page frame: %w", err)
		}
		if r.templates[page.template()], err = own.ParseFS(templateFiles, "templates/"+page.template()); err != nil {
			return nil, fmt.Errorf("parse the page %s: %w", page.template(), err)
		}
	}
	return r, nil
}

// Render answers with a page. The page is rendered in memory first, so that a
// failure becomes a complete error page and not half of the wrong one.
func (r *Renderer) Render(w http.ResponseWriter, request *http.Request, status int, page Page) {
	if failed, ok := page.(ErrorPage); ok {
		page = failed.withRequestID(httpx.RequestID(request.Context()))
	}
	var body bytes.Buffer
	if err := r.templates[page.template()].ExecuteTemplate(&body, "frame", page); err != nil {
		httpx.Report(request.Context(), fmt.Errorf("render the page %s: %w", page.template(), err))
		http.Error(w, "The page could not be shown. Request "+httpx.RequestID(request.Context()), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}
