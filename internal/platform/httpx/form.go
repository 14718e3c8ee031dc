package httpx

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"authly/internal/protocol/oauth"
)

// MaxBodyBytes bounds the body of every request.
const MaxBodyBytes = 64 << 10

// ReadForm returns the parameters in the body of a POST request, which must be
// application/x-www-form-urlencoded and at most [MaxBodyBytes] long. Parameters in
// the query are ignored (RFC 6749 section 3.2). A refusal is an
// [*oauth.Error] with invalid_request.
func ReadForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	body, err := readFormBody(w, r)
	if err != nil {
		return nil, err
	}
	// ParseQuery is strict: a bad escape or a semicolon is an error, where
	// Request.ParseForm would drop the pair and continue with half a request.
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body is not well-formed")
	}
	return values, nil
}

// ReadParams reads the body as [ReadForm] does and applies the rules of
// [oauth.ParseQuery], given the names of the parameters that may repeat.
func ReadParams(w http.ResponseWriter, r *http.Request, repeatable ...string) (oauth.Params, error) {
	body, err := readFormBody(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	return oauth.ParseQuery(body, repeatable...)
}

// ReadJSON returns the body of a request, which must be application/json and at
// most [MaxBodyBytes] long. The caller validates the content. A refusal is an
// [*oauth.Error] with invalid_request.
func ReadJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return readBody(w, r, "application/json")
}

func readFormBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", oauth.Refuse(oauth.InvalidRequest, "the request must be a POST")
	}
	body, err := readBody(w, r, "application/x-www-form-urlencoded")
	return string(body), err
}

func readBody(w http.ResponseWriter, r *http.Request, required string) ([]byte, error) {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body must be "+required)
	}
	mediaType, parameters, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != required {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body must be "+required)
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body must be in UTF-8")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body must not be compressed")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBodyBytes))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body is larger than 64 KiB")
	}
	if err != nil {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body ended early").Because(err)
	}
	return body, nil
}
