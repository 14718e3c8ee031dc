package httpx_test

import (
	"strings"
	"testing"

	"authly/internal/platform/httpx"
)

// TestHeadersThatAreSettings: HSTS with sub-domains, and reports of what a policy has blocked.
func TestHeadersThatAreSettings(t *testing.T) {
	const endpoint = "https://reports.example.com/csp"
	for _, set := range []bool{false, true} {
		w := newWorld(t, func(o *httpx.Options) {
			if set {
				o.HSTSIncludeSubdomains, o.CSPReportURI = true, endpoint
			}
		})
		w.router.Browser().HandleFunc("GET /page", ok)
		w.router.API().HandleFunc("GET /oauth/x", ok)
		handler := w.router.Handler()
		for path, isPage := range map[string]bool{"/page": true, "/nowhere": true, "/oauth/x": false, "/oauth/nowhere": false} {
			header := do(handler, request("GET", path, "")).Header()
			want := "max-age=31536000"
			if set {
				want += "; includeSubDomains"
			}
			if got := header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("%s: Strict-Transport-Security: %s", path, got)
			}
			policy, reports := header.Get("Content-Security-Policy"), header.Get("Reporting-Endpoints")
			if strings.HasSuffix(policy, "; report-uri "+endpoint+"; report-to csp") != (set && isPage) || (reports == `csp="`+endpoint+`"`) != (set && isPage) {
				t.Errorf("%s: %s, %s", path, policy, reports)
			}
		}
	}
}
