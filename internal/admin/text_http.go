package admin

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// keepable is the middleware that refuses parameters which no database keeps, so that
// no operation has to look: what is not Unicode, and the character U+0000.
func keepable(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	place := unkeepable(r)
	if place == "" {
		next(ctx)
		return
	}
	writeProblem(w, &huma.ErrorModel{
		Type: problemType + "request.invalid", Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: "validation failed", Errors: []*huma.ErrorDetail{{Location: place, Message: "it is not UTF-8, or has the character U+0000"}},
	}, nil)
}

// bodiless is the middleware of operations that take no body: whoever sends one means
// something by it, such as a password of their choice, that would not be done. The empty
// object, which some programs always send, means nothing.
func bodiless(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	const emptyObject, most = "{}", 64
	sent, err := io.ReadAll(io.LimitReader(r.Body, most))
	if err == nil && strings.TrimSuffix(strings.Join(strings.Fields(string(sent)), ""), emptyObject) == "" && len(sent) < most {
		next(ctx)
		return
	}
	writeProblem(w, &huma.ErrorModel{
		Type: problemType + "request.invalid", Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: "validation failed", Errors: []*huma.ErrorDetail{{Location: "body", Message: "this operation takes none"}},
	}, nil)
}

// unkeepable returns where such a text is, "" if nowhere.
func unkeepable(r *http.Request) string {
	if !isKeepable(r.URL.Path) {
		return "path"
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "query"
	}
	for name, values := range query {
		if !isKeepable(name) {
			return "query"
		}
		for _, value := range values {
			if !isKeepable(value) {
				return "query." + name
			}
		}
	}
	for _, name := range []string{"If-Match", "Idempotency-Key"} {
		if !isKeepable(r.Header.Get(name)) {
			return "header." + name
		}
	}
	return ""
}

func isKeepable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
