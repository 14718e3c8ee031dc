package httpx

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Kind distinguishes the two kinds of routes.
type Kind string

// The kinds of routes.
const (
	Browser Kind = "browser" // pages and the authorization endpoint: cookies, no CORS
	API     Kind = "api"     // called by programs: no cookies
)

// Route is one method on one path.
type Route struct {
	Method string
	Path   string // as mounted, with the issuer's path
	Kind   Kind

	CrossOrigin bool // readable by scripts of any origin (CORS)
	CrossSite   bool // takes posts from other sites

	atRoot, quiet, scripts, overPlaintext bool

	handler http.Handler
}

// RouteOption changes what holds for one route.
type RouteOption func(*Route)

// AnyOrigin lets scripts of any origin call an API route and read its answer,
// without cookies.
func AnyOrigin() RouteOption { return func(r *Route) { r.CrossOrigin = true } }

// FromOtherSites lets a browser route accept posts from other sites: for the
// authorization endpoint, to which clients may post (OpenID Connect Core 1.0
// section 3.1.2.1). Such a route must not act on the cookie alone.
func FromOtherSites() RouteOption { return func(r *Route) { r.CrossSite = true } }

// AtRoot mounts a route beside the issuer's path instead of under it: for the
// well-known forms that put the path at the end (RFC 8414 section 3.1).
func AtRoot() RouteOption { return func(r *Route) { r.atRoot = true } }

// OwnScripts lets the page of a browser route load scripts of this server and fetch
// from it. Without it a page has no script.
func OwnScripts() RouteOption { return func(r *Route) { r.scripts = true } }

// Quiet logs a route at debug level while it succeeds: for health probes.
func Quiet() RouteOption { return func(r *Route) { r.quiet = true } }

// OverPlaintext also answers a route on connections without TLS, whatever
// [Options.RequireTLS] says: for health probes, which carry no secret.
func OverPlaintext() RouteOption { return func(r *Route) { r.overPlaintext = true } }

// Router has the two muxes. Routes must be registered before [Router.Handler] is
// called, by one goroutine; an invalid registration is a defect of the
// program and panics.
type Router struct {
	options  Options
	prefix   string
	policies policies
	paths    map[string][]*Route
}

// NewRouter returns a router without routes.
func NewRouter(options Options) *Router {
	return &Router{
		options:  options,
		prefix:   Path(options.Issuer),
		policies: newPolicies(options),
		paths:    map[string][]*Route{},
	}
}

// BrowserMux registers the routes of pages.
type BrowserMux struct{ router *Router }

// APIMux registers the routes of programs.
type APIMux struct{ router *Router }

// Browser returns the mux for pages.
func (r *Router) Browser() *BrowserMux { return &BrowserMux{r} }

// API returns the mux for programs.
func (r *Router) API() *APIMux { return &APIMux{r} }

// Handle registers a handler for a pattern such as "GET /login", without the
// issuer's path. GET answers HEAD too. The root is "GET /{$}"; a path has no
// trailing slash.
func (m *BrowserMux) Handle(pattern string, handler http.Handler, options ...RouteOption) {
	m.router.add(Browser, pattern, handler, options)
}

// HandleFunc registers a function, see Handle.
func (m *BrowserMux) HandleFunc(pattern string, handler http.HandlerFunc, options ...RouteOption) {
	m.Handle(pattern, handler, options...)
}

// Handle registers a handler for a pattern such as "POST /oauth/token", without
// the issuer's path. GET answers HEAD too.
func (m *APIMux) Handle(pattern string, handler http.Handler, options ...RouteOption) {
	m.router.add(API, pattern, handler, options)
}

// HandleFunc registers a function, see Handle.
func (m *APIMux) HandleFunc(pattern string, handler http.HandlerFunc, options ...RouteOption) {
	m.Handle(pattern, handler, options...)
}

func (r *Router) add(kind Kind, pattern string, handler http.Handler, options []RouteOption) {
	method, routePath, found := strings.Cut(pattern, " ")
	if !found || method != strings.ToUpper(method) || !strings.HasPrefix(routePath, "/") || strings.HasSuffix(routePath, "/") {
		panic(fmt.Sprintf("route %q is not METHOD /path without a slash at the end", pattern))
	}
	if method == http.MethodHead || method == http.MethodOptions {
		panic(fmt.Sprintf("route %q: HEAD and OPTIONS are answered by the router", pattern))
	}
	added := &Route{Method: method, Kind: kind, handler: handler}
	for _, option := range options {
		option(added)
	}
	added.Path = r.prefix + routePath
	if added.atRoot {
		added.Path = routePath
	}
	switch {
	case kind == Browser && added.CrossOrigin:
		panic(fmt.Sprintf("route %q: no CORS on a browser route", pattern))
	case kind == API && (added.CrossSite || added.scripts):
		panic(fmt.Sprintf("route %q: an option for browser routes on an API route", pattern))
	}
	for _, other := range r.paths[added.Path] {
		if other.Method == method {
			panic(fmt.Sprintf("route %q is registered twice", pattern))
		}
		if other.Kind != kind {
			panic(fmt.Sprintf("route %q: the path belongs to the other mux", pattern))
		}
	}
	r.paths[added.Path] = append(r.paths[added.Path], added)
}

