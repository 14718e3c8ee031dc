package httpx_test

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/oauth"
)

// RFC 6750 section 2: a token is presented in one way, in the header, or in a form where the resource takes it.
func TestPresentation(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	type outcome struct {
		token string
		none  bool // there was no attempt, and a bare challenge answers it
		code  oauth.ErrorCode
	}
	malformed := outcome{code: oauth.InvalidRequest}
	for name, test := range map[string]struct {
		headers      []string
		method, kind string
		body         string
		header, form outcome // what ReadPresentation and ReadPresentationOrForm return
	}{
		"header":              {headers: []string{"Bearer abc"}, header: outcome{token: "abc"}, form: outcome{token: "abc"}},
		"scheme in any case":  {headers: []string{"bEARER abc"}, header: outcome{token: "abc"}, form: outcome{token: "abc"}},
		"nothing":             {header: outcome{none: true}, form: outcome{none: true}},
		"another scheme":      {headers: []string{"DPoP abc"}, header: outcome{code: oauth.InvalidToken}, form: outcome{code: oauth.InvalidToken}},
		"empty header":        {headers: []string{""}, header: outcome{code: oauth.InvalidToken}, form: outcome{code: oauth.InvalidToken}},
		"no token":            {headers: []string{"Bearer "}, header: malformed, form: malformed},
		"two headers":         {headers: []string{"Bearer abc", "Bearer abc"}, header: malformed, form: malformed},
		"form":                {kind: form, body: "access_token=abc", header: outcome{none: true}, form: outcome{token: "abc"}},
		"form and header":     {headers: []string{"Bearer abc"}, kind: form, body: "access_token=abc", header: outcome{token: "abc"}, form: malformed},
		"form and bad header": {headers: []string{"DPoP abc"}, kind: form, body: "access_token=abc", header: outcome{code: oauth.InvalidToken}, form: malformed},
		"form, two headers":   {headers: []string{"Bearer abc", "x"}, kind: form, body: "access_token=abc", header: malformed, form: malformed},
		"form without it":     {headers: []string{"Bearer abc"}, kind: form, body: "a=b", header: outcome{token: "abc"}, form: outcome{token: "abc"}},
		"token twice":         {kind: form, body: "access_token=abc&access_token=abc", header: outcome{none: true}, form: malformed},
		"form of a PUT":       {method: http.MethodPut, kind: form, body: "access_token=abc", header: outcome{none: true}, form: outcome{none: true}},
		"another body":        {kind: "text/plain", body: "access_token=abc", header: outcome{none: true}, form: outcome{none: true}},
	} {
		request := func() *http.Request {
			r := httptest.NewRequest(cmp.Or(test.method, http.MethodPost), "/resource?access_token=query", strings.NewReader(test.body))
			r.Header["Authorization"] = test.headers
			r.Header.Set("Content-Type", test.kind)
			return r
		}
		compare := func(how string, want outcome, presented httpx.Presentation, err error) {
			t.Helper()
			got := outcome{token: presented.Token().Reveal(), none: errors.Is(err, httpx.ErrNoCredentials)}
			if err != nil {
				got.code = oauth.CodeOf(err)
			}
			if got != want {
				t.Errorf("%s, %s: %+v (%v), want %+v", name, how, got, err, want)
			}
		}
		presented, err := httpx.ReadPresentation(request())
		compare("header only", test.header, presented, err)
		presented, err = httpx.ReadPresentationOrForm(httptest.NewRecorder(), request())
		compare("or form", test.form, presented, err)
	}
}
