package clientauth

import (
	"context"
	"log/slog"
	"net/http"

	"authly/internal/client"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Authenticator authenticates the client of a request.
type Authenticator interface {
	Authenticate(ctx context.Context, credentials Credentials) (client.Client, error)
}

// Caller reads the parameters of a request that a client makes by itself, and
// authenticates it. Errors are for [httpx.WriteOAuthError].
func Caller(w http.ResponseWriter, r *http.Request, clients Authenticator) (oauth.Params, client.Client, error) {
	params, err := httpx.ReadParams(w, r)
	if err != nil {
		return oauth.Params{}, client.Client{}, err
	}
	caller, err := Identify(r.Context(), r, params, clients)
	return params, caller, err
}

// Identify authenticates the client of a request whose body parameters are given. The request's log line has
// the client, or what a caller claimed to be who could not prove it.
func Identify(ctx context.Context, r *http.Request, params oauth.Params, clients Authenticator) (client.Client, error) {
	return Identifier(r, params, clients)(ctx)
}

// Identifier returns what does the work of [Identify] as often as one request is judged, one time after the other. All of it is done each
// time, but an assertion is used up once: the request is still the first one that has it.
func Identifier(r *http.Request, params oauth.Params, clients Authenticator) func(ctx context.Context) (client.Client, error) {
	used := new(usedAssertion)
	return func(ctx context.Context) (client.Client, error) {
		credentials, err := FromRequest(r, params)
		if err != nil {
			return client.Client{}, err
		}
		credentials.used = used
		caller, err := clients.Authenticate(ctx, credentials)
		switch {
		case err == nil:
			httpx.Attach(ctx, slog.String("client_id", caller.ClientID))
		case credentials.ClientID != "":
			httpx.Attach(ctx, slog.String("claimed_client_id", claimed(credentials.ClientID)))
		}
		return caller, err
	}
}

// FromRequest collects the credentials of a request whose body parameters are
// given. Using two methods at once is an invalid_request (RFC 6749 section 2.3).
func FromRequest(r *http.Request, params oauth.Params) (Credentials, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return Credentials{}, oauth.Refuse(oauth.InvalidRequest, "more than one Authorization header")
	}
	inBody, err := fromBody(params)
	inBody.Path = r.URL.Path
	if err != nil || len(headers) == 0 {
		return inBody, err
	}
	clientID, clientSecret, err := oauth.ParseBasicCredentials(headers[0])
	if err != nil {
		return Credentials{}, err
	}
	if !inBody.Secret.IsZero() || !inBody.Assertion.IsZero() {
		return Credentials{}, oauth.Refuse(oauth.InvalidRequest, "more than one client authentication method")
	}
	if inBody.ClientID != "" && inBody.ClientID != clientID {
		return Credentials{}, oauth.Refuse(oauth.InvalidRequest, "client_id differs from the authenticated client")
	}
	return Credentials{ClientID: clientID, Secret: secret.FromString(clientSecret)}, nil
}

// fromBody collects what stands in the body. An assertion says by itself whose it
// is; a client_id beside it must be the same (RFC 7521 section 4.2).
func fromBody(params oauth.Params) (Credentials, error) {
	found := Credentials{
		ClientID: params.Get("client_id"), Secret: secret.FromString(params.Get("client_secret")), Assertion: secret.FromString(params.Get("client_assertion")),
	}
	isTyped := params.Has("client_assertion_type")
	switch {
	case found.Assertion.IsZero() && !isTyped:
		return found, nil
	case found.Assertion.IsZero() || params.Get("client_assertion_type") != AssertionType:
		return Credentials{}, oauth.Refuse(oauth.InvalidClient, "client_assertion and its type don't belong together")
	case !found.Secret.IsZero():
		return Credentials{}, oauth.Refuse(oauth.InvalidRequest, "more than one client authentication method")
	}
	claimed := claimedClient(found.Assertion.Reveal())
	if found.ClientID == "" {
		found.ClientID = claimed
	}
	if found.ClientID != claimed {
		return Credentials{}, oauth.Refuse(oauth.InvalidClient, "client_id differs from the authenticated client")
	}
	return found, nil
}
