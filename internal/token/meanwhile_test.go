package token_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/keys"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// gate holds everyone who signs until it is opened: a request that signs has been checked, and has
// recorded nothing.
type gate struct {
	*keys.Service
	arrived chan struct{}
	open    chan struct{}
}

func newGate(of *keys.Service) *gate {
	return &gate{of, make(chan struct{}, 64), make(chan struct{})}
}

func (g *gate) Sign(algorithm jose.Algorithm, typ string, claims any) (string, error) {
	g.arrived <- struct{}{}
	<-g.open
	return g.Service.Sign(algorithm, typ, claims)
}

// authenticated is what the client authentication does with a secret.
func (e *environment) authenticated(clientID string, credential secret.Redacted) token.Authenticate {
	return func(ctx context.Context) (client.Client, error) {
		known, err := e.clients.Find(ctx, clientID)
		switch {
		case fault.KindOf(err) == fault.NotFound, err == nil && !known.IsActive():
			return client.Client{}, oauth.Refuse(oauth.InvalidClient, "unknown or disabled")
		case err == nil && !known.IsPublic() && !known.KnowsSecret(credential, e.clock.Now()):
			return client.Client{}, oauth.Refuse(oauth.InvalidClient, "wrong secret")
		}
		return known, err
	}
}

// Everything that can be taken from a client, or end, between the check of a token request and its
// record: whatever was answered must not count afterwards, also not after the client was enabled again.
func TestWhatEndsMeanwhileIsNotIssued(t *testing.T) {
	t.Parallel()
	type world struct {
		*environment
		ctx   context.Context
		known client.Client
	}
	grantTypes := map[string]oauth.ErrorCode{"authorization_code": oauth.InvalidGrant, "refresh_token": oauth.InvalidGrant, "client_credentials": ""}
	endings := []struct {
		name string
		end  func(w world)
		// refused by the client's own state, else by that of the authorization
		client oauth.ErrorCode
	}{
		{"client disabled and enabled", func(w world) {
			w.must(w.clients.Disable(w.ctx, w.known.ID))
			w.must(w.clients.Enable(w.ctx, w.known.ID))
		}, "again"},
		{"client disabled", func(w world) { w.must(w.clients.Disable(w.ctx, w.known.ID)) }, oauth.InvalidClient},
		{"client deleted", func(w world) { w.must(w.clients.Delete(w.ctx, w.known.ID)) }, oauth.InvalidClient},
		{"secret replaced", func(w world) {
			_, err := w.clients.ReplaceSecret(w.ctx, w.known.ID)
			w.must(err)
		}, oauth.InvalidClient},
		{"secret expired at once", func(w world) {
			_, _, err := w.clients.AddSecret(w.ctx, w.known.ID, client.NewSecret{})
			w.must(err)
		}, oauth.InvalidClient},
		{"grant types taken", func(w world) {
			_, err := w.database.Write(w.ctx).Exec(w.ctx, `UPDATE clients SET grant_types = '[]', updated_at = $1 WHERE id = $2`, w.clock.Now(), w.known.ID)
			w.must(err)
		}, oauth.UnauthorizedClient},
		{"grant revoked", func(w world) {
			_, err := w.database.Write(w.ctx).Exec(w.ctx, `UPDATE grants SET revoked_at = updated_at WHERE client = $1`, w.known.ID)
			w.must(err)
		}, ""},
		{"user's tokens ended", func(w world) { w.must(w.tokens.EndAllOfUser(w.ctx, w.user)) }, ""},
		{"user disabled", func(w world) {
			_, err := w.database.Write(w.ctx).Exec(w.ctx, `UPDATE users SET state = 'disabled' WHERE id = $1`, w.user)
			w.must(err)
		}, ""},
	}
	for _, ending := range endings {
		for grantType, endedCode := range grantTypes {
			t.Run(ending.name+"/"+grantType, func(t *testing.T) {
				t.Parallel()
				dbtest.Each(t, func(t *testing.T, database *db.DB) {
					e := newEnvironment(t, database)
					made, err := e.clients.Register(t.Context(), client.Metadata{
						Name: "App", RedirectURIs: []string{redirectURI}, AuthenticationMethod: oauth.ClientSecretBasic, RefreshTokenRotation: client.Rotate,
						GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials},
						Scopes:     oauth.ScopeSet{"openid", "offline_access"},
					})
					e.must(err)
					w := world{environment: e, ctx: t.Context(), known: made.Client}
					request := url.Values{"grant_type": {grantType}}
					switch grantType {
					case "authorization_code":
						request = codeRequest(e.code(made.Client, nil))
					case "refresh_token":
						got, err := e.redeem(made.Client, e.code(made.Client, nil))
						e.must(err)
						request.Set("refresh_token", got.RefreshToken)
					}
					e.clock.Advance(time.Second)
					issued := func() (rows int) {
						e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM access_tokens`).Scan(&rows))
						return rows
					}
					before, held := issued(), newGate(e.keys)
					e.signing = held
					service := e.newService()
					params, err := oauth.ParseParams(request)
					e.must(err)
					answered := make(chan error)
					var answer token.Response
					go func() {
						var err error
						answer, err = service.Exchange(t.Context(), params, e.authenticated(made.Client.ClientID, made.Secret))
						answered <- err
					}()
					<-held.arrived
					ending.end(w)
					close(held.open)
					err = <-answered

					want := ending.client
					if want == "again" || want == "" {
						want = endedCode
					}
					if got := oauth.CodeOf(err); got != want || err != nil && got == "" {
						t.Fatalf("got %v, want %q", err, want)
					}
					if err == nil && !e.counts(answer.AccessToken) {
						t.Error("what was answered doesn't count")
					}
					if err != nil && issued() != before {
						t.Error("a token was stored, and not answered")
					}
				})
			})
		}
	}
}

// A client that is disabled after the recorder has judged it, and before its commit, and enabled
// again: PostgreSQL shows neither to the other in time, so the token is stored; but it counts never.
// SQLite has one writer, which the recorder is.
func TestTokenStoredWhileItsClientIsDisabledDoesNotLiveAgain(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		if engine == db.SQLite {
			continue
		}
		for _, format := range []client.AccessTokenFormat{client.FormatJWT, client.FormatOpaque} {
			t.Run(string(format), func(t *testing.T) {
				t.Parallel()
				database := dbtest.Open(t, engine)
				e := newEnvironment(t, database)
				known := e.register(func(n *client.Metadata) { confidential(n); n.AccessTokenFormat = format })
				judged, disabled := make(chan struct{}), make(chan struct{})
				ctx := database.Observed(t.Context(), func(statement db.Statement) {
					if strings.HasPrefix(statement.Text, "INSERT INTO access_tokens") {
						close(judged)
						<-disabled
					}
				})
				go func() {
					defer close(disabled)
					<-judged
					if err := errors.Join(e.clients.Disable(t.Context(), known.ID), e.clients.Enable(t.Context(), known.ID)); err != nil {
						t.Error(err)
					}
				}()
				params, err := oauth.ParseParams(url.Values{"grant_type": {"client_credentials"}})
				e.must(err)
				got, err := e.tokens.Exchange(ctx, params, func(context.Context) (client.Client, error) { return known, nil })
				e.must(err)
				if e.counts(got.AccessToken) {
					t.Error("the token lives again")
				}
			})
		}
	}
}

// A code that is stored while its client is disabled is no code of the client that is enabled again.
func TestCodeOfADisabledClientDoesNotLiveAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		code := e.code(known, nil)
		e.must(e.clients.Disable(t.Context(), known.ID))
		e.must(e.clients.Enable(t.Context(), known.ID))
		// As if the code had been committed after the transaction that disables had looked for codes.
		_, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE authorization_codes SET used_at = NULL`)
		e.must(err)
		now, err := e.clients.FindByRecord(t.Context(), known.ID)
		e.must(err)
		_, err = e.redeem(now, code)
		e.wantCode(err, oauth.InvalidGrant)
		if _, err := e.tokens.IssueCode(t.Context(), token.Code{Delegation: token.Delegation{Client: known.ID, ClientEpoch: known.Epoch, UserID: e.user}}); !errors.Is(err, token.ErrSessionEnded) {
			t.Errorf("a code for the client as it was: %v", err)
		}
		if _, err := e.redeem(now, e.code(now, nil)); err != nil {
			t.Errorf("a new code: %v", err)
		}
	})
}