// Routes returns every route, by path and method.
func (r *Router) Routes() []Route {
	var all []Route
	for _, routes := range r.paths {
		for _, route := range routes {
			all = append(all, *route)
		}
	}
	slices.SortFunc(all, func(a, b Route) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return all
}

// Handler returns both muxes as one handler, under the issuer's path and
// wrapped in the middleware.
func (r *Router) Handler() http.Handler {
	mux := http.NewServeMux()
	for routePath, routes := range r.paths {
		handler := r.pathHandler(routes)
		mux.Handle(routePath, handler) // panics when two patterns overlap
		if root, ok := strings.CutSuffix(routePath, "/{$}"); ok && root != "" {
			mux.Handle(root, handler) // the issuer itself has no trailing slash
		}
	}
	mux.HandleFunc("/", r.notFound)
	return Chain(r.options, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		// The mux would answer an unclean path with a redirect that repeats a POST.
		// No URL of ours is unclean, so answer that it doesn't exist.
		if request.URL.Path == "" || request.URL.Path[0] != '/' || isUnclean(request.URL) {
			r.notFound(w, request)
			return
		}
		if r.options.RequireTLS && isPlaintext(request) && !r.answersPlaintext(request.URL.Path) {
			r.options.writeStatus(w, request, http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, request)
	}))
}

// isPlaintext reports whether a request crossed the network without TLS, as far as can be
// told: not from a listed proxy, which terminated TLS, and not from this machine.
func isPlaintext(r *http.Request) bool {
	if r.TLS != nil {
		return false
	}
	s := stateOf(r.Context())
	return s == nil || !s.origin.listed && !s.origin.peer.IsLoopback()
}

// answersPlaintext reports whether a route at a path without variables is [OverPlaintext].
func (r *Router) answersPlaintext(at string) bool {
	return slices.ContainsFunc(r.paths[at], func(route *Route) bool { return route.overPlaintext })
}

// isUnclean checks slashes as they were sent, because an escaped one belongs to a
// name, and dots after unescaping, because an escaped one means the same
// (RFC 3986 section 6.2.2.2).
func isUnclean(at *url.URL) bool {
	escaped := at.EscapedPath()
	clean := path.Clean(escaped)
	isDots := func(segment string) bool { return segment == "." || segment == ".." }
	return clean != escaped && clean+"/" != escaped || slices.ContainsFunc(strings.Split(at.Path, "/"), isDots)
}

// pathHandler answers one path by method.
func (r *Router) pathHandler(routes []*Route) http.Handler {
	kind := routes[0].Kind
	methods := map[string]*Route{}
	for _, route := range routes {
		methods[route.Method] = route
		if route.Method == http.MethodGet {
			methods[http.MethodHead] = route
		}
	}
	var allowed, shared []string
	for method, route := range methods {
		allowed = append(allowed, method)
		if route.CrossOrigin {
			shared = append(shared, method)
		}
	}
	if len(shared) > 0 {
		allowed = append(allowed, http.MethodOptions)
	}
	slices.Sort(allowed)
	slices.Sort(shared)
	allow := strings.Join(allowed, ", ")
	answer := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if route := methods[request.Method]; route != nil {
			route.handler.ServeHTTP(w, request)
			return
		}
		w.Header().Set("Allow", allow)
		if request.Method == http.MethodOptions && len(shared) > 0 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.options.writeStatus(w, request, http.StatusMethodNotAllowed)
	}))
	if kind == Browser {
		answer = r.policies.browser(methods, answer)
	} else {
		answer = r.policies.api(shared, answer)
	}
	other := &Route{Path: routes[0].Path, Kind: kind}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if s := stateOf(request.Context()); s != nil {
			route := methods[request.Method]
			if route == nil {
				route = other
			}
			s.setRoute(route)
		}
		answer.ServeHTTP(w, request)
	})
}

func (r *Router) notFound(w http.ResponseWriter, request *http.Request) {
	r.options.writeStatus(w, request, http.StatusNotFound)
}

// writeStatus answers with a status and no further detail:
// as a page, or as JSON for programs.
func (o Options) writeStatus(w http.ResponseWriter, r *http.Request, status int) {
	if o.isForPrograms(r) {
		WriteJSON(w, status, statusBody(r, status))
		return
	}
	o.setPageHeaders(w.Header(), pagePolicy)
	if o.ErrorPage != nil {
		o.ErrorPage(w, r, status)
		return
	}
	http.Error(w, http.StatusText(status), status)
}

func (o Options) isForPrograms(r *http.Request) bool {
	if s := stateOf(r.Context()); s != nil {
		if route, _, _ := s.snapshot(); route != nil {
			return route.Kind == API
		}
	}
	below := r.URL.Path
	for _, start := range []string{"/oauth/", "/oidc/", "/.well-known/", "/api/"} {
		if strings.HasPrefix(below, start) || strings.HasPrefix(below, Path(o.Issuer)+start) {
			return true
		}
	}
	return false
}

func statusBody(r *http.Request, status int) map[string]string {
	switch status {
	case http.StatusNotFound:
		return map[string]string{"error": "not_found", "error_description": "there is nothing at this address"}
	case http.StatusMisdirectedRequest:
		return map[string]string{"error": "plaintext_refused", "error_description": "this server is not asked without TLS: use its https address"}
	case http.StatusMethodNotAllowed:
		return map[string]string{"error": "method_not_allowed", "error_description": "the method is not allowed here"}
	}
	return map[string]string{"error": "server_error", "error_description": "the server failed to answer; request " + RequestID(r.Context())}
}
