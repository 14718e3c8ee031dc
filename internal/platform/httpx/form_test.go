package httpx_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/oauth"
)

const formType = "Content-Type: application/x-www-form-urlencoded"

func TestReadForm(t *testing.T) {
	for _, test := range []struct {
		name, method, target, body string
		headers                    []string
		want                       url.Values // nil: refused
	}{
		{"plain", "POST", "/x", "a=1&b=x+y%2B", []string{formType}, url.Values{"a": {"1"}, "b": {"x y+"}}},
		{"charset", "POST", "/x", "a=1", []string{formType + "; charset=UTF-8"}, url.Values{"a": {"1"}}},
		{"empty", "POST", "/x", "", []string{formType}, url.Values{}},
		{"repeated stays repeated", "POST", "/x", "a=1&a=2", []string{formType}, url.Values{"a": {"1", "2"}}},
		{"rfc6749-3.2 the query is not looked at", "POST", "/x?a=evil&c=3", "a=1", []string{formType}, url.Values{"a": {"1"}}},
		{"GET", "GET", "/x?a=1", "", []string{formType}, nil},
		{"no type", "POST", "/x", "a=1", nil, nil},
		{"JSON", "POST", "/x", `{"a":1}`, []string{"Content-Type: application/json"}, nil},
		{"multipart", "POST", "/x", "a=1", []string{"Content-Type: multipart/form-data; boundary=x"}, nil},
		{"two types", "POST", "/x", "a=1", []string{formType, "Content-Type: application/json"}, nil},
		{"other charset", "POST", "/x", "a=1", []string{formType + "; charset=utf-7"}, nil},
		{"compressed", "POST", "/x", "a=1", []string{formType, "Content-Encoding: gzip"}, nil},
		{"broken escape", "POST", "/x", "a=%zz", []string{formType}, nil},
		{"semicolon", "POST", "/x", "a=1;b=2", []string{formType}, nil},
		{"largest", "POST", "/x", "a=" + strings.Repeat("x", 64<<10-2), []string{formType}, url.Values{"a": {strings.Repeat("x", 64<<10-2)}}},
		{"too large", "POST", "/x", "a=" + strings.Repeat("x", 64<<10-1), []string{formType}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request(test.method, test.target, test.body, test.headers...)
			got, err := httpx.ReadForm(httptest.NewRecorder(), r)
			if test.want == nil {
				if oauth.CodeOf(err) != oauth.InvalidRequest {
					t.Fatalf("got %v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s %v", diff, err)
			}
		})
	}
}

func TestReadParams(t *testing.T) {
	read := func(body string) (oauth.Params, error) {
		return httpx.ReadParams(httptest.NewRecorder(), request("POST", "/x", body, formType), "resource")
	}
	params, err := read("grant_type=x&resource=a&resource=b&empty=")
	if err != nil || params.Get("grant_type") != "x" || len(params.All("resource")) != 2 || params.Has("empty") {
		t.Errorf("%v %v", params, err)
	}
	for _, body := range []string{"a=1&a=2", "a=%zz", "a=" + strings.Repeat("x", 9<<10)} {
		if _, err := read(body); oauth.CodeOf(err) != oauth.InvalidRequest {
			t.Errorf("%.20s: %v", body, err)
		}
	}
	if _, err := httpx.ReadParams(httptest.NewRecorder(), request("POST", "/x", "a=1")); oauth.CodeOf(err) != oauth.InvalidRequest {
		t.Errorf("without a type: %v", err)
	}
}
