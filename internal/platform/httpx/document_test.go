package httpx_test

import (
	"testing"
	"time"

	"authly/internal/platform/httpx"
)

func TestDocument(t *testing.T) {
	w := newWorld(t)
	content := []byte(`{"keys":[]}`)
	w.router.API().Handle("GET /.well-known/jwks.json",
		httpx.Document("application/json", 5*time.Minute, func() []byte { return content }), httpx.AnyOrigin())
	handler := w.router.Handler()
	first := do(handler, request("GET", "/.well-known/jwks.json", "", "Origin: https://app.example"))
	tag := first.Header().Get("ETag")
	if first.Code != 200 || first.Body.String() != string(content) || len(tag) != 45 || tag[0] != '"' ||
		first.Header().Get("Cache-Control") != "public, max-age=300" || first.Header().Get("Content-Type") != "application/json" ||
		first.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %s %v", first.Code, first.Body, first.Header())
	}
	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		again := do(handler, request("GET", "/.well-known/jwks.json", "", "If-None-Match: "+header))
		if again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag ||
			again.Header().Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("rfc9110-13.1.2 %s: %d %v", header, again.Code, again.Header())
		}
	}
	head := do(handler, request("HEAD", "/.well-known/jwks.json", ""))
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("ETag") != tag || head.Header().Get("Content-Length") != "11" {
		t.Errorf("HEAD: %d %v", head.Code, head.Header())
	}
	content = []byte(`{"keys":[1]}`)
	if changed := do(handler, request("GET", "/.well-known/jwks.json", "", "If-None-Match: "+tag)); changed.Code != 200 || changed.Header().Get("ETag") == tag {
		t.Errorf("after a change: %d %v", changed.Code, changed.Header())
	}
}

func TestIssuerParts(t *testing.T) {
	for _, test := range []struct{ issuer, path, origin string }{
		{"https://id.example.com", "", "https://id.example.com"},
		{"https://id.example.com/", "", "https://id.example.com"},
		{"https://ID.example.com:8443/a/b", "/a/b", "https://id.example.com:8443"},
		{"http://localhost:8080/a/", "/a", "http://localhost:8080"},
		{"nonsense", "nonsense", ""},
		{"::", "", ""},
	} {
		if got := httpx.Path(test.issuer); test.origin != "" && got != test.path {
			t.Errorf("Path(%s) is %q", test.issuer, got)
		}
		if got := httpx.Origin(test.issuer); got != test.origin {
			t.Errorf("Origin(%s) is %q", test.issuer, got)
		}
	}
}
