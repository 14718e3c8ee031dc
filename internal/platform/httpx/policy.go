package httpx

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/rs/cors"
)

// policies are the rules for every route of a kind.
type policies struct {
	crossOrigin *http.CrossOriginProtection
	refuse      func(w http.ResponseWriter, r *http.Request)
	headers     func(header http.Header, policy string)
}

func newPolicies(options Options) policies {
	protection := http.NewCrossOriginProtection()
	// A proxy may rewrite Host; the issuer's own pages are never cross-origin.
	if origin := Origin(options.Issuer); origin != "" {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic("the issuer has no origin: " + err.Error())
		}
	}
	return policies{protection, func(w http.ResponseWriter, r *http.Request) {
		options.writeStatus(w, r, http.StatusForbidden)
	}, options.setPageHeaders}
}

// browser refuses posts from other origins, except on routes that allow them,
// and sets the headers of pages.
func (p policies) browser(methods map[string]*Route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := methods[r.Method]
		policy := pagePolicy
		if route != nil && route.scripts {
			policy = scriptPolicy
		}
		p.headers(w.Header(), policy)
		if route != nil && !route.CrossSite && p.isCrossOrigin(r) {
			Attach(r.Context(), slog.String("refusal", "cross-origin request"))
			p.refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isCrossOrigin uses [http.CrossOriginProtection]. Under our own
// "Referrer-Policy: no-referrer" a browser sends "Origin: null" with our own
// forms. Browsers since 2023 also send Sec-Fetch-Site; for older ones
// null counts as no header, since the token in each form decides anyway.
func (p policies) isCrossOrigin(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return false
	}
	return p.crossOrigin.Check(r) != nil
}

// preflightAge is how long a browser may remember the answer to a preflight.
const preflightAge = 2 * time.Hour

// api removes cookies, so that no API route can come to depend on one, and
// enables CORS for the given methods (OA-15, BBA-02). The
// headers are set before the handler runs: a script must be able to read errors.
func (p policies) api(shared []string, next http.Handler) http.Handler {
	answer := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		next.ServeHTTP(w, r)
	}))
	if len(shared) == 0 {
		return answer
	}
	sharing := cors.New(cors.Options{
		AllowedOrigins: []string{"*"}, // without credentials; "Origin: null" is one origin among all
		AllowedMethods: shared,
		AllowedHeaders: []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"},
		ExposedHeaders: []string{"WWW-Authenticate", "Retry-After"},
		MaxAge:         int(preflightAge / time.Second),
	})
	return sharing.Handler(answer)
}
