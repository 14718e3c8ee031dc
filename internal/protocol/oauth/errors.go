package oauth

import (
	"errors"
	"strings"
)

// ErrorCode is the value of the "error" parameter of a response.
type ErrorCode string

// The error codes, by the document that defines them.
const (
	// RFC 6749 sections 4.1.2.1 and 5.2.
	InvalidRequest          ErrorCode = "invalid_request"
	InvalidClient           ErrorCode = "invalid_client"
	InvalidGrant            ErrorCode = "invalid_grant"
	UnauthorizedClient      ErrorCode = "unauthorized_client"
	UnsupportedGrantType    ErrorCode = "unsupported_grant_type"
	UnsupportedResponseType ErrorCode = "unsupported_response_type"
	InvalidScope            ErrorCode = "invalid_scope"
	AccessDenied            ErrorCode = "access_denied"
	ServerError             ErrorCode = "server_error"
	TemporarilyUnavailable  ErrorCode = "temporarily_unavailable"

	// RFC 6750 section 3.1.
	InvalidToken      ErrorCode = "invalid_token"
	InsufficientScope ErrorCode = "insufficient_scope"

	// RFC 7009 section 2.2.1.
	UnsupportedTokenType ErrorCode = "unsupported_token_type"

	// RFC 7591 section 3.2.2.
	InvalidRedirectURI    ErrorCode = "invalid_redirect_uri"
	InvalidClientMetadata ErrorCode = "invalid_client_metadata"

	// RFC 8707 section 2.
	InvalidTarget ErrorCode = "invalid_target"

	// OpenID Connect Core 1.0 section 3.1.2.6.
	InteractionRequired      ErrorCode = "interaction_required"
	LoginRequired            ErrorCode = "login_required"
	AccountSelectionRequired ErrorCode = "account_selection_required"
	ConsentRequired          ErrorCode = "consent_required"
	InvalidRequestURI        ErrorCode = "invalid_request_uri"
	InvalidRequestObject     ErrorCode = "invalid_request_object"
	RequestNotSupported      ErrorCode = "request_not_supported"
	RequestURINotSupported   ErrorCode = "request_uri_not_supported"
	RegistrationNotSupported ErrorCode = "registration_not_supported"

	// OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
	UnmetAuthenticationRequirements ErrorCode = "unmet_authentication_requirements"
)

// MaxDescriptionBytes bounds the description of an [Error].
const MaxDescriptionBytes = 512

// Error is a refusal that a client may read. The cause is for the log only and
// never part of a response.
type Error struct {
	Code        ErrorCode
	Description string // only characters of RFC 6749 section 5.2: %x20-21 / %x23-5B / %x5D-7E
	Scope       string // the required scope (RFC 6750 section 3); only with InsufficientScope
	cause       error
}

// Refuse returns a refusal. The description keeps only the characters that RFC 6749
// section 5.2 allows, and at most [MaxDescriptionBytes] of them, so that
// it can be put into a header, a URL or a JSON text unchanged.
func Refuse(code ErrorCode, description string) *Error {
	return &Error{Code: code, Description: sanitiseDescription(description)}
}

// Because returns a copy that carries the private reason.
func (e *Error) Because(cause error) *Error {
	clone := *e
	clone.cause = cause
	return &clone
}

// RequiringScope returns a copy that names the required scopes.
func (e *Error) RequiringScope(scopes ScopeSet) *Error {
	clone := *e
	clone.Scope = scopes.String()
	return &clone
}

// Error returns code, description and cause, for the log.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Description != "" {
		text += ": " + e.Description
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the private reason, or nil.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first [*Error] in err's chain, or "" if there is none.
func CodeOf(err error) ErrorCode {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

func sanitiseDescription(description string) string {
	var b strings.Builder
	for _, r := range description {
		if b.Len() == MaxDescriptionBytes {
			break
		}
		if r >= 0x20 && r <= 0x7e && r != '"' && r != '\\' {
			b.WriteByte(byte(r))
		}
	}
	return b.String()
}

// descriptionOf returns the description of a refusal made in this package.
func descriptionOf(err error) string {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Description
	}
	return "is malformed"
}
