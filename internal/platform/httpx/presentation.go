package httpx

import (
	"net/http"
	"strings"

	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Presentation is an access token as a request to a protected resource presents it, with all that
// proves the right to use it. Only [ReadPresentation] and [ReadPresentationOrForm] make one, so that no
// resource can judge the token and forget the rest of the request. Tokens are bearer tokens: there is no other proof.
type Presentation struct{ token secret.Redacted }

// Token returns the token, the zero secret if none was presented.
func (p Presentation) Token() secret.Redacted { return p.token }

// ReadPresentation reads the header Authorization (RFC 6750 section 2.1). Errors are for
// [WriteBearerError]: [ErrNoCredentials] without the header, else a refusal.
func ReadPresentation(r *http.Request) (Presentation, error) {
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return Presentation{}, ErrNoCredentials
	case 1:
		token, err := oauth.ParseBearer(headers[0])
		return Presentation{secret.FromString(token)}, err
	default:
		return Presentation{}, oauth.Refuse(oauth.InvalidRequest, "more than one Authorization header")
	}
}

// ReadPresentationOrForm is [ReadPresentation], and also accepts a token in the form of a POST
// request (RFC 6750 section 2.2), but not both.
func ReadPresentationOrForm(w http.ResponseWriter, r *http.Request) (Presentation, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 || r.Method != http.MethodPost || !hasForm(r) {
		return ReadPresentation(r)
	}
	params, err := ReadParams(w, r)
	if err != nil {
		return Presentation{}, err
	}
	posted := params.Get("access_token")
	if posted == "" {
		return ReadPresentation(r)
	}
	if len(headers) > 0 {
		return Presentation{}, oauth.Refuse(oauth.InvalidRequest, "the access token was sent in more than one way")
	}
	return Presentation{secret.FromString(posted)}, nil
}

// hasForm reports whether there is a form to read; a POST request without a body has none.
func hasForm(r *http.Request) bool {
	return r.ContentLength != 0 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}
