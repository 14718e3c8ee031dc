package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
	"authly/internal/token"
	"authly/internal/user"
)

// Tokens judges the access tokens of requests.
type Tokens interface {
	Authorize(ctx context.Context, presented httpx.Presentation) (token.Live, error)
}

// Principal is who makes a request, after everything was checked.
type Principal struct {
	Kind audit.ActorKind
	// ID is the subject of a user, or the client_id of a client.
	ID   string
	Name string
	// ClientID is through which client the request comes.
	ClientID string
	// signedInAt is when the user signed in, or when the client proved itself to get the token.
	signedInAt time.Time
}

func (p Principal) actor() audit.Actor { return audit.Actor{Kind: p.Kind, ID: p.ID, Name: p.Name} }

func (p Principal) author() audit.Author {
	return audit.Author{Actor: p.actor(), ClientID: p.ClientID}
}

type principalKey struct{}

// principal returns who makes the request. There is none only if a route was
// mounted beside the authority, which is a defect.
func principal(ctx context.Context) Principal {
	known, ok := ctx.Value(principalKey{}).(Principal)
	if !ok {
		panic("an operation of the administration without its authority")
	}
	return known
}

// AsOperator returns a context whose requests are those of whoever runs this program, and
// may do everything. It is for calls in the process: nothing that comes over the network
// can put anything into a context.
func AsOperator(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, principalKey{}, Principal{Kind: audit.Operator, Name: name})
}

// isOperator reports whether the context is one of [AsOperator]. A principal of another kind
// has to prove its authority like any other caller.
func isOperator(ctx context.Context) bool {
	caller, ok := ctx.Value(principalKey{}).(Principal)
	return ok && caller.Kind == audit.Operator
}

// authority is the one place where it is decided who may administer this server.
type authority struct {
	tokens         Tokens
	administrators *Administrators
	users          UserRecords
	clients        ClientRecords
	store          store
	// audience is the resource indicator of this API.
	audience string
	networks []netip.Prefix
	clock    clock.Clock
	// freshSignIn is how long ago the sign-in behind a dangerous operation may be; 0 for any time.
	freshSignIn time.Duration
	log         Recorder
}

// refusal is a problem with the challenge that goes with it (RFC 6750 section 3).
type refusal struct {
	status    int
	kind      string
	detail    string
	challenge string
}

func (r *refusal) problem() *huma.ErrorModel {
	return &huma.ErrorModel{Type: problemType + r.kind, Title: http.StatusText(r.status), Status: r.status, Detail: r.detail}
}

func (r *refusal) write(w http.ResponseWriter) {
	header := http.Header{}
	if r.challenge != "" {
		header.Set("WWW-Authenticate", r.challenge)
	}
	writeProblem(w, r.problem(), header)
}

// require returns the middleware of an operation with its scope.
func (a *authority) require(scope string, age freshness) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		w.Header().Set("Cache-Control", "no-store")
		if isOperator(r.Context()) {
			next(ctx)
			return
		}
		known, refusal, err := a.judge(r, scope)
		if err == nil && refusal == nil && age == freshSignIn {
			refusal = a.stale(known)
		}
		switch {
		case err != nil:
			told, header := problem(r.Context(), err)
			writeProblem(w, told, header)
		case refusal != nil:
			if err := a.note(r.Context(), ctx.Operation().OperationID, scope, known, refusal); err != nil {
				httpx.Report(r.Context(), err)
			}
			refusal.write(w)
		default:
			httpx.Attach(r.Context(), slog.String("actor", known.ID), slog.String("client_id", known.ClientID))
			granted := context.WithValue(r.Context(), principalKey{}, known)
			if r.Method != http.MethodGet {
				granted = a.guarded(granted, r, scope, known)
			}
			next(huma.WithContext(ctx, granted))
		}
	}
}

// stale returns the refusal of a request whose sign-in is too long ago for a dangerous operation
// (RFC 9470 section 3), or nil. A refresh of the token does not count as a sign-in; a client on its
// own behalf proves itself for each token, so its token's age counts. The operator has no sign-in.
func (a *authority) stale(known Principal) *refusal {
	if known.Kind == audit.Operator || a.freshSignIn == 0 || a.clock.Now().Sub(known.signedInAt) <= a.freshSignIn {
		return nil
	}
	seconds := strconv.Itoa(int(a.freshSignIn.Seconds()))
	detail := "the sign-in is more than " + seconds + " seconds ago, too long for this operation: sign in again (max_age=" + seconds + "), and send the request with the new access token"
	if known.Kind == audit.Client {
		detail = "the access token was issued more than " + seconds + " seconds ago, too long for this operation: send the request with a new one"
	}
	return &refusal{
		http.StatusUnauthorized, "insufficient_user_authentication", detail,
		`Bearer realm="authly", error="insufficient_user_authentication", error_description="a more recent authentication is required", max_age="` + seconds + `"`,
	}
}

