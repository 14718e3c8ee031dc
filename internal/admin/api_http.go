package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"authly/internal/authorize"
	"authly/internal/platform/httpx"
	"authly/internal/token"
)

// Path is where the administration is, below the issuer; with the issuer it is the
// resource indicator of its tokens.
const Path = "/api/v1/admin"

// descriptionPath is where the API describes itself.
const descriptionPath = "/api/v1/openapi.json"

// maxBodyBytes bounds what is sent.
const maxBodyBytes = 64 << 10

// routes has huma add its operations to our router, so that headers, the log line, limits
// and the issuer's path are those of every other route.
type routes struct{ mux *httpx.APIMux }

// Handle adds an operation.
func (r routes) Handle(operation *huma.Operation, handler func(huma.Context)) {
	r.mux.HandleFunc(strings.ToUpper(operation.Method)+" "+operation.Path, func(w http.ResponseWriter, request *http.Request) {
		handler(humago.NewContext(operation, request, w))
	})
}

// ServeHTTP is never asked: the router serves.
func (routes) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }

// newAPI returns huma without what would load from elsewhere, link elsewhere, or be
// served beside the description.
func newAPI(router *httpx.Router, issuer, address string) huma.API {
	inTheseLetters()
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeStrictly}
	return huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Authly administration", Version: "1",
				Description: "Administers the server. Every request needs an access token for " + Path + " below the issuer (RFC 8707) with the scope of the operation, of an account that is an administrator.",
			},
			Servers: []*huma.Server{{URL: address}},
			Components: &huma.Components{
				Schemas: newSchemas(),
				SecuritySchemes: map[string]*huma.SecurityScheme{"oauth": {
					Type: "oauth2", Flows: &huma.OAuthFlows{
						AuthorizationCode: &huma.OAuthFlow{AuthorizationURL: issuer + authorize.Path, TokenURL: issuer + token.Path, Scopes: map[string]string{}},
						ClientCredentials: &huma.OAuthFlow{TokenURL: issuer + token.Path, Scopes: map[string]string{}},
					},
				}},
			},
		},
		Formats: map[string]huma.Format{"application/json": format, "json": format}, DefaultFormat: "application/json",
		RejectUnknownQueryParameters: true, Transformers: []huma.Transformer{withoutValues},
	}, routes{router.API()})
}

// operations adds operations, each of them with its authority.
type operations struct {
	api       huma.API
	authority *authority
}

// operation is what an operation declares.
type operation struct {
	method, path string // below Path
	id, summary  string
	scope        string
	signIn       freshness
	status       int    // of success; 200 if zero
	produces     string // if it is not JSON
}

// register adds an operation. One without a scope or a freshness is a defect of the program and panics.
func register[Input, Output any](to operations, declared operation, handler func(context.Context, *Input) (*Output, error)) {
	if !strings.HasPrefix(declared.scope, "admin:") {
		panic(fmt.Sprintf("the operation %s declares no scope", declared.id))
	}
	declared.signIn.check(declared.id, new(Input))
	described := huma.Operation{
		OperationID: declared.id, Method: declared.method, Path: Path + declared.path, Summary: declared.summary, DefaultStatus: declared.status,
		Description: declared.signIn.describe(), Extensions: map[string]any{"x-fresh-sign-in": string(declared.signIn)},
		MaxBodyBytes: maxBodyBytes, Middlewares: huma.Middlewares{to.authority.require(declared.scope, declared.signIn), keepable},
		Security: []map[string][]string{{"oauth": {declared.scope}}}, Tags: []string{strings.Split(declared.path, "/")[1]},
		Errors: answersOf[Input](declared),
	}
	if !takesBody[Input]() {
		described.Middlewares = append(described.Middlewares, bodiless)
	}
	if declared.produces != "" {
		described.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{declared.produces: {}}}}
	}
	flows := to.api.OpenAPI().Components.SecuritySchemes["oauth"].Flows
	flows.AuthorizationCode.Scopes[declared.scope], flows.ClientCredentials.Scopes[declared.scope] = declared.scope, declared.scope
	huma.Register(to.api, described, func(ctx context.Context, input *Input) (*Output, error) {
		if declared.signIn == freshIfSensitive && bodyOf(input).isSensitive() {
			if err := to.authority.requireFresh(ctx); err != nil {
				return nil, err
			}
		}
		output, err := handler(ctx, input)
		if late := new(lateRefusal); errors.As(err, &late) {
			return nil, to.authority.refusedLate(ctx, declared, late)
		}
		if err != nil {
			return nil, refused(ctx, err)
		}
		return output, nil
	})
}

func takesBody[Input any]() bool {
	_, body := reflect.TypeFor[Input]().FieldByName("Body")
	return body
}

// answersOf returns with what an operation may be answered beside success.
func answersOf[Input any](declared operation) []int {
	all := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	input := reflect.TypeFor[Input]()
	if strings.Contains(declared.path, "{") {
		all = append(all, http.StatusNotFound)
	}
	if declared.method != http.MethodGet {
		all = append(all, http.StatusConflict)
	}
	if _, conditional := input.FieldByName("IfMatch"); conditional {
		all = append(all, http.StatusPreconditionFailed)
	}
	if takesBody[Input]() {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return all
}

// mountDescription serves the OpenAPI description of what was registered so far. It needs no token, and is refused
// to addresses from which this server can't be administered, as the operations are.
func mountDescription(router *httpx.Router, api huma.API, may *authority) error {
	for _, each := range api.OpenAPI().Components.Schemas.Map() {
		nameNull(each)
	}
	described, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe the administration: %w", err)
	}
	router.API().HandleFunc("GET "+descriptionPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isOperator(r.Context()) && !may.isNear(r.Context()) {
			httpx.Attach(r.Context(), slog.String("refusal", addressRefused().kind))
			addressRefused().write(w)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		_, _ = w.Write(described)
	})
	return nil
}
