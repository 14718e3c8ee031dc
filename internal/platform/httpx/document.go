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
// those with a hash of their content in the name.
const immutableAge = 365 * 24 * time.Hour

// Document serves a public document from memory with a strong ETag, so that a
// client that has it already gets 304 (RFC 9110 section 13). body is called for each
// request and must not change a slice that it has returned. maxAge is how long a
// cache may serve it without revalidation; a year or more marks it as immutable.
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
		// The zero time omits Last-Modified: the ETag is exact, a time is not.
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
