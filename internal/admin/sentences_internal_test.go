package admin

import (
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// The texts are those that the library has now: another version may have others.
func TestProblemsAreSentences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ location, message, want string }{
		{"body.overlap_seconds", huma.ErrorFormatter(validation.MsgExpectedMaximumNumber, 7776000.0), "take at most 7776000"},
		{"body.uses", huma.ErrorFormatter(validation.MsgExpectedMinimumNumber, 1.0), "take at least 1"},
		{"body.client_secret", huma.ErrorFormatter(validation.MsgExpectedMinLength, 32), "take at least 32 characters"},
		{"query.q", huma.ErrorFormatter(validation.MsgExpectedMaxLength, 200), "take at most 200 characters"},
		{"body.algorithms", huma.ErrorFormatter(validation.MsgExpectedMaxItems, 16), "take at most 16 values"},
		{"path.user_id", huma.ErrorFormatter(validation.MsgExpectedRFC4122UUID, "invalid UUID length: 1"), "take a UUID, such as 01940a1b-7c3d-7000-8000-000000000000"},
		{"query.created_after", "invalid date/time for format 2006-01-02T15:04:05.999999999Z07:00", "take a time such as 2026-11-25T12:00:00Z"},
		{"query.limit", "invalid integer", "take a whole number"},
		{"query.state", huma.ErrorFormatter(validation.MsgExpectedOneOf, "active, disabled"), "choose one of these: active, disabled"},
		{"body.nonsense", validation.MsgUnexpectedProperty, "there is no such member"},
		{"query.nonsense", "unknown query parameter", "there is no such parameter"},
		{"body.administrator", validation.MsgExpectedBoolean, "take true or false"},
		{"body.client_name", validation.MsgExpectedString, "take a text"},
		{"body", "json: cannot unmarshal number 1e30 into Go struct field of type int64", "a number in it is out of bounds"},
		{"body.client_id", huma.ErrorFormatter(validation.MsgExpectedMatchPattern, "^[A-Za-z0-9][A-Za-z0-9._~-]*$"), explained("client.id_invalid")},
		{"body", errTrailing.Error(), errTrailing.Error()},
	} {
		if got := sentence(&huma.ErrorDetail{Location: test.location, Message: test.message}); got != test.want {
			t.Errorf("%s: %s: it says %q, want %q", test.location, test.message, got, test.want)
		}
	}
	missing := &huma.ErrorDetail{Location: "body", Message: huma.ErrorFormatter(validation.MsgExpectedRequiredProperty, "name"), Value: "what was sent"}
	if got := placed(missing); *got != (huma.ErrorDetail{Location: "body.name", Message: "it is missing"}) {
		t.Errorf("a member that is not there: %+v", got)
	}
}
