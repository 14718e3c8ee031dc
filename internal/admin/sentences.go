package admin

import (
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// raws returns how texts of the library and of the parsers below it begin, each with the
// sentence in its place; %s is the rest of the text. They are tried in this order.
func raws() [][2]string {
	const form = "it does not have the form that is described"
	return [][2]string{
		{"expected string to be RFC 4122 uuid", "take a UUID, such as 01940a1b-7c3d-7000-8000-000000000000"},
		{"expected string to be RFC 3339 date-time", "take a time such as 2026-11-25T12:00:00Z"},
		{"invalid date/time for format", "take a time such as 2026-11-25T12:00:00Z"},
		{"expected string to match pattern", form},
		{"expected value to be one of ", "choose one of these: %s"},
		{"expected number >= ", "take at least %s"},
		{"expected number <= ", "take at most %s"},
		{"expected length >= ", "take at least %s characters"},
		{"expected length <= ", "take at most %s characters"},
		{"expected array length >= ", "take at least %s values"},
		{"expected array length <= ", "take at most %s values"},
		{"invalid integer", "take a whole number"},
		{"expected integer", "take a whole number"},
		{"expected number", "take a number"},
		{"expected boolean", "take true or false"},
		{"expected string", "take a text"},
		{"expected array", "take a list"},
		{"expected object", "take an object"},
		{"unexpected property", "there is no such member"},
		{"unknown query parameter", "there is no such parameter"},
		{"json: cannot unmarshal number", "a number in it is out of bounds"},
		{"json: ", form},
	}
}

// sentence returns what a part of a request was expected to be, in words that need no
// knowledge of what reads it.
func sentence(detail *huma.ErrorDetail) string {
	if strings.HasPrefix(detail.Message, "expected string to match pattern") && detail.Location == "body.client_id" {
		return explained("client.id_invalid")
	}
	for _, each := range raws() {
		if rest, found := strings.CutPrefix(detail.Message, each[0]); found {
			return strings.Replace(each[1], "%s", plainNumber(strings.Trim(rest, `"`)), 1)
		}
	}
	return detail.Message
}

// placed returns a part of a problem without its value, in a sentence, at the place of what is wrong:
// of a member that is not there, the library names the object.
func placed(detail *huma.ErrorDetail) *huma.ErrorDetail {
	if rest, found := strings.CutPrefix(detail.Message, "expected required property "); found {
		return &huma.ErrorDetail{Location: detail.Location + "." + strings.TrimSuffix(rest, " to be present"), Message: "it is missing"}
	}
	return &huma.ErrorDetail{Location: detail.Location, Message: sentence(detail)}
}

// plainNumber writes a number with all of its digits; what is none stays as it is.
func plainNumber(text string) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}