// requireFresh is for operations that see by the body whether they are dangerous; the error is
// that of an operation, with its challenge.
func (a *authority) requireFresh(ctx context.Context) error {
	refused := a.stale(principal(ctx))
	if refused == nil {
		return nil
	}
	return huma.ErrorWithHeaders(refused.problem(), http.Header{"WWW-Authenticate": {refused.challenge}})
}

// note puts a refusal onto the log line, and into the audit log if it is known who was refused what.
func (a *authority) note(ctx context.Context, operation, scope string, who Principal, refused *refusal) error {
	httpx.Attach(ctx, slog.String("refusal", refused.kind), slog.String("scope", scope))
	if who.ID != "" {
		httpx.Attach(ctx, slog.String("actor", who.ID), slog.String("client_id", who.ClientID))
	}
	if refused.status != http.StatusForbidden {
		return nil
	}
	_, err := a.log.RecordRefusal(ctx, audit.Refusal{Subject: who.ID + " " + scope, Event: audit.Event{
		Action: audit.AdministrationRefuse, Actor: who.actor(), ClientID: who.ClientID, Target: audit.Target{Kind: "operation", ID: operation},
		Details: audit.Details{Reason: refused.kind, Scopes: []string{scope}},
	}})
	return err
}

// judge asks all the questions, from the cheapest to the dearest. Whoever fails the last
// one is not told by what: whether an account is an administrator is nobody's business.
func (a *authority) judge(r *http.Request, scope string) (Principal, *refusal, error) {
	ctx := r.Context()
	if !a.isNear(ctx) {
		return Principal{}, addressRefused(), nil
	}
	presented, refused := presentation(r)
	if refused != nil {
		return Principal{}, refused, nil
	}
	live, err := a.tokens.Authorize(ctx, presented)
	if errors.Is(err, token.ErrUnknown) || err == nil && !slices.Equal(live.Issued.Audience, []string{a.audience}) {
		return Principal{}, unauthorized(`, error="invalid_token"`, "the access token is unknown, has ended, or is not for this API"), nil
	}
	if err != nil {
		return Principal{}, nil, err
	}
	if !live.Issued.Scopes.Has(scope) {
		return caller(live), lacking(scope), nil
	}
	principal, refused, err := a.administrator(ctx, live)
	if err == nil && refused == nil && !live.Scopes.Has(scope) { // taken from the client meanwhile
		return caller(live), lacking(scope), nil
	}
	return principal, refused, err
}

func addressRefused() *refusal {
	return &refusal{http.StatusForbidden, "address_refused", "this server can't be administered from this address", ""}
}

func lacking(scope string) *refusal {
	return &refusal{
		http.StatusForbidden, "insufficient_scope", "the access token does not have the scope " + scope,
		`Bearer realm="authly", error="insufficient_scope", scope="` + scope + `"`,
	}
}

// caller returns whose token it is, for the log: whether they may do anything is not asked.
func caller(live token.Live) Principal {
	known := live.Owner
	made := Principal{Kind: audit.Client, ID: known.ClientID, Name: known.Name, ClientID: known.ClientID}
	if live.Family != nil {
		made.Kind, made.ID, made.Name = audit.User, live.Family.UserID.String(), "" // which the log looks up
	}
	return made
}

// administrator asks the database whether the token's account is an administrator now.
func (a *authority) administrator(ctx context.Context, live token.Live) (Principal, *refusal, error) {
	refused := &refusal{http.StatusForbidden, "not_administrator", "the account may not administer this server", ""}
	known := live.Owner
	made := Principal{Kind: audit.Client, ID: known.ClientID, Name: known.Name, ClientID: known.ClientID, signedInAt: live.IssuedAt}
	var (
		may bool
		err error
	)
	if live.Family == nil {
		may, err = a.administrators.MayAdminister(ctx, known, nil)
	} else {
		var person user.User
		person, may, err = a.administrators.person(ctx, live.Family.UserID)
		made.Kind, made.ID, made.Name = audit.User, person.Subject(), person.Username
		made.signedInAt = live.Family.AuthenticatedAt
	}
	if err != nil {
		return Principal{}, nil, err
	}
	if !may || known.RegisteredBy == client.ByClient {
		return made, refused, nil
	}
	return made, nil, nil
}

// isNear holds from where this server can be administered.
func (a *authority) isNear(ctx context.Context) bool {
	address := httpx.ClientAddress(ctx)
	return address.IsValid() && !httpx.HasUnprovenAddress(ctx) &&
		slices.ContainsFunc(a.networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

func unauthorized(parameters, detail string) *refusal {
	return &refusal{http.StatusUnauthorized, "invalid_token", detail, `Bearer realm="authly"` + parameters}
}

// presentation reads the token from the one place where it may be (RFC 6750 section 2.1).
func presentation(r *http.Request) (httpx.Presentation, *refusal) {
	presented, err := httpx.ReadPresentation(r)
	if err != nil || r.URL.Query().Has("access_token") {
		return httpx.Presentation{}, unauthorized("", "an access token is required, in the header Authorization")
	}
	return presented, nil
}
