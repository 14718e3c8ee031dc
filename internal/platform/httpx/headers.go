package httpx

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The content security policies. Pages load only our own stylesheet and
// images, and no script; a route may allow scripts of our own.
const (
	formActionSelf = "form-action 'self'"
	noAncestors    = "frame-ancestors 'none'"
	pagePolicy     = "default-src 'none'; style-src 'self'; img-src 'self'; " + formActionSelf +
		"; " + noAncestors + "; base-uri 'none'"
	scriptPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; " + formActionSelf +
		"; " + noAncestors + "; base-uri 'none'; require-trusted-types-for 'script'"
	programPolicy = "default-src 'none'; " + noAncestors + "; base-uri 'none'"
)

// setCommonHeaders sets the headers of every answer, including those without a route.
func (o Options) setCommonHeaders(header http.Header) {
	header.Set("Content-Security-Policy", programPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY") // OA-17, for browsers that don't know frame-ancestors
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if isHTTPS(o.Issuer) {
		header.Set("Strict-Transport-Security", o.strictTransport())
	}
}

// strictTransport is HSTS for a year (RFC 6797).
func (o Options) strictTransport() string {
	if o.HSTSIncludeSubdomains {
		return "max-age=31536000; includeSubDomains"
	}
	return "max-age=31536000"
}

// reportGroup names the endpoint of reports in two headers.
const reportGroup = "csp"

// setPageHeaders adds the headers of an answer to a browser.
func (o Options) setPageHeaders(header http.Header, policy string) {
	if o.CSPReportURI != "" { // in both forms: old browsers support the first only
		policy += "; report-uri " + o.CSPReportURI + "; report-to " + reportGroup
		header.Set("Reporting-Endpoints", reportGroup+`="`+o.CSPReportURI+`"`)
	}
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Permissions-Policy",
		"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()")
}

var errFormAction = errors.New("no content security policy source for this redirect URI")

// AllowFormAction lets a form on the page that is being answered end at a
// client's redirect URI. Call it on every page whose post may answer with a
// redirect to a client, before the page is rendered.
//
// Chromium applies form-action to every redirect that follows a post, including
// the client's own: with only the origin of the redirect URI, a
// client that redirects from auth.example.com/callback to app.example.com
// would end in a blank page after the code was spent. So only the scheme goes into
// the header and nothing else of the URI, which leaves nothing to inject. A URI
// without a usable scheme is an error and changes nothing.
func AllowFormAction(w http.ResponseWriter, redirectURI string) error {
	source, err := formActionSource(redirectURI)
	if err != nil {
		return err
	}
	policy := w.Header().Get("Content-Security-Policy")
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, formActionSelf, formActionSelf+" "+source, 1))
	return nil
}

// neverSources are schemes that no form may post to, whatever a registration says.
var neverSources = []string{"javascript", "data", "blob", "file", "filesystem", "about", "vbscript", "view-source", "ws", "wss"}

// formActionSource returns the source expressions (CSP level 3) for a redirect URI.
func formActionSource(redirectURI string) (string, error) {
	parsed, err := url.Parse(redirectURI)
	if err != nil {
		return "", errFormAction // without the cause: it quotes the URI
	}
	scheme := strings.ToLower(parsed.Scheme) // letters, digits, "+", "-" and "." (RFC 3986 section 3.1)
	switch {
	case scheme == "" || slices.Contains(neverSources, scheme):
		return "", errFormAction
	case (scheme == "http" || scheme == "https") && parsed.Hostname() == "":
		return "", errFormAction
	case scheme == "http":
		return "http: https:", nil // a client under development on this machine
	}
	return scheme + ":", nil
}

var errFrame = errors.New("no content security policy source for this origin")

// AllowFrames lets the page that is being answered frame pages of the given origins
// and of no other, wherever those lead (CSP level 3 section 6.1.5). An origin that is
// not in the spelling of browsers is an error and changes nothing, so that the header contains only
// schemes, names and numbers.
func AllowFrames(w http.ResponseWriter, origins []string) error {
	for _, origin := range origins {
		if !isFrameSource(origin) {
			return errFrame // without the origin, which a client wrote
		}
	}
	if len(origins) > 0 {
		w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+"; frame-src "+strings.Join(origins, " "))
	}
	return nil
}

func isFrameSource(origin string) bool {
	host, secure := strings.CutPrefix(origin, "https://")
	if !secure {
		var plain bool
		if host, plain = strings.CutPrefix(origin, "http://"); !plain {
			return false
		}
	}
	host, port, hasPort := strings.Cut(host, ":")
	const digits, names = "0123456789", "abcdefghijklmnopqrstuvwxyz0123456789-."
	return host != "" && strings.Trim(host, names) == "" && (!hasPort || port != "" && strings.Trim(port, digits) == "")
}

// AllowFraming lets every site frame the page that is being answered. Never
// call it for a page with content or controls (clickjacking).
func AllowFraming(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", strings.Replace(w.Header().Get("Content-Security-Policy"), noAncestors, "frame-ancestors *", 1))
	w.Header().Del("X-Frame-Options") // no value allows every site
}

// AllowScript lets the page that is being answered run one inline script, by the
// hash of its text (CSP level 3 section 2.3.1), and no other.
func AllowScript(w http.ResponseWriter, script string) {
	digest := sha256.Sum256([]byte(script))
	w.Header().Set("Content-Security-Policy",
		w.Header().Get("Content-Security-Policy")+"; script-src 'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'")
}
