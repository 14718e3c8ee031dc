package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// problemType begins the types of this server's problems.
const problemType = "urn:authly:problem:"

// Problem is why the server did not do what it was asked (RFC 9457).
type Problem struct {
	Status int
	// Kind is the type without what all types begin with, such as "client.unknown";
	// "" if whoever answered is not this server's administration.
	Kind   string
	Title  string
	Detail string
	Fields []Field
	// Scope is the scope that the token lacks, if that is the reason (RFC 6750 section 3.1).
	Scope string
}

// Field is a part of the request with what is wrong with it.
type Field struct {
	Name    string // such as "redirect_uris", or "redirect_uris[0]"
	Message string
}

// Error says all of it on one line, without what could steer a terminal.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if text == "" {
		text = fmt.Sprintf("the server answered with status %d", p.Status)
	}
	var fields []string
	for _, field := range p.Fields {
		if strings.HasPrefix(field.Name, "header.") {
			continue // nobody has said one; the rest of the text is about it
		}
		fields = append(fields, strings.TrimPrefix(field.Name+": "+field.Message, ": "))
	}
	if len(fields) > 0 {
		text += ": " + strings.Join(fields, "; ")
	} else if p.Kind != "" {
		text += " (" + p.Kind + ")"
	}
	return Printable(text)
}

// UnreachableError is returned when there was no answer.
type UnreachableError struct {
	Server string
	Cause  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s can't be reached: %v", Printable(e.Server), e.Cause)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }

// IsStatus tells whether an error is a problem with one of the statuses.
func IsStatus(err error, statuses ...int) bool {
	var problem *Problem
	if !errors.As(err, &problem) {
		return false
	}
	for _, status := range statuses {
		if problem.Status == status {
			return true
		}
	}
	return false
}

// ErrScope is wrapped by tokens when none can be had for a scope.
var ErrScope = errors.New("there is no token for the scope")

// LacksScope tells whether an error says that the caller's tokens are not for what was asked.
func LacksScope(err error) bool {
	var problem *Problem
	return errors.Is(err, ErrScope) || errors.As(err, &problem) && problem.Status == http.StatusForbidden && problem.Scope != ""
}

// KindStepUp is the kind of the problem of a sign-in that is too old for an operation.
const KindStepUp = "insufficient_user_authentication"

// stepUpOf returns how recent a sign-in an answer asks for (RFC 9470 section 3), and whether it asks
// for one at all.
func stepUpOf(response *http.Response) (time.Duration, bool) {
	challenge := response.Header.Get("WWW-Authenticate")
	if !strings.Contains(challenge, `error="`+KindStepUp+`"`) {
		return 0, false
	}
	_, after, _ := strings.Cut(challenge, `max_age="`)
	text, _, _ := strings.Cut(after, `"`)
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil { // without max_age the user has to sign in now
		return 0, true
	}
	return time.Duration(seconds) * time.Second, true
}

// problemOf reads an answer that is no success.
func problemOf(response *http.Response, body []byte) *Problem {
	told := &Problem{Status: response.StatusCode, Title: http.StatusText(response.StatusCode)}
	var document struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
	}
	if mediaType(response) == "application/problem+json" && json.Unmarshal(body, &document) == nil {
		if kind, ours := strings.CutPrefix(document.Type, problemType); ours {
			told.Kind = kind
		}
		told.Detail = document.Detail
		if document.Title != "" {
			told.Title = document.Title
		}
		for _, each := range document.Errors {
			told.Fields = append(told.Fields, Field{strings.TrimPrefix(each.Location, "body."), each.Message})
		}
	}
	_, after, found := strings.Cut(response.Header.Get("WWW-Authenticate"), `scope="`)
	if scope, _, closed := strings.Cut(after, `"`); found && closed {
		told.Scope = Printable(scope)
	}
	return told
}

// Printable returns a text that came from elsewhere on one line and without control
// characters, with which it could write over what stands on a terminal or hide in it;
// so could those that turn the direction of writing around (Unicode TR 36 section 2.10).
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		default:
			return r
		}
	}, text)
}
