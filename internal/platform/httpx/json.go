package httpx

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// WriteJSON answers with body as JSON. The answer must not be stored (OA-14)
// unless the handler has set another Cache-Control. A body that can't be encoded
// is an internal error.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		// All types written here are ours, so this is a defect,
		// which the middleware turns into a logged 500.
		panic(fmt.Errorf("encode a %T as JSON: %w", body, err))
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
	encoded = append(encoded, '\n')
	header.Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

// SeeOther answers 303: the browser follows with GET and without the body. It
// is the only redirect used here, because others may carry the password that
// was just posted to the next address (RFC 9700 section 4.12, OA-16).
func SeeOther(w http.ResponseWriter, r *http.Request, location string) {
	http.Redirect(w, r, location, http.StatusSeeOther)
}
