package admin

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
)

// problemType begins the types of problems: names that stay, and lead nowhere.
const problemType = "urn:authly:problem:"

// keyPrecondition is the key of a fault that is answered with 412 (RFC 9110 section 13.1.1).
const keyPrecondition = "admin.precondition_failed"

func precondition() error { return fault.New(fault.Conflict, keyPrecondition) }

// problem returns what a caller is told about an error (RFC 9457). It is the one mapping
// of errors. A fault of our own goes to the log, and its problem has the request's identifier
// and nothing else.
func problem(ctx context.Context, err error) (*huma.ErrorModel, http.Header) {
	header := http.Header{}
	if wait := httpx.RetryAfter(err); wait > 0 {
		header.Set("Retry-After", strconv.Itoa(int(wait.Seconds()+0.999)))
	}
	var refusal *fault.Error
	if !errors.As(err, &refusal) {
		status := httpx.StatusOf(err)
		if status != http.StatusServiceUnavailable {
			status = http.StatusInternalServerError
		}
		httpx.Report(ctx, err)
		return &huma.ErrorModel{
			Type: problemType + "server_error", Title: http.StatusText(status), Status: status,
			Detail: "the server failed to answer; request " + httpx.RequestID(ctx),
		}, header
	}
	status, detail := statusOf(refusal)
	told := &huma.ErrorModel{Type: problemType + refusal.Key, Title: http.StatusText(status), Status: status, Detail: detailOf(refusal, detail)}
	for _, field := range slices.Sorted(maps.Keys(refusal.Fields)) {
		told.Errors = append(told.Errors, &huma.ErrorDetail{Location: "body." + memberOf(field), Message: explained(refusal.Fields[field])})
	}
	if place, message := placeOf(refusal.Key); place != "" {
		told.Errors = append(told.Errors, &huma.ErrorDetail{Location: place, Message: message})
	}
	return told, header
}

// placeOf returns which part of a request a fault is about that has no fields, and what is wrong
// with it; "" for none.
func placeOf(key string) (place, message string) {
	switch key {
	case keyPrecondition:
		return "header.If-Match", "it is not the present ETag"
	case "admin.idempotency_key_reused":
		return "header.Idempotency-Key", "it was sent with another request"
	case "admin.cursor_invalid":
		return "query.cursor", "take the next_cursor of a page"
	default:
		return "", ""
	}
}

func statusOf(refusal *fault.Error) (int, string) {
	if refusal.Key == keyPrecondition {
		return http.StatusPreconditionFailed, "the resource is not as If-Match says; read it again"
	}
	switch refusal.Kind {
	case fault.NotFound:
		return http.StatusNotFound, "there is no such resource"
	case fault.Conflict:
		return http.StatusConflict, "in conflict with the present state"
	case fault.Forbidden:
		return http.StatusForbidden, "not allowed"
	case fault.Limited:
		return http.StatusTooManyRequests, "too many attempts, try again later"
	case fault.Unavailable:
		return http.StatusServiceUnavailable, "the server is busy, try again shortly"
	case fault.Invalid:
		return http.StatusUnprocessableEntity, "the request breaks a rule"
	default:
		return http.StatusUnprocessableEntity, "the request breaks a rule"
	}
}

// memberOf returns the member of a request that a feature calls by another name.
func memberOf(field string) string {
	switch field {
	case "scope":
		return "scopes"
	case "expires":
		return "expires_in"
	default:
		return field
	}
}

// refused is problem as the error of an operation.
func refused(ctx context.Context, err error) error {
	told, header := problem(ctx, err)
	return huma.ErrorWithHeaders(told, header)
}

// withoutValues keeps what was sent out of problems: it may be a secret. What the library says
// of a request becomes a sentence.
func withoutValues(_ huma.Context, _ string, body any) (any, error) {
	told, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	stripped := *told
	if stripped.Type == "" {
		stripped.Type = problemType + "request.invalid"
	}
	stripped.Errors = make([]*huma.ErrorDetail, 0, len(told.Errors))
	for _, detail := range told.Errors {
		if detail != nil {
			stripped.Errors = append(stripped.Errors, placed(detail))
		}
	}
	isOfBody := told.Status == http.StatusBadRequest || told.Status == http.StatusRequestEntityTooLarge || told.Status == http.StatusUnsupportedMediaType
	if len(stripped.Errors) == 0 && isOfBody {
		stripped.Errors = append(stripped.Errors, &huma.ErrorDetail{Location: "body", Message: told.Detail})
	}
	return &stripped, nil
}

// writeProblem answers outside of an operation.
func writeProblem(w http.ResponseWriter, told *huma.ErrorModel, header http.Header) {
	maps.Copy(w.Header(), header)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(told.Status)
	_ = json.NewEncoder(w).Encode(told)
}
