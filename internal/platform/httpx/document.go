package httpx

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// immutableAge marks documents that never change at their address (RFC 8246):
// those whose name has their hash.
const immutableAge = 365 * 24 * time.Hour

// Document serves a public document from memory with a strong ETag, so that a
// reader who has it already gets 304 (RFC 9110 section 13). body is asked at each
// request and must not change a slice that it has returned. maxAge is how long a
// cache may serve it without asking; a year or more says that it never changes.
func Document(contentType string, maxAge time.Duration, body func() []byte) http.Handler {
	cacheControl := "public, max-age=" + strconv.Itoa(int(maxAge/time.Second))
	if maxAge >= immutableAge {
		cacheControl += ", immutable"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content := body()
		digest := sha256.Sum256(content)
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Cache-Control", cacheControl)
		header.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(digest[:])+`"`)
		// The zero time leaves Last-Modified out: the ETag is exact, a time is not.
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
