package ui

import (
	"errors"
	"net/http"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
)

// RenderError answers with the error page for err: a refusal with its code and
// description or its key, any other error with the request's identifier only,
// after reporting it on the request's log line.
func (r *Renderer) RenderError(w http.ResponseWriter, request *http.Request, err error) {
	status := httpx.StatusOf(err)
	httpx.SetRetryAfter(w, httpx.RetryAfter(err))
	page := ErrorPage{Title: titleFor(status), Message: messageFor(status)}
	refusal, own := httpx.RefusalIn(err)
	switch {
	case httpx.IsFault(err):
		httpx.Report(request.Context(), err)
	default:
		httpx.Refused(request.Context(), err)
	}
	switch {
	case httpx.IsFault(err):
	case refusal != nil:
		page.Code, page.Description = string(refusal.Code), refusal.Description
		if status < http.StatusInternalServerError {
			// The statuses of OAuth errors are for programs; a page has 400.
			status = http.StatusBadRequest
			page.Title, page.Message = titleFor(status), messageFor(status)
		}
	case r.messages.has(own.Key):
		page.Message = own.Key
		if r.messages.has(own.Key + "_title") {
			page.Title = own.Key + "_title"
		}
	}
	r.Render(w, request, status, page)
}

// FormRefusal returns what a form says when it is shown again after err: a message about the whole of it, or one for each
// wrong input. ok is false for an error that the user can't correct there. Where the user can only wait, it sets Retry-After.
func FormRefusal(w http.ResponseWriter, err error) (message string, inputs map[string]string, ok bool) {
	var refusal *fault.Error
	switch kind := fault.KindOf(err); {
	case kind == fault.Limited:
		message = "login.limited"
	case kind == fault.Unavailable:
		message = "login.busy"
	case (kind == fault.Invalid || kind == fault.Conflict) && errors.As(err, &refusal) && len(refusal.Fields) > 0:
		return "", refusal.Fields, true
	default:
		return "", nil, false
	}
	httpx.SetRetryAfter(w, httpx.RetryAfter(err))
	return message, nil, true
}

// RenderStatus answers with the error page for a status without further
// detail. It is the ErrorPage of [httpx.Options].
func (r *Renderer) RenderStatus(w http.ResponseWriter, request *http.Request, status int) {
	r.Render(w, request, status, ErrorPage{Title: titleFor(status), Message: messageFor(status)})
}

func titleFor(status int) string   { return "error." + statusName(status) + ".title" }
func messageFor(status int) string { return "error." + statusName(status) + ".message" }

// statusName is the part of a message key that stands for a status.
func statusName(status int) string {
	switch status {
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusMethodNotAllowed:
		return "method"
	case http.StatusConflict:
		return "conflict"
	case http.StatusTooManyRequests:
		return "limited"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return "request"
	}
	return "server"
}
