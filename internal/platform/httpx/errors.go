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

// ErrNoCredentials says that a request to a protected resource came without an
// access token. [WriteBearerError] answers it with a bare challenge: RFC 6750
// section 3.1 gives no error code to a caller that did not try.
var ErrNoCredentials = errors.New("no credentials were sent")

// realm names the protection space in challenges (RFC 9110 section 11.5).
const realm = "authly"

// retryLater is the Retry-After of an answer whose error names no time of its own.
const retryLater = 5 * time.Second

// answer is what a client is told about an error: the one mapping from errors to HTTP.
type answer struct {
	status      int
	code        oauth.ErrorCode
	description string
	retryAfter  time.Duration // 0: no header
}

// StatusOf returns the HTTP status that an error is answered with.
func StatusOf(err error) int { return answerFor(err).status }

// RetryAfter returns how long a caller should wait before it tries again: what
// an error in err's chain with a method RetryAfter() time.Duration says, else a
// few seconds for an exhausted limit or resource, else 0.
func RetryAfter(err error) time.Duration { return answerFor(err).retryAfter }

// IsFault reports whether err is a fault of our own rather than a refusal, so that
// it is to be reported and not to be shown.
func IsFault(err error) bool {
	refusal, own := RefusalIn(err)
	if refusal != nil {
		return refusal.Code == oauth.ServerError
	}
	return own == nil
}

// RefusalIn returns the first refusal in err's chain, of whichever of the two
// types: what stands behind it is its private reason, even if that is itself a
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
	made := answer{status: http.StatusBadRequest, code: refusal.Code, description: refusal.Description}
	switch refusal.Code { //nolint:exhaustive // 400 is the rule (RFC 6749 section 5.2)
	case oauth.InvalidClient, oauth.InvalidToken:
		made.status = http.StatusUnauthorized
	case oauth.InsufficientScope:
		made.status = http.StatusForbidden
	case oauth.ServerError:
		made.status, made.description = http.StatusInternalServerError, ""
	case oauth.TemporarilyUnavailable:
		made.status, made.retryAfter = http.StatusServiceUnavailable, waitOf(err)
	}
	return made
}

func waitOf(err error) time.Duration {
	var said interface{ RetryAfter() time.Duration }
	if errors.As(err, &said) && said.RetryAfter() > 0 {
		return said.RetryAfter()
	}
	return retryLater
}

// SetRetryAfter sets the header of that name in whole seconds, rounded up, if
// there is anything to wait for (RFC 9110 section 10.2.3).
func SetRetryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
}

type errorBody struct {
	Error       oauth.ErrorCode `json:"error"`
	Description string          `json:"error_description,omitempty"`
}

// WriteOAuthError answers with the error object of RFC 6749 section 5.2. A
// fault of ours is reported to the request's log line and answered as
// server_error with the request's identifier and nothing else.
//
// Every 401 carries a challenge: RFC 6749 asks for it when the client used the
// Authorization header (OA-13), RFC 9110 section 15.5.2 always.
func WriteOAuthError(w http.ResponseWriter, r *http.Request, err error) {
	told := answerFor(err)
	note(r.Context(), err)
	if told.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
	}
	writeAnswer(w, r, told)
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
	told := answerFor(err)
	note(r.Context(), err)
	if isRefusal && told.status < http.StatusInternalServerError {
		challenge := `Bearer realm="` + realm + `", error="` + quotable(string(told.code)) + `"`
		if told.description != "" {
			challenge += `, error_description="` + quotable(told.description) + `"`
		}
		if refusal.Scope != "" {
			challenge += `, scope="` + quotable(refusal.Scope) + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeAnswer(w, r, told)
}

// note puts an error onto the request's log line: a fault of ours as such, else the refusal.
func note(ctx context.Context, err error) {
	if IsFault(err) {
		Report(ctx, err)
		return
	}
	Refused(ctx, err)
}

func writeAnswer(w http.ResponseWriter, r *http.Request, told answer) {
	SetRetryAfter(w, told.retryAfter)
	if told.status == http.StatusInternalServerError {
		told.description = "the server failed to answer"
		if id := RequestID(r.Context()); id != "" {
			told.description += "; request " + id
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	WriteJSON(w, told.status, errorBody{told.code, quotable(told.description)})
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
