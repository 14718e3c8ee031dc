package oauth

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a request.
const (
	MaxParameterBytes     = 8 << 10  // of one value
	MaxParameterNameBytes = 256      // of one name
	MaxParameters         = 64       // in one request, counting each repetition
	MaxQueryBytes         = 64 << 10 // of a whole query or form body, encoded
)

// Params are the parameters of one request, checked by the rules for all
// requests (RFC 6749 sections 3.1 and 3.2). A Params doesn't change and may be shared; its
// zero value has no parameters. Formatting one prints names only, since values
// may be secrets.
type Params struct{ values map[string][]string }

// ParseParams applies the general rules. A parameter without a value counts as
// not sent. Refused with invalid_request are: a parameter with more than one value, even the
// same, unless it is named in repeatable; too many or too long
// ones; texts that aren't UTF-8; and control characters (a value may have tabs
// and line breaks, as indented JSON does). Unknown parameters are kept and harmless.
//
// When a repetition is the only problem, the returned Params have everything
// that was sent once, so that an authorization endpoint can still find out
// whether it may report the error to the client.
func ParseParams(values url.Values, repeatable ...string) (Params, error) {
	count := 0
	for _, sent := range values {
		count += len(sent)
	}
	if count > MaxParameters {
		return Params{}, Refuse(InvalidRequest, "too many parameters")
	}
	params := make(map[string][]string, len(values))
	var repeated error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !validParameterName(name) {
			return Params{}, Refuse(InvalidRequest, "a parameter name is too long or has characters that are not allowed")
		}
		var sent []string
		for _, value := range values[name] {
			if !validParameterValue(value) {
				return Params{}, Refuse(InvalidRequest, parameterNamed(name)+" is too long or has characters that are not allowed")
			}
			if value != "" {
				sent = append(sent, value)
			}
		}
		switch {
		case len(sent) == 0 || name == "":
		case len(sent) > 1 && !slices.Contains(repeatable, name):
			if repeated == nil {
				repeated = Refuse(InvalidRequest, parameterNamed(name)+" was sent more than once")
			}
		default:
			params[name] = sent
		}
	}
	return Params{values: params}, repeated
}

// parameterNamed names a parameter in a description if its name is of the kind
// that specifications use. The sender of a request chooses its names, which may be hostile, and a
// description may end up in a page of the client.
func parameterNamed(name string) string {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return "a parameter"
		}
	}
	return "the parameter " + name
}

// ParseQuery reads an application/x-www-form-urlencoded text and applies
// [ParseParams]. Broken percent-encoding and unescaped semicolons, which parsers
// read differently, are refused with invalid_request.
func ParseQuery(raw string, repeatable ...string) (Params, error) {
	if len(raw) > MaxQueryBytes {
		return Params{}, Refuse(InvalidRequest, "the request is too large")
	}
	// Counted before parsing, so that a flood of separators costs one scan.
	if strings.Count(raw, "&") >= 2*MaxParameters {
		return Params{}, Refuse(InvalidRequest, "too many parameters")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		// The parser's error quotes the input, which may be a secret: not kept.
		return Params{}, Refuse(InvalidRequest, "the request is not well-formed application/x-www-form-urlencoded")
	}
	return ParseParams(values, repeatable...)
}

// Get returns the value of a parameter, the first if it is repeatable, or "" if it was not sent.
func (p Params) Get(name string) string {
	if sent := p.values[name]; len(sent) > 0 {
		return sent[0]
	}
	return ""
}

// Has reports whether a parameter was sent with a value.
func (p Params) Has(name string) bool { return len(p.values[name]) > 0 }

// All returns every value of a repeatable parameter, in the order sent.
func (p Params) All(name string) []string { return slices.Clone(p.values[name]) }

// Names returns the names of the parameters that were sent, sorted.
func (p Params) Names() []string { return slices.Sorted(maps.Keys(p.values)) }

// Format prints the names and no values, whatever the verb.
func (p Params) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "params["+strings.Join(p.Names(), " ")+"]")
}

func validParameterName(name string) bool {
	return len(name) <= MaxParameterNameBytes && utf8.ValidString(name) && !hasControl(name, "")
}

func validParameterValue(value string) bool {
	return len(value) <= MaxParameterBytes && utf8.ValidString(value) && !hasControl(value, "\t\n\r")
}

// hasControl reports whether text has a C0 or C1 control character or DEL other than the tolerated ones.
func hasControl(text, tolerated string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return (r < 0x20 || r >= 0x7f && r <= 0x9f) && !strings.ContainsRune(tolerated, r)
	})
}
