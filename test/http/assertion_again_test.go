package http_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// A token request is judged again, from the authentication on, if its client is changed before the token is stored. The
// assertion of that request is not a second use of it, and counts for no other request.
func TestAssertionOfARequestThatIsJudgedAgain(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			key := newSigningKey(t, jose.ES256)
			document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
			must(t, err)
			app := a.Confidential(callback, func(m *client.Metadata) { m.AuthenticationMethod, m.JWKS = oauth.PrivateKeyJWT, document })
			now := a.Clock.Now()
			assertion, err := jose.Sign(key, jose.TypeJWT, map[string]any{
				"iss": app.ClientID, "sub": app.ClientID, "aud": a.Issuer, "jti": "once", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			})
			must(t, err)
			form := asserted(url.Values{"grant_type": {"client_credentials"}}, assertion)
			a.Clock.Advance(time.Second)
			var once sync.Once
			watched := a.Database().Observed(t.Context(), func(statement db.Statement) {
				if statement.Text == db.Begin {
					once.Do(func() {
						metadata := app.Metadata
						metadata.Name = "Another name"
						_, err := a.Clients.Replace(t.Context(), app.ID, metadata)
						must(t, err)
					})
				}
			})
			if answer := a.Within(watched).Post("/oauth/token", form); answer.Status != http.StatusOK {
				t.Errorf("%d %s", answer.Status, answer.Body)
			}
			page, err := a.Audit.List(t.Context(), audit.Query{Action: audit.ClientAuthenticate})
			must(t, err)
			if len(page.Events) != 0 {
				t.Errorf("the log has %+v", page.Events)
			}
			if answer := a.Post("/oauth/token", form); answer.Status != http.StatusUnauthorized {
				t.Errorf("a second request with it: %d %s", answer.Status, answer.Body)
			}
		})
	}
}
