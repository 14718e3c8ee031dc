package httpx

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// ErrNoCredentials says that a request to a protected resource had no
// access token. [WriteBearerError] answers it with a bare challenge: RFC 6750
// section 3.1 gives no error code to a request without credentials.
var ErrNoCredentials = errors.New("no credentials were sent")

// realm names the protection space in challenges (RFC 9110 section 11.5).
const realm = "authly"

// retryLater is the Retry-After of an answer whose error has no time of its own.
const retryLater = 5 * time.Second

// answer is what a client receives for an error: the one mapping from errors to HTTP.
type answer struct {
	status      int
	code        oauth.ErrorCode
	description string
	retryAfter  time.Duration // 0: no header
}

// StatusOf returns the HTTP status of the answer to an error.
func StatusOf(err error) int { return answerFor(err).status }

// RetryAfter returns how long a caller should wait before retrying: the result of
// a method RetryAfter() time.Duration of an error in err's chain, otherwise a
// few seconds for an exhausted limit or resource, otherwise 0.
func RetryAfter(err error) time.Duration { return answerFor(err).retryAfter }

// IsFault reports whether err is an internal error rather than a refusal, and so
// must be reported and not shown.
func IsFault(err error) bool {
	refusal, own := RefusalIn(err)
	if refusal != nil {
		return refusal.Code == oauth.ServerError
	}
	return own == nil
}

// RefusalIn returns the first refusal in err's chain, of either
// type: what it wraps is its private reason, even if that is itself a
// refusal of the other type.
func RefusalIn(err error) (*oauth.Error, *fault.Error) {
	switch e := err.(type) { //nolint:errorlint // the walk of the chain is done here
	case *oauth.Error:
		return e, nil
	case *fault.Error:
		return nil, e
	case interface{ Unwrap() error }:
		return RefusalIn(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, joined := range e.Unwrap() {
			if refusal, own := RefusalIn(joined); refusal != nil || own != nil {
				return refusal, own
			}
		}
	}
	return nil, nil
}

func answerFor(err error) answer {
	refusal, own := RefusalIn(err)
	if refusal != nil {
		return answerForRefusal(refusal, err)
	}
	if own != nil {
		return answerForFault(own, err)
	}
	var passing interface{ RetryAfter() time.Duration } // as an error of a database that restarts
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &passing) {
		return answer{http.StatusServiceUnavailable, oauth.TemporarilyUnavailable, "the server is busy, try again shortly", waitOf(err)}
	}
	return answer{status: http.StatusInternalServerError, code: oauth.ServerError}
}

func answerForFault(own *fault.Error, err error) answer {
	switch own.Kind { //nolint:exhaustive // the rest is the input's fault
	case fault.Limited:
		return answer{http.StatusTooManyRequests, oauth.TemporarilyUnavailable, "too many attempts, try again later", waitOf(err)}
	case fault.Unavailable:
		return answer{http.StatusServiceUnavailable, oauth.TemporarilyUnavailable, "the server is busy, try again shortly", waitOf(err)}
	case fault.NotFound:
		return answer{status: http.StatusNotFound, code: oauth.InvalidRequest, description: "not found"}
	case fault.Conflict:
		return answer{status: http.StatusConflict, code: oauth.InvalidRequest, description: "in conflict with the present state"}
	case fault.Forbidden:
		return answer{status: http.StatusForbidden, code: oauth.AccessDenied, description: "not allowed"}
	}
	return answer{status: http.StatusBadRequest, code: oauth.InvalidRequest, description: "the request is not valid"}
}

func answerForRefusal(refusal *oauth.Error, err error) answer {
	a := answer{status: http.StatusBadRequest, code: refusal.Code, description: refusal.Description}
	switch refusal.Code { //nolint:exhaustive // 400 is the rule (RFC 6749 section 5.2)
	case oauth.InvalidClient, oauth.InvalidToken:
		a.status = http.StatusUnauthorized
	case oauth.InsufficientScope:
		a.status = http.StatusForbidden
	case oauth.ServerError:
		a.status, a.description = http.StatusInternalServerError, ""
	case oauth.TemporarilyUnavailable:
		a.status, a.retryAfter = http.StatusServiceUnavailable, waitOf(err)
	}
	return a
}

func waitOf(err error) time.Duration {
	var e interface{ RetryAfter() time.Duration }
	if errors.As(err, &e) && e.RetryAfter() > 0 {
		return e.RetryAfter()
	}
	return retryLater
}

// SetRetryAfter sets the Retry-After header in whole seconds, rounded up, if
// wait is positive (RFC 9110 section 10.2.3).
func SetRetryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
}

type errorBody struct {
	Error       oauth.ErrorCode `json:"error"`
	Description string          `json:"error_description,omitempty"`
}

// WriteOAuthError answers with the error object of RFC 6749 section 5.2. An
// internal error is reported on the request's log line and answered as
// server_error with only the request's identifier.
//
// Every 401 carries a challenge: RFC 6749 requires it when the client used the
// Authorization header (OA-13), RFC 9110 section 15.5.2 always.
func WriteOAuthError(w http.ResponseWriter, r *http.Request, err error) {
	a := answerFor(err)
	note(r.Context(), err)
	if a.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
	}
	writeAnswer(w, r, a)
}

// WriteBearerError answers a request to a protected resource with the challenge
// of RFC 6750 section 3. [ErrNoCredentials], or an [*oauth.Error] without a code,
// gives a challenge without an error.
func WriteBearerError(w http.ResponseWriter, r *http.Request, err error) {
	refusal, _ := RefusalIn(err)
	isRefusal := refusal != nil
	if errors.Is(err, ErrNoCredentials) || errors.Is(err, oauth.ErrNoBearerToken) || isRefusal && refusal.Code == "" {
		challenge := `Bearer realm="` + realm + `"`
		if isRefusal && refusal.Scope != "" {
			challenge += `, scope="` + quotable(refusal.Scope) + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a := answerFor(err)
	note(r.Context(), err)
	if isRefusal && a.status < http.StatusInternalServerError {
		challenge := `Bearer realm="` + realm + `", error="` + quotable(string(a.code)) + `"`
		if a.description != "" {
			challenge += `, error_description="` + quotable(a.description) + `"`
		}
		if refusal.Scope != "" {
			challenge += `, scope="` + quotable(refusal.Scope) + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeAnswer(w, r, a)
}

// note puts an error onto the request's log line: an internal error as such, otherwise the refusal.
func note(ctx context.Context, err error) {
	if IsFault(err) {
		Report(ctx, err)
		return
	}
	Refused(ctx, err)
}

func writeAnswer(w http.ResponseWriter, r *http.Request, a answer) {
	SetRetryAfter(w, a.retryAfter)
	if a.status == http.StatusInternalServerError {
		a.description = "the server failed to answer"
		if id := RequestID(r.Context()); id != "" {
			a.description += "; request " + id
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	WriteJSON(w, a.status, errorBody{a.code, quotable(a.description)})
}

// quotable makes a text fit for error_description and for a quoted string in a
// header: printable ASCII without quote and backslash (RFC 6749 section 5.2,
// RFC 6750 section 3).
func quotable(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < 0x20 || c > 0x7e || c == '\\':
			return '?'
		}
		return c
	}, text)
}
